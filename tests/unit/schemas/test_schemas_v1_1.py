"""The v1.1 wire: what its transport lets pass, and what a participant needs beyond that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import orjson
import pytest

from schemas.library import BASE, Rules, transport_library
from schemas.validation import SchemaSet, schema_set
from tests.support.rc_examples import ENERGY_TRADE_CONTRACT
from tests.support.v1_1_examples import ACTIONS, example

CALLBACKS = [action for action in ACTIONS if action.startswith("on_")]
BAG = f"{BASE}v1_1/parts/attributes.json"
REFUSAL = {"code": "40002", "paths": "message.order.items[0]", "message": "only 3 kWh are left"}


@pytest.fixture
def transport() -> SchemaSet:
    return schema_set("v1_1", Rules.TRANSPORT)


@pytest.fixture
def participant() -> SchemaSet:
    return schema_set("v1_1", Rules.PARTICIPANT)


def _places(schemas: SchemaSet, action: str, document: Any) -> list[str]:
    assert schemas.is_valid(action, document) == (not schemas.violations(action, document))
    return [violation.path for violation in schemas.violations(action, document)]


def _confirm(**changes: Any) -> Any:
    confirm = example("confirm")
    confirm["message"]["order"] |= changes
    return confirm


@pytest.mark.parametrize("rules", Rules)
@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_of_every_message_is_valid(action: str, rules: Rules) -> None:
    schemas = schema_set("v1_1", rules)
    document = orjson.loads(orjson.dumps(example(action)))
    assert schemas.violations(action, document) == schemas.reference_violations(action, document) == []
    assert schemas.is_valid(action, document)


def test_there_is_a_schema_for_every_message(transport: SchemaSet, participant: SchemaSet) -> None:
    assert transport.actions == participant.actions == set(ACTIONS)


def test_every_part_has_its_use() -> None:
    schemas = {
        name: schema
        for name, schema in transport_library("v1_1").documents.items()
        if name.startswith(f"{BASE}v1_1/")
    }
    used = {urljoin(name, reference) for name, schema in schemas.items() for reference in _references(schema)}
    assert {name for name in schemas if "/parts/" in name} - used == {BAG}, "a participant checks bags by it"


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node["$ref"] for key in node if key == "$ref")
    for entry in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(entry)


def test_the_transport_asks_for_hardly_any_key(transport: SchemaSet, participant: SchemaSet) -> None:
    bare = {"context": {"action": "confirm"}, "message": {"order": {}}}
    assert _places(transport, "confirm", bare) == []
    assert "$.context.version" in _places(participant, "confirm", bare)
    assert _places(transport, "search", {"context": {}, "message": {}}) == []


@pytest.mark.parametrize("key", ["version", "timestamp", "message_id", "transaction_id", "bap_id", "bap_uri"])
def test_a_participant_needs_what_an_answer_needs(participant: SchemaSet, key: str) -> None:
    search = example("search")
    del search["context"][key]
    assert _places(participant, "search", search) == [f"$.context.{key}"]


def test_only_a_search_may_leave_the_seller_open(participant: SchemaSet) -> None:
    for action in ACTIONS:
        document = example(action)
        for key in ("bpp_id", "bpp_uri"):
            document["context"].pop(key, None)
        assert participant.is_valid(action, document) == (action == "search"), action


def test_a_participant_reads_instants_and_the_domain(transport: SchemaSet, participant: SchemaSet) -> None:
    confirm = _confirm(created_at="yesterday", updated_at="2026-03-01 12:00")
    confirm["context"] |= {"timestamp": "2026-13-01T00:00:00Z", "domain": 7}
    assert _places(transport, "confirm", confirm) == []
    assert sorted(_places(participant, "confirm", confirm)) == [
        "$.context.domain",
        "$.context.timestamp",
        "$.message.order.created_at",
        "$.message.order.updated_at",
    ]


def test_times_that_only_people_read_may_be_written_as_they_like(participant: SchemaSet) -> None:
    stops = [{"type": "start", "time": {"timestamp": "2026-03-02T09:00:00", "label": "after breakfast"}}]
    assert _places(participant, "confirm", _confirm(fulfillments=[{"id": "grid", "stops": stops}])) == []


@pytest.mark.parametrize("bag", [5, {}, {"@type": "EnergyTradeContract"}])
def test_a_bag_that_is_none_passes_the_transport_only(
    transport: SchemaSet, participant: SchemaSet, bag: object
) -> None:
    confirm = _confirm(orderAttributes=bag)
    assert transport.is_valid("confirm", confirm)
    assert _places(participant, "confirm", confirm)[0].startswith("$.message.order.orderAttributes")


def test_a_participant_holds_the_contract_to_its_bundle(transport: SchemaSet, participant: SchemaSet) -> None:
    confirm = _confirm(orderAttributes={**ENERGY_TRADE_CONTRACT, "contractedQuantity": "ten"})
    assert transport.is_valid("confirm", confirm)
    assert _places(participant, "confirm", confirm) == ["$.message.order.orderAttributes.contractedQuantity"]


@pytest.mark.parametrize("action", CALLBACKS)
def test_a_callback_says_what_was_asked_for_or_why_not(participant: SchemaSet, action: str) -> None:
    context = example(action)["context"]
    assert _places(participant, action, {"context": context, "error": REFUSAL}) == []
    assert not participant.is_valid(action, {"context": context})


@pytest.mark.parametrize("action", CALLBACKS)
def test_the_transport_asks_for_a_message_after_a_rating_only(transport: SchemaSet, action: str) -> None:
    silent = {"context": example(action)["context"]}
    assert transport.is_valid(action, silent) == (action != "on_rating")


def test_a_quoted_order_is_in_the_quote(transport: SchemaSet, participant: SchemaSet) -> None:
    quote = {**example("on_select"), "message": {}}
    assert transport.is_valid("on_select", quote)
    assert _places(participant, "on_select", quote) == ["$.message.order"]


def test_a_key_never_heard_of_is_nobodys_business(transport: SchemaSet, participant: SchemaSet) -> None:
    confirm = _confirm(neverHeardOf=1) | {"neverHeardOf": 2}
    assert transport.is_valid("confirm", confirm)
    assert participant.is_valid("confirm", confirm)


def test_a_wrong_place_on_the_map_is_told_by_name(participant: SchemaSet) -> None:
    search = example("search")
    search["context"]["location"]["gps"] = "somewhere"
    (violation,) = participant.violations("search", search)
    assert violation.path == "$.context.location.gps"
    assert violation.message == '"somewhere" is no pair of coordinates'
    assert violation.hint == 'Write it like "12.9716,77.5946".'
