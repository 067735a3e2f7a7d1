"""Estimates, actuals, edits and doubts about one and the same interval."""

from __future__ import annotations

import pytest

from metering.doubt import Reason
from metering.energy import Direction, Measurement
from metering.precedence import weigh
from metering.quality import (
    DERIVED,
    ESTIMATED_BY_INTERPOLATION,
    ESTIMATED_BY_REFERENCE_DAY,
    FORECAST,
    MANUALLY_EDITED,
    QUESTIONABLE,
    VALID,
)
from metering.verdict import DUPLICATE, Judgement, Known, Verdict

ESTIMATES = [ESTIMATED_BY_REFERENCE_DAY, ESTIMATED_BY_INTERPOLATION, FORECAST, FORECAST | VALID]
REVISED = Judgement(Verdict.REVISED, 4)


def _measured(watt_hours: int, quality: int = 0) -> Measurement:
    return Measurement(Direction.IMPORT, 0, 0, 0, 900, watt_hours, quality)


def _known(watt_hours: int, quality: int = 0, *former: int) -> Known:
    return Known(_measured(watt_hours, quality), 3, former=frozenset(former))


def _reason(judgement: Judgement) -> Reason | None:
    return judgement.doubt.reason if judgement.doubt else None


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("actual", [0, VALID, DERIVED, QUESTIONABLE])
def test_an_actual_supersedes_an_estimate_and_never_the_other_way_round(estimate: int, actual: int) -> None:
    assert weigh(_known(10, estimate), _measured(12, actual)) == REVISED
    assert _reason(weigh(_known(12, actual), _measured(10, estimate))) is Reason.ACTUAL_KNOWN
    assert _reason(weigh(_known(12, actual), _measured(12, estimate))) is Reason.ACTUAL_KNOWN


def test_a_better_estimate_replaces_an_estimate_and_an_actual_an_actual() -> None:
    assert weigh(_known(10, ESTIMATED_BY_INTERPOLATION), _measured(9, ESTIMATED_BY_REFERENCE_DAY)) == REVISED
    assert weigh(_known(10), _measured(10, VALID)) == REVISED


def test_an_edit_replaces_everything() -> None:
    for known in (_known(5000, VALID), _known(7, MANUALLY_EDITED), _known(7, FORECAST)):
        assert weigh(known, _measured(5, MANUALLY_EDITED)) == REVISED


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_an_estimate_stays_one_whoever_put_it_in(estimate: int) -> None:
    guessed = _measured(5, MANUALLY_EDITED | estimate)
    for known in (_known(5000), _known(5000, VALID), _known(7, MANUALLY_EDITED)):
        assert _reason(weigh(known, guessed)) is Reason.ACTUAL_KNOWN
    assert weigh(Known(guessed, 3), _measured(6)) == REVISED


def test_an_edit_stands_against_repeats_of_what_it_replaced() -> None:
    edited = _known(5, MANUALLY_EDITED, 5000, 4)
    for old in (5000, 4, 5):
        assert weigh(edited, _measured(old)) == DUPLICATE
        assert weigh(edited, _measured(old, VALID)) == DUPLICATE


def test_a_new_actual_replaces_an_edit_but_is_questioned_unless_its_sender_vouches_for_it() -> None:
    edited = _known(5, MANUALLY_EDITED, 5000)
    assert weigh(edited, _measured(6)) == Judgement(Verdict.REVISED, 4, marks=QUESTIONABLE)
    assert weigh(edited, _measured(6, VALID)) == REVISED


def test_an_estimate_does_not_replace_an_edit() -> None:
    assert _reason(weigh(_known(5, MANUALLY_EDITED), _measured(6, FORECAST))) is Reason.ACTUAL_KNOWN


def test_a_doubt_is_not_lifted_by_saying_the_same_again_but_by_vouching_for_it() -> None:
    doubted = _known(6, QUESTIONABLE)
    assert weigh(doubted, _measured(6)) == DUPLICATE
    assert weigh(doubted, _measured(6, VALID)) == REVISED
    assert weigh(doubted, _measured(7)) == REVISED
