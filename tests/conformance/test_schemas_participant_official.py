"""How a participant's rules differ from the official ones: in the listed ways, and in no other.

Every reason stands in `docs/wire-deviations.md`, under its generation.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from schemas.validation import SchemaSet, schema_set
from tests.support.official import official_accepts
from tests.support.official_cases import GENERATIONS, Case, actions, damaged, example

_MISWRITTEN: Final = r"(str instead|other case|longer|spaced|emptied|broken date .*)"

_INSTANT: Final = ("The time stamp is an instant.", rf"\w+ context/timestamp {_MISWRITTEN}")
_DOMAIN: Final = ("The domain is text.", r"\w+ context/domain \w+ instead")
_BAGS: Final = ("A bag that a pack knows is checked by its pack.", r"\w+ message/.*Attributes/.*")
_ERROR: Final = ("An error beside a message is one.", r"\w+ error.*")


def _complete(*keys: str) -> tuple[str, str]:
    dropped = "|".join(("version", "action", "timestamp", *keys))
    return "The context says what a node needs to answer.", rf"\w+ context/({dropped}) dropped"


_SNAKE: Final = _complete("message_id", "transaction_id", "bap_id", "bap_uri", "bpp_id", "bpp_uri")
_CAMEL: Final = _complete("messageId", "transactionId", "bapId", "bapUri", "bppId", "bppUri")

STRICTER: Final = {
    "v1_1": (
        _SNAKE,
        _INSTANT,
        _DOMAIN,
        ("A callback carries a message or an error.", r"on_\w+ message dropped"),
        ("An on_select carries an order.", r"on_select message/order dropped"),
        ("The bag that rides on an order is one.", r"\w+ message/order/orderAttributes.*"),
        ("Dates and times are instants.", rf"\w+ message/.*(_at|timestamp|start|end) {_MISWRITTEN}"),
    ),
    "v2_rc": (
        _SNAKE,
        _INSTANT,
        _DOMAIN,
        _BAGS,
        _ERROR,
        ("A discover carries a message.", r"discover message dropped"),
        ("A rating has the shape that the official text describes.", r"rating message.*"),
    ),
    "v2_lts": (
        _CAMEL,
        _INSTANT,
        _BAGS,
        _ERROR,
        ("A message is an object.", r"\w+ message \w+ instead"),
    ),
}
"""What a participant refuses though it is officially accepted, and what such a damaged message looks like."""

LOOSER: Final = {
    "v1_1": (),
    "v2_rc": (),
    "v2_lts": (("An add-on may be plain.", r"\w+ message/.*/addOns/\*/resourceIds (dropped|list instead)"),),
}
"""The same the other way round."""


ERROR_ALONE: Final = "A callback may carry an error alone."
SHORT_LINES: Final = "A line of a short cancel may be plain."
PLACES: Final = "A place in the context is looked at from outside only."

_DEVIATIONS: Final = Path(__file__).parents[2] / "docs" / "wire-deviations.md"


def _reason(differences: tuple[tuple[str, str], ...], case: Case) -> str | None:
    return next((reason for reason, pattern in differences if re.fullmatch(pattern, case.label)), None)


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """The name of each generation."""
    return str(request.param)


@pytest.fixture
def schemas(generation: str) -> SchemaSet:
    """The schemas of the generation as a participant has them."""
    return schema_set(generation)


def test_damaged_messages_get_the_official_verdict_but_for_the_listed_differences(
    shared: Path, generation: str, schemas: SchemaSet
) -> None:
    shown = set()
    for case in damaged(shared, generation):
        ours = schemas.is_valid(case.action, case.mutation.document)
        officially = official_accepts(case.action, case.mutation.document, profile=generation)
        if ours != officially:
            reason = _reason((STRICTER if officially else LOOSER)[generation], case)
            assert reason, f"{case.label}: officially {officially}, ours {ours}"
            shown.add(reason)
    assert shown == {reason for reason, _ in (*STRICTER[generation], *LOOSER[generation])}


def test_a_callback_may_carry_an_error_alone(shared: Path, generation: str, schemas: SchemaSet) -> None:
    callbacks = {action for action in actions(generation) if action.startswith("on_")}
    refusals = {
        action: {
            "context": example(generation, action)["context"],
            "error": {"code": "40002", "message": "only 3 kWh are left"},
        }
        for action in callbacks
    }
    assert {action for action in callbacks if schemas.is_valid(action, refusals[action])} == callbacks
    officially = {a for a in callbacks if official_accepts(a, refusals[a], profile=generation)}
    assert officially == (callbacks - {"on_rating"} if generation == "v1_1" else set())


def test_an_error_alone_is_told_in_either_way_of_lts_but_not_left_empty() -> None:
    refusal = {"context": example("v2_lts", "on_confirm")["context"]}
    schemas = schema_set("v2_lts")
    assert schemas.is_valid("on_confirm", {**refusal, "error": {"errorCode": "BIZ", "errorMessage": "no"}})
    assert not schemas.is_valid("on_confirm", {**refusal, "error": {}})
    assert not schemas.is_valid("on_confirm", refusal)


def test_lines_of_a_short_cancel_are_accepted_by_us_only() -> None:
    """Officially a line must fit exactly one of two forms, and every good line fits both."""
    cancel = example("v2_rc", "cancel")
    cancel["message"]["order"]["beckn:orderItems"] = [{"beckn:orderedItem": "solar-1", "beckn:lineId": "1"}]
    assert schema_set("v2_rc").is_valid("cancel", cancel)
    assert not official_accepts("cancel", cancel)


def test_a_place_in_the_context_is_looked_at_less_closely_than_officially() -> None:
    discover = example("v2_rc", "discover")
    discover["context"]["location"] = {"gps": "somewhere", "circle": {"radius": 5}}
    assert schema_set("v2_rc").is_valid("discover", discover)
    assert not official_accepts("discover", discover)


def test_a_plain_add_on_is_accepted_by_us_only() -> None:
    """Officially an add-on must be a resource or an offer and not both, and a plain one is both."""
    select = example("v2_lts", "select")
    select["message"]["contract"]["commitments"][0]["offer"]["addOns"] = [{"id": "certificate"}]
    assert schema_set("v2_lts").is_valid("select", select)
    assert not official_accepts("select", select, profile="v2_lts")


def test_every_difference_is_explained_under_its_generation(generation: str) -> None:
    reasons = [reason for reason, _ in (*STRICTER[generation], *LOOSER[generation])]
    others = {"v1_1": [ERROR_ALONE], "v2_rc": [ERROR_ALONE, SHORT_LINES, PLACES], "v2_lts": [ERROR_ALONE]}
    _, _, section = _DEVIATIONS.read_text(encoding="utf-8").partition(f"\n## {generation}\n")
    explained, _, _ = section.partition("\n## ")
    missing = [reason for reason in (*reasons, *others[generation]) if f"**{reason}**" not in explained]
    assert missing == []
