"""The compiled schemas: what they take, what they refuse, and that they never stall."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
import simplejson

from protocol.actions import CALLBACK_OF, REQUEST_OF, Action
from protocol.profile import V2_RC
from schemas import iris
from schemas.library import GenerationUnknown
from schemas.validation import SchemaMissing, SchemaSet, Violation, schema_set
from tests.support.rc_examples import ACTIONS, BAGS, ENERGY_TRADE_CONTRACT, ENERGY_TRADE_OFFER, example

MAIN = "https://raw.githubusercontent.com/beckn/protocol-specifications-new/refs/heads/main"


@pytest.fixture
def schemas() -> SchemaSet:
    return schema_set("v2_rc")


def _confirm_with(bag: object) -> dict[str, Any]:
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    return confirm


def test_every_action_of_the_table_has_a_schema(schemas: SchemaSet) -> None:
    assert schemas.actions == {V2_RC.schema_of(action) for action in Action} == set(ACTIONS)


def test_a_generation_is_compiled_once() -> None:
    assert schema_set("v2_rc") is schema_set("v2_rc")


def test_a_generation_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(GenerationUnknown, match="no schemas for 'v9'; there are v1_1, v2_rc, v2_lts"):
        schema_set("v9")


def test_an_action_that_is_not_there_is_refused_by_name(schemas: SchemaSet) -> None:
    with pytest.raises(SchemaMissing, match="v2_rc has no message 'search'"):
        schemas.is_valid("search", {})
    with pytest.raises(SchemaMissing):
        schemas.violations("search", {})
    with pytest.raises(SchemaMissing):
        schemas.reference_violations("search", {})


@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_of_every_action_is_valid(schemas: SchemaSet, action: str) -> None:
    document = orjson.loads(orjson.dumps(example(action)))
    assert schemas.violations(action, document) == schemas.reference_violations(action, document) == []
    assert schemas.is_valid(action, document)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_message_of_another_action_is_refused(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    document["context"]["action"] = "something else"
    assert [v.path for v in schemas.violations(action, document)] == ["$.context.action"]


@pytest.mark.parametrize("key", ["version", "timestamp", "message_id", "transaction_id", "bap_id", "bap_uri"])
def test_the_context_needs_what_an_answer_needs(schemas: SchemaSet, key: str) -> None:
    document = example("discover")
    del document["context"][key]
    assert [(v.path, v.rule) for v in schemas.violations("discover", document)] == [
        (f"$.context.{key}", "required")
    ]


def test_only_a_message_to_a_catalogue_may_leave_the_seller_open(schemas: SchemaSet) -> None:
    for action in ACTIONS:
        document = example(action)
        for key in ("bpp_id", "bpp_uri"):
            document["context"].pop(key, None)
        open_ = {"discover", "catalog_publish", "catalog_on_publish"}
        assert schemas.is_valid(action, document) == (action in open_)


def test_a_context_may_have_further_keys_and_ids_that_are_no_uuid(schemas: SchemaSet) -> None:
    document = example("select")
    document["context"] |= {"message_id": "7", "network_id": ["town"], "x-trace": {"any": "thing"}}
    assert schemas.is_valid("select", document)


@pytest.mark.parametrize(
    ("timestamp", "fits"),
    [
        ("2026-03-01T12:00:00Z", True),
        ("2026-03-01T12:00:00.123456Z", True),
        ("2026-03-01T12:00:00+05:30", True),
        ("2026-03-01T12:00:00", False),
        ("2026-03-01 12:00:00Z", False),
        ("2026-03-01t12:00:00z", False),
        ("2026-02-30T12:00:00Z", False),
        ("2026-03-01T24:00:00Z", False),
        ("2026-12-31T23:59:60Z", False),
        ("2026-03-01T12:00:00Z\n", False),
        ("0000-01-01T00:00:00Z", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_the_time_stamp_is_an_instant_that_we_can_read(
    schemas: SchemaSet, timestamp: str, fits: bool
) -> None:
    document = example("status")
    document["context"]["timestamp"] = timestamp
    assert schemas.is_valid("status", document) is fits
    assert (schemas.reference_violations("status", document) == []) is fits


def test_a_wrong_time_stamp_is_told_once_and_with_an_example(schemas: SchemaSet) -> None:
    document = example("status")
    document["context"]["timestamp"] = "yesterday"
    assert schemas.violations("status", document) == [
        Violation(
            "$.context.timestamp",
            schemas.violations("status", document)[0].rule,
            '"yesterday" is no instant',
            'Write it like "2026-01-09T10:00:00Z".',
        )
    ]


@pytest.mark.parametrize("action", [V2_RC.schema_of(callback) for callback in REQUEST_OF])
def test_a_callback_carries_a_message_or_an_error(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    error = {"code": "BIZ_QUANTITY_UNAVAILABLE", "message": "only 3 kWh are left", "details": {"left": 3}}
    assert schemas.is_valid(action, {"context": document["context"], "error": error})
    assert schemas.is_valid(action, {**document, "error": error})
    assert not schemas.is_valid(action, {"context": document["context"]})
    assert not schemas.is_valid(action, {"context": document["context"], "error": {"code": "BIZ"}})


def test_a_callback_with_neither_is_told_what_it_may_carry(schemas: SchemaSet) -> None:
    document = {"context": example("on_confirm")["context"]}
    assert schemas.violations("on_confirm", document) == [
        Violation("$", "anyOf", "none of these is there: message; error", "Add one of them.")
    ]


@pytest.mark.parametrize("action", [V2_RC.schema_of(request) for request in CALLBACK_OF])
def test_a_request_needs_its_message(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    document["error"] = {"code": "BIZ", "message": "…"}
    del document["message"]
    assert [v.path for v in schemas.violations(action, document)] == ["$.message"]


@pytest.mark.parametrize("action", ["on_confirm", "on_status", "update", "on_update", "on_cancel"])
def test_an_order_that_lives_has_an_identifier(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    del document["message"]["order"]["beckn:id"]
    assert [v.path for v in schemas.violations(action, document)] == ["$.message.order['beckn:id']"]


@pytest.mark.parametrize("action", ["select", "on_select", "init", "on_init", "confirm"])
def test_an_order_that_is_not_yet_made_needs_none(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    del document["message"]["order"]["beckn:id"]
    assert schemas.is_valid(action, document)


@pytest.mark.parametrize("action", ["status", "cancel"])
def test_an_order_is_asked_for_by_its_identifier_or_in_full(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    assert schemas.is_valid(action, document)
    document["message"]["order"] = example("on_status")["message"]["order"]
    assert schemas.is_valid(action, document)
    document["message"]["order"] = {}
    assert not schemas.is_valid(action, document)
    document["message"]["order"] = {"beckn:id": "order-1", "beckn:sellerr": "x"}
    assert not schemas.is_valid(action, document)


@pytest.mark.parametrize("criterion", ["text_search", "filters", "spatial"])
def test_a_discover_needs_one_criterion(schemas: SchemaSet, criterion: str) -> None:
    document = example("discover")
    document["message"] = {criterion: document["message"][criterion]}
    assert schemas.is_valid("discover", document)
    document["message"] = {}
    assert [v.rule for v in schemas.violations("discover", document)] == ["anyOf"]


@pytest.mark.parametrize(
    ("iri", "checked"),
    [
        (f"{MAIN}/schema/EnergyTradeContract/v0.2/context.jsonld", True),
        (f"{MAIN.replace('main', 'draft')}/schema/EnergyTradeContract/v0.2/context.jsonld", True),
        (f"{MAIN.replace('refs/heads/', '')}/schema/EnergyTradeContract/v0.2/context.jsonld", True),
        (f"{MAIN.replace('main', 'p2p-trading')}/schema/EnergyTradeContract/v0.2/context.jsonld", False),
        (f"{MAIN.replace('main', 'never-heard-of')}/schema/EnergyTradeContract/v0.2/context.jsonld", False),
        (f"{MAIN}/schema/EnergyTradeContract/v0.3/context.jsonld", False),
        (f"{MAIN}/schema/EnergyTradeOrder/v0.2/context.jsonld", False),
        ("https://peer.example/EnergyTradeContract/v0.2/context.jsonld", False),
    ],
)
@pytest.mark.parametrize(
    "name", ["EnergyTradeContract", "beckn:EnergyTradeContract", f"{iris.BECKN}EnergyTradeContract"]
)
def test_a_bag_is_checked_when_its_name_and_its_context_are_of_the_plain_family(
    schemas: SchemaSet, iri: str, checked: bool, name: str
) -> None:
    document = _confirm_with({"@context": iri, "@type": name, "contractStatus": "SLEEPING"})
    assert schemas.is_valid("confirm", document) is not checked
    assert bool(schemas.reference_violations("confirm", document)) is checked


def test_a_bag_of_another_name_passes_whatever_its_context(schemas: SchemaSet) -> None:
    bag = {"@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT, "@type": "SomethingElse", "any": ["thing"]}
    assert schemas.is_valid("confirm", _confirm_with(bag))


@pytest.mark.parametrize("bag", [{}, {"@type": "X"}, {"@context": "x"}, {"@context": 1, "@type": "X"}, "X"])
def test_a_bag_says_what_it_is(schemas: SchemaSet, bag: object) -> None:
    assert not schemas.is_valid("confirm", _confirm_with(bag))


@pytest.mark.parametrize("name", BAGS)
def test_a_bundle_takes_keys_of_json_ld_and_no_other_that_it_does_not_know(
    schemas: SchemaSet, name: str
) -> None:
    bag = BAGS[name]
    assert schemas.is_valid("confirm", _confirm_with({**bag, "@id": "urn:bag:1"}))
    assert schemas.violations("confirm", _confirm_with({**bag, "breakdown": {}}))[0].path == (
        "$.message.order['beckn:orderAttributes'].breakdown"
    )


@pytest.mark.parametrize(
    ("hour", "fits"),
    [
        ("09:00", True),
        ("09:00:00", True),
        ("09:00:00Z", True),
        ("9:00", False),
        ("24:00", False),
        ("noon", False),
    ],
)
def test_an_hour_of_the_day_may_leave_out_its_seconds(schemas: SchemaSet, hour: str, fits: bool) -> None:
    rate = {"timeRange": {"start": hour, "end": "17:00"}, "rate": 0.15, "currency": "USD"}
    document = _confirm_with({**ENERGY_TRADE_OFFER, "timeOfDayRates": [rate]})
    assert schemas.is_valid("confirm", document) is fits


def test_a_fault_deep_in_a_bundle_is_told_with_its_path_and_the_words_allowed(schemas: SchemaSet) -> None:
    cycle = {**ENERGY_TRADE_CONTRACT["settlementCycles"][0], "status": "DONE"}
    document = _confirm_with({**ENERGY_TRADE_CONTRACT, "settlementCycles": [cycle]})
    assert schemas.violations("confirm", document) == [
        Violation(
            "$.message.order['beckn:orderAttributes'].settlementCycles[0].status",
            "enum",
            '"DONE" is no value that is allowed here',
            "Write one of: PENDING, SETTLED, FAILED.",
        )
    ]


def test_decimals_count_as_the_numbers_they_are(schemas: SchemaSet) -> None:
    document = simplejson.loads(simplejson.dumps(example("on_discover")), use_decimal=True)
    item = document["message"]["catalogs"][0]["beckn:items"][0]
    assert isinstance(item["beckn:itemAttributes"]["availableQuantity"], Decimal)
    item["beckn:rating"]["beckn:ratingCount"] = Decimal("8.0")
    assert schemas.is_valid("on_discover", document)
    assert schemas.reference_violations("on_discover", document) == []
    item["beckn:rating"]["beckn:ratingCount"] = Decimal("8.5")
    item["beckn:itemAttributes"]["availableQuantity"] = Decimal("-0.001")
    fast = schemas.violations("on_discover", document)
    assert {v.rule for v in fast} == {"type", "minimum"}
    assert set(fast) == set(schemas.reference_violations("on_discover", document))


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_is_none_to_either_validator(schemas: SchemaSet, number: Decimal) -> None:
    document = _confirm_with({**ENERGY_TRADE_CONTRACT, "contractedQuantity": number})
    assert not schemas.is_valid("confirm", document)
    assert schemas.reference_violations("confirm", document)[0].rule == "type"


def test_no_more_is_told_than_was_asked_for(schemas: SchemaSet) -> None:
    assert len(schemas.violations("confirm", {"context": {}, "message": {"order": {}}}, limit=3)) == 3
    assert len(schemas.violations("confirm", {"context": {}, "message": {"order": {}}}, limit=100)) > 10


@pytest.mark.parametrize("document", [None, 1, "text", [], True])
def test_what_is_no_object_is_no_message(schemas: SchemaSet, document: object) -> None:
    assert [(v.path, v.rule) for v in schemas.violations("confirm", document)] == [("$", "type")]


def test_a_fault_past_the_first_entries_of_an_array_is_told(schemas: SchemaSet) -> None:
    document = example("rating")
    good = document["message"]["ratings"][0]
    document["message"]["ratings"] = [good] * 50 + [{**good, "category": "WEATHER"}]
    assert [v.path for v in schemas.violations("rating", document)] == ["$.message.ratings[50].category"]


def test_an_object_with_very_many_keys_is_told_its_first_fault(schemas: SchemaSet) -> None:
    document = _confirm_with({**ENERGY_TRADE_CONTRACT, **{f"k{n}": n for n in range(1_000)}})
    told = schemas.violations("confirm", document)
    assert [v.path for v in told] == [f"$.message.order['beckn:orderAttributes'].k{n}" for n in range(5)]


@pytest.mark.parametrize("depth", [100, 1_000])
def test_a_very_deep_message_is_refused_and_told_so(schemas: SchemaSet, depth: int) -> None:
    deep = orjson.loads(b'{"a":' * depth + b"1" + b"}" * depth)
    document = example("confirm")
    document["message"] = {"order": deep}
    assert not schemas.is_valid("confirm", document)
    assert schemas.violations("confirm", document)


def test_a_very_deep_value_that_the_validator_cannot_hand_back_is_told_without_its_place(
    schemas: SchemaSet,
) -> None:
    document = example("status")
    document["message"] = orjson.loads(b"[" * 1_000 + b"]" * 1_000)
    assert schemas.violations("status", document) == [
        Violation(
            "$",
            "depth",
            "the message is wrong, and nested too deeply to say where",
            "Send a flatter message.",
        )
    ]
