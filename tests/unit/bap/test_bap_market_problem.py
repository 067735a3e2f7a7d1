"""Problems: every kind is documented, and none speaks of a wire."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from bap.market.problem import _OF_CODE, _OF_OWN_CODE, _OF_STATUS, KINDS, make_problem, of_error, of_seller
from bap.market.route import _MEANING
from kernel.errors import NodeError
from protocol.codes import CODES
from protocol.errors import RegistryUnavailable, SubscriberUnknown, WireError

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "app-api.md"
WIRE_WORDS: Final = ("beckn", "bpp", "bap", "callback", "select", "init", "message", "catalog", "context")


def test_the_document_has_every_kind_of_problem() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert f"| `{kind.name}` | {kind.status} | {kind.title} |" in text


def test_the_tables_of_kinds_fit_together() -> None:
    named = {*_OF_CODE.values(), *_OF_OWN_CODE.values(), *_OF_STATUS.values()}
    assert named <= set(KINDS)
    assert set(_OF_CODE) <= set(CODES)
    assert set(_MEANING) <= {kind.status for kind in KINDS.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_no_problem_speaks_of_a_wire(kind: str) -> None:
    words = f"{KINDS[kind].title} {KINDS[kind].what_to_do}".lower()
    assert not [word for word in WIRE_WORDS if word in words.replace(".", " ").split()]


def test_a_refusal_of_a_seller_is_told_with_its_own_words() -> None:
    problem = of_seller(WireError(code="BIZ_UNHEARD_OF", message="no"), bpp_id="bpp.example")
    assert (problem.type, problem.seller_said) == ("urn:degnode:problem:seller-refused", "no")


def test_what_a_seller_advises_is_told_with_what_it_said() -> None:
    error = WireError(code="BIZ_QUANTITY_UNAVAILABLE", message="too much", hint="Order at most 20 kWh.")
    assert of_seller(error, bpp_id="bpp.example").seller_said == "too much. Order at most 20 kWh."


def test_an_error_about_a_seller_names_no_place_in_a_message() -> None:
    problem = of_error(SubscriberUnknown("x.example is unknown", path="$.bpp_id", hint="Send a bpp_id."))
    assert (problem.type, problem.where) == ("urn:degnode:problem:seller-unknown", None)
    assert problem.detail == "x.example is unknown"
    assert "bpp" not in (problem.what_to_do or "")


def test_an_outage_is_to_be_tried_again_later() -> None:
    problem = of_error(RegistryUnavailable("the registry is away"))
    assert (problem.status, problem.detail) == (503, "The registry is away")


def test_what_nobody_has_a_word_for_is_a_failure() -> None:
    assert of_error(NodeError("broken", path="$")) == make_problem("failure", "Broken", where="the body")
