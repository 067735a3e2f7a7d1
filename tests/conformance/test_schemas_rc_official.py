"""Our schemas beside the official ones: on real messages, on our own, and on thousands of damaged ones.

`DIFFERENCES` lists every way in which we mean to differ; any other way fails, and so does one
that no damaged message shows any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from schemas import iris
from schemas.validation import schema_set
from tests.support.mutations import Mutation, mutations
from tests.support.official_rc import (
    official_accepts,
    official_bundle_accepts,
    official_message_errors,
    official_order_errors,
)
from tests.support.rc_examples import ACTIONS, BAGS, ORDER, example

_BAG: Final = r"beckn:(item|offer|order|delivery)Attributes"

DIFFERENCES: Final = {
    "the context must say what a node needs to answer": re.compile(
        r"\w+ context/(version|action|timestamp|message_id|transaction_id|b[ap]p_id|b[ap]p_uri) dropped"
    ),
    "the time stamp must be one": re.compile(r"\w+ context/timestamp str instead"),
    "the domain must be text; officially it may be anything": re.compile(r"\w+ context/domain \w+ instead"),
    "a discover without a message says nothing": re.compile(r"discover message dropped"),
    "the official schema of rating forgets to say `properties`, and so takes anything": re.compile(
        r"rating message.*"
    ),
    "an error beside a message must be one": re.compile(r"on_\w+ error.*"),
    "the bundles of the energy trade family are checked, officially any bag will do": re.compile(
        rf"\w+ message/.*{_BAG}/.*"
    ),
}
"""Why we refuse what is officially accepted, and what such a damaged message looks like."""

BUNDLE_DIFFERENCES: Final = {
    "instants and hours must be readable": re.compile(
        r"\w+ .*(start|end|Time|timestamp|Date|lastUpdated) str instead"
    ),
}

_Case = tuple[str, Mutation]


def _label(action: str, mutation: Mutation) -> str:
    return f"{action} {mutation.place} {mutation.kind}"


@pytest.fixture(scope="module")
def messages(shared: Path) -> list[tuple[str, Any]]:
    """Every accepted real message and every example of ours."""
    folder = shared / "corpus"
    entries = orjson.loads((folder / "manifest.json").read_bytes())
    real = [
        (entry["action"], orjson.loads((folder / entry["file"]).read_bytes()))
        for entry in entries
        if entry["profile"] == "rc" and entry["valid"] and entry["action"] in ACTIONS
    ]
    return real + [(action, example(action)) for action in ACTIONS]


@pytest.fixture(scope="module")
def damaged(messages: list[tuple[str, Any]]) -> dict[str, _Case]:
    """Every message with every kind of damage, once for each action and place."""
    return {
        _label(action, mutation): (action, mutation)
        for action, document in messages
        for mutation in mutations(document)
    }


def test_both_accept_every_real_message_and_every_example(messages: list[tuple[str, Any]]) -> None:
    for action, document in messages:
        assert official_message_errors(action, document) == []
        assert schema_set("v2_rc").violations(action, document) == []


def test_the_official_order_schema_can_be_asked_alone() -> None:
    assert official_order_errors(ORDER) == []
    assert official_order_errors({**ORDER, "beckn:provider": "someone"}) != []


def test_damaged_messages_get_the_official_verdict_but_for_the_listed_differences(
    damaged: dict[str, _Case],
) -> None:
    assert len(damaged) > 10_000
    shown = set()
    for label, (action, mutation) in damaged.items():
        ours = schema_set("v2_rc").is_valid(action, mutation.document)
        officially = official_accepts(action, mutation.document)
        if ours != officially:
            reason = _reason(DIFFERENCES, label)
            assert reason, f"{label}: officially {officially}, ours {ours}"
            assert officially, f"{label}: we accept what is officially refused"
            shown.add(reason)
    assert shown == set(DIFFERENCES)


def test_the_fast_and_the_reference_validator_agree_on_damaged_messages(damaged: dict[str, _Case]) -> None:
    schemas = schema_set("v2_rc")
    by_place = {f"{m.place} {m.kind}": (action, m) for action, m in damaged.values()}
    for label, (action, mutation) in by_place.items():
        slow = schemas.reference_violations(action, mutation.document, limit=1)
        assert schemas.is_valid(action, mutation.document) == (not slow), label


def test_damaged_messages_are_told_why(damaged: dict[str, _Case]) -> None:
    schemas = schema_set("v2_rc")
    for label, (action, mutation) in damaged.items():
        told = schemas.violations(action, mutation.document)
        assert bool(told) != schemas.is_valid(action, mutation.document), label


def test_bundles_agree_with_the_official_bundles_but_for_the_listed_differences() -> None:
    shown = set()
    for name, bag in BAGS.items():
        assert official_bundle_accepts(name, bag)
        for mutation in _bag_mutations(bag):
            ours = schema_set("v2_rc").is_valid("confirm", _with_bag(mutation.document))
            officially = official_bundle_accepts(name, mutation.document)
            if ours != officially:
                reason = _reason(BUNDLE_DIFFERENCES, _label(name, mutation))
                assert reason, _label(name, mutation)
                assert officially
                shown.add(reason)
    assert shown == set(BUNDLE_DIFFERENCES)


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.startswith("on_")])
def test_a_callback_with_an_error_alone_is_accepted_by_us_only(action: str) -> None:
    refusal = {
        "context": example(action)["context"],
        "error": {"code": "BIZ_QUANTITY_UNAVAILABLE", "message": "only 3 kWh are left"},
    }
    assert schema_set("v2_rc").is_valid(action, refusal)
    assert not official_accepts(action, refusal)


def test_lines_of_a_short_cancel_are_accepted_by_us_only() -> None:
    """Officially a line must fit exactly one of two forms, and every good line fits both."""
    cancel = example("cancel")
    cancel["message"]["order"]["beckn:orderItems"] = [{"beckn:orderedItem": "solar-1", "beckn:lineId": "1"}]
    assert schema_set("v2_rc").is_valid("cancel", cancel)
    assert not official_accepts("cancel", cancel)


def test_a_place_in_the_context_is_looked_at_less_closely_than_officially() -> None:
    discover = example("discover")
    discover["context"]["location"] = {"gps": "somewhere", "circle": {"radius": 5}}
    assert schema_set("v2_rc").is_valid("discover", discover)
    assert not official_accepts("discover", discover)


def test_json_ld_keys_stand_in_our_bundles_though_the_official_ones_name_none() -> None:
    bag = BAGS[iris.ENERGY_TRADE_CONTRACT]
    assert {"@context", "@type"} <= set(bag)
    assert schema_set("v2_rc").is_valid("confirm", _with_bag({**bag, "@id": "urn:contract:1"}))


def _reason(differences: dict[str, re.Pattern[str]], label: str) -> str | None:
    return next((reason for reason, pattern in differences.items() if pattern.fullmatch(label)), None)


def _bag_mutations(bag: dict[str, Any]) -> Iterator[Mutation]:
    return (m for m in mutations(bag) if not str(m.path[0]).startswith("@"))


def _with_bag(bag: object) -> object:
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    return confirm
