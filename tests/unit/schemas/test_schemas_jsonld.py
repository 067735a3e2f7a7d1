"""Expansion with the bundled contexts only."""

from __future__ import annotations

import copy
import socket
from decimal import Decimal
from typing import Any, NoReturn

import pytest
import simplejson

from schemas import iris
from schemas.jsonld import JsonLdContextUnknown, JsonLdInvalid, bundled_contexts, expand
from schemas.packs import bundled_packs
from tests.support.rc_examples import (
    BAGS,
    ENERGY_RESOURCE,
    ENERGY_TRADE_CONTRACT,
    ENERGY_TRADE_DELIVERY,
    ORDER,
)

DATE_TIME = "http://www.w3.org/2001/XMLSchema#dateTime"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("expansion went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _values(expanded: list[Any], iri: str) -> list[Any]:
    return [value["@value"] for node in expanded for value in node[iri]]


def test_every_name_of_a_meter_expands_to_the_ieee_term() -> None:
    assert _values(expand(ENERGY_RESOURCE), iris.METER_ID) == ["0A1B2C01"]
    assert _values(expand(ENERGY_TRADE_CONTRACT), iris.METER_ID) == ["0A1B2C01", "0A1B2C02"]
    assert iris.METER_ID == "https://schemas.ieee.org/2030.5/mRID"


def test_an_order_expands_with_the_bags_in_it() -> None:
    (order,) = expand(ORDER)
    assert order["@type"] == [f"{iris.BECKN}Order"]
    (contract,) = order[f"{iris.BECKN}orderAttributes"]
    assert contract["@type"] == [f"{iris.BECKN}EnergyTradeContract"]
    assert contract[f"{iris.BECKN}contractStatus"] == [{"@id": f"{iris.BECKN}ContractStatusCompleted"}]
    (line,) = order[f"{iris.BECKN}orderItems"]
    (offer,) = line[f"{iris.BECKN}acceptedOffer"]
    (terms,) = offer[f"{iris.BECKN}offerAttributes"]
    assert terms[f"{iris.BECKN}pricingModel"] == [{"@id": f"{iris.BECKN}PricingModelTimeOfDay"}]


def test_the_same_word_means_its_own_thing_in_each_kind_of_cycle() -> None:
    (contract,) = expand(ENERGY_TRADE_CONTRACT)
    (settlement,) = contract[f"{iris.BECKN}settlementCycles"]
    (billing,) = contract[f"{iris.BECKN}billingCycles"]
    assert settlement[f"{iris.BECKN}status"] == [{"@id": f"{iris.BECKN}SettlementCycleStatusSettled"}]
    assert billing[f"{iris.BECKN}status"] == [{"@id": f"{iris.BECKN}BillingCycleStatusPending"}]


def test_instants_expand_with_their_type() -> None:
    (delivery,) = expand(ENERGY_TRADE_DELIVERY)
    assert delivery["https://schema.org/dateModified"] == [
        {"@type": DATE_TIME, "@value": "2026-03-02T09:15:02Z"}
    ]


def test_no_key_of_a_bundle_is_lost() -> None:
    for bag in BAGS.values():
        for key in bag.keys() - {"@context", "@type", "deliveryEndTime"}:
            assert expand({"@context": bag["@context"], key: bag[key]}), key


def test_decimals_come_through_exactly() -> None:
    bag = simplejson.loads(simplejson.dumps(ENERGY_RESOURCE).replace("25.5", "25.500"), use_decimal=True)
    (quantity,) = _values(expand(bag), f"{iris.BECKN}availableQuantity")
    assert isinstance(quantity, Decimal)
    assert str(quantity) == "25.500"


def test_coordinates_keep_their_order() -> None:
    place = {"@context": iris.CORE_CONTEXT, "geo": {"type": "Point", "coordinates": [4.9, 52.4]}}
    (expanded,) = expand(place)
    assert expanded[f"{iris.BECKN}geo"] == [
        {"@type": "@json", "@value": {"type": "Point", "coordinates": [4.9, 52.4]}}
    ]


def test_expansion_leaves_its_document_and_the_contexts_alone() -> None:
    order, contexts = copy.deepcopy(ORDER), copy.deepcopy(dict(bundled_contexts()))
    first, second = expand(ORDER), expand(ORDER)
    assert first == second
    assert order == ORDER
    assert contexts == dict(bundled_contexts())


@pytest.mark.parametrize("branch", ["refs/heads/main", "refs/heads/draft", "main"])
def test_a_context_is_known_on_each_branch_of_its_family(branch: str) -> None:
    path = "schema/EnergyTradeContract/v0.2/context.jsonld"
    bag = {**ENERGY_TRADE_CONTRACT, "@context": f"{iris.PUBLISHER}/{branch}/{path}"}
    assert expand(bag) == expand(ENERGY_TRADE_CONTRACT)


def test_the_same_name_on_another_branch_is_read_with_that_branch_s_context() -> None:
    context = f"{iris.PUBLISHER}/refs/heads/p2p-trading/schema/EnergyResource/v0.2/context.jsonld"
    (resource,) = expand({"@context": context, "meterId": "der://meter/7"})
    assert resource == {f"{iris.BECKN}meterId": [{"@value": "der://meter/7"}]}


@pytest.mark.parametrize(
    "iri",
    [
        "https://peer.example/context.jsonld",
        "https://peer.example/schema/core/v2/context.jsonld",
        f"{iris.PUBLISHER}/schema/core/v2/context.jsonld",
        f"{iris.PUBLISHER}/refs/tags/v1/schema/core/v2/context.jsonld",
        f"{iris.PUBLISHER}/refs/heads/main/schema/EnergyCustomer/v0.1/context.jsonld",
        f"{iris.CORE_CONTEXT}?x=1",
        "file:///etc/passwd",
    ],
)
def test_a_context_that_is_not_bundled_is_refused_by_name(iri: str) -> None:
    with pytest.raises(JsonLdContextUnknown) as refused:
        expand({"@context": iri, "name": "x"})
    assert (refused.value.code, refused.value.http_status) == ("SCH_INVALID_JSONLD_CONTEXT", 400)
    assert iri in refused.value.message
    assert refused.value.hint is not None
    assert "GET /contexts" in refused.value.hint


@pytest.mark.parametrize(
    "document",
    [
        {"@context": {"a": {"@id": 5}}, "a": 1},
        {"@context": 5, "a": 1},
        {"@context": "../relative", "a": 1},
        {"@id": 5},
    ],
)
def test_what_is_no_json_ld_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(JsonLdInvalid):
        expand(document)


def test_a_very_deep_document_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(5_000):
        document = {"beckn:a": document}
    with pytest.raises(JsonLdInvalid, match="too deeply"):
        expand({"@context": iris.CORE_CONTEXT, **document})


def test_every_context_is_served_by_the_iri_it_usually_has() -> None:
    contexts = bundled_contexts()
    assert set(contexts) == {iris.CORE_CONTEXT, *(pack.contexts[0] for pack in bundled_packs())}
    assert iris.REVENUE_FLOW_CONTEXT in contexts


def test_every_context_stands_on_its_own_and_names_what_it_is_about() -> None:
    for iri, served in bundled_contexts().items():
        (node,) = expand({"@context": iri, "@type": "beckn:Thing", "beckn:id": "1"})
        assert node["@type"] == [f"{served['@context']['beckn']}Thing"]
    for pack in bundled_packs():
        assert pack.types[0] in pack.context["@context"]
