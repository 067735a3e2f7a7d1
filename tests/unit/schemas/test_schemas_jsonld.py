"""JSON-LD with the bundled contexts only."""

from __future__ import annotations

import copy
import socket
from dataclasses import replace
from decimal import Decimal
from typing import Any, NoReturn

import pytest
import simplejson

from schemas import iris
from schemas.jsonld import (
    JsonLd,
    JsonLdContextUnknown,
    JsonLdInvalid,
    bundled_contexts,
    compact,
    expand,
    frame,
    lost_terms,
)
from schemas.packs import bundled_packs
from tests.support.bag_examples import BagExample, bag_examples
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
    order, contexts = copy.deepcopy(ORDER), copy.deepcopy(bundled_contexts())
    first, second = expand(ORDER), expand(ORDER)
    assert first == second
    assert order == ORDER
    assert contexts == bundled_contexts()


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


def test_an_order_that_is_compacted_means_what_it_meant() -> None:
    expanded = expand(ORDER)
    compacted = compact(ORDER, iris.CORE_CONTEXT)
    assert compacted["@context"] == iris.CORE_CONTEXT
    assert compacted["@type"] == "Order"
    assert compacted["beckn:orderStatus"] == ORDER["beckn:orderStatus"]
    assert expand(compacted) == expanded


@pytest.mark.parametrize("found", bag_examples(), ids=lambda found: found.label)
def test_a_bag_that_is_compacted_means_what_it_meant(found: BagExample) -> None:
    expanded = expand(found.bag)
    assert expand(compact(expanded, found.pack.contexts[0])) == expanded


def test_a_bag_is_compacted_to_the_terms_that_it_was_written_with() -> None:
    assert compact(expand(ENERGY_RESOURCE), iris.ENERGY_RESOURCE_CONTEXT) == ENERGY_RESOURCE


def test_what_a_document_has_of_a_shape_is_framed() -> None:
    shape = {"@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT, "@type": "EnergyTradeContract"}
    framed = frame(ORDER, {**shape, "@explicit": True, "contractedQuantity": {}})
    assert framed["contractedQuantity"] == ENERGY_TRADE_CONTRACT["contractedQuantity"]
    assert "sourceMeterId" not in framed


@pytest.mark.parametrize("work", [compact, frame])
def test_compacting_and_framing_fetch_nothing_either(work: Any) -> None:
    with pytest.raises(JsonLdContextUnknown):
        work(ENERGY_RESOURCE, {"@context": "https://peer.example/context.jsonld"})
    with pytest.raises(JsonLdInvalid):
        work(ENERGY_RESOURCE, {"@context": 5})


def test_terms_that_mean_nothing_are_found_with_their_places() -> None:
    bag = {
        **ENERGY_TRADE_CONTRACT,
        "sourceMeter": "0A1B2C01",
        "settlementCycles": [{"cycleId": "1"}, {"cycleID": "2", "note": {"inside": 1}}],
    }
    order = {**ORDER, "beckn:orderAttributes": bag, "becken:id": "x", "odd key": 1}
    assert lost_terms(order) == [
        "$['beckn:orderAttributes'].settlementCycles[1].cycleID",
        "$['beckn:orderAttributes'].settlementCycles[1].note",
        "$['beckn:orderAttributes'].sourceMeter",
        "$['odd key']",
    ]


def test_a_document_without_a_context_loses_everything() -> None:
    bag = {key: value for key, value in ENERGY_RESOURCE.items() if key != "@context"}
    assert len(lost_terms(bag)) == len(bag) - 1
    assert lost_terms({"@context": {"name": None}, "name": "left out on purpose"}) == []


def test_nothing_of_our_own_examples_is_lost() -> None:
    for document in (ORDER, *BAGS.values()):
        assert lost_terms(document) == []


def test_what_was_expanded_is_remembered_and_nobody_can_spoil_it() -> None:
    reader = JsonLd(bundled_packs())
    first = reader.expand(ENERGY_RESOURCE)
    first[0].clear()
    assert reader.expand(ENERGY_RESOURCE) == expand(ENERGY_RESOURCE) != first


def test_numbers_that_are_equal_but_of_another_kind_are_told_apart() -> None:
    reader = JsonLd(bundled_packs())
    for number in (1, 1.0, Decimal(1), Decimal("1.0"), True):
        bag = {"@context": iris.ENERGY_RESOURCE_CONTEXT, "availableQuantity": number}
        (value,) = _values(reader.expand(bag), f"{iris.BECKN}availableQuantity")
        assert (type(value), str(value)) == (type(number), str(number))


def test_what_is_very_large_is_expanded_but_not_remembered() -> None:
    reader = JsonLd(bundled_packs())
    bag = {**ENERGY_RESOURCE, "certificationStatus": "x" * 100_000}
    assert reader.expand(bag) == reader.expand(bag)
    assert not len(reader._expanded)


def test_two_readers_do_not_share_what_an_address_stands_for() -> None:
    address = iris.ENERGY_RESOURCE_CONTEXT
    mine = replace(bundled_packs()[0], contexts=(address,), context={"@context": {"area": "urn:area"}})
    bag = {"@context": address, "area": 5}
    assert expand(bag) == []
    assert JsonLd((mine,)).expand(bag) == [{"urn:area": [{"@value": 5}]}]
    assert expand({**bag, "meterId": "7"}) == [{iris.METER_ID: [{"@value": "7"}]}]
