"""Net power: exact, signed, and never energy."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from metering.documents import ReadingType
from metering.doubt import Doubt, Reason
from metering.energy import scale_of
from metering.power import Power, PowerScale, judge_power, measure_power, power_scale_of
from metering.verdict import Judgement, Verdict
from tests.support.metering_documents import QUARTER, START, reading

WATTS = ReadingType(
    accumulation_behaviour=12, commodity=1, data_qualifier=2, flow_direction=1, kind=37, uom=38
)


@pytest.mark.parametrize(
    ("exponent", "value", "watts"), [(0, -1500, "-1500"), (3, 2, "2000"), (-3, 800, "0.8"), (-9, 1, "1E-9")]
)
def test_power_is_exact_and_keeps_its_sign(exponent: int, value: int, watts: str) -> None:
    scale = power_scale_of(replace(WATTS, power_of_ten_multiplier=exponent))
    assert isinstance(scale, PowerScale)
    power = measure_power(reading(value, quality=1), scale)
    assert power == Power(START, START + QUARTER, Decimal(watts), 1)


def test_power_is_no_energy_and_energy_is_no_power() -> None:
    assert isinstance(scale_of(WATTS), Doubt)
    assert power_scale_of(replace(WATTS, uom=72)) is None
    gas = power_scale_of(replace(WATTS, commodity=7))
    assert isinstance(gas, Doubt)
    assert gas.reason is Reason.NOT_ELECTRICITY


def test_power_without_a_value_or_a_time_says_nothing() -> None:
    for bad, reason in (
        (reading(None), Reason.NO_VALUE),
        (reading(1)._replace(time_period=None), Reason.NO_PERIOD),
    ):
        outcome = measure_power(bad, PowerScale(0))
        assert isinstance(outcome, Doubt)
        assert outcome.reason is reason


def _power(start: int, watts: int) -> Power:
    return Power(start, start + 60, Decimal(watts), 0)


def _verdicts(judgements: list[Judgement]) -> list[Verdict | Reason]:
    return [item.doubt.reason if item.doubt else item.verdict for item in judgements]


def test_power_is_new_a_repeat_or_a_revision_and_may_overlap() -> None:
    known = {_power(0, 5).key: (_power(0, 5), 2), _power(60, 5).key: (_power(60, 5), 0)}
    offered = [_power(0, 5), _power(60, 6), _power(90, 7), _power(90, 7)]
    judged = judge_power(offered, known)
    assert _verdicts(judged) == [
        Verdict.DUPLICATE, Verdict.REVISED, Verdict.ACCEPTED, Verdict.DUPLICATE,
    ]  # fmt: skip
    assert judged[1].revision == 1
    assert _verdicts(judge_power(offered[1:2], known, corrections=False)) == [Reason.CONTRADICTION]


def test_two_powers_of_one_time_in_a_document_are_both_set_aside() -> None:
    assert _verdicts(judge_power([_power(0, 1), _power(0, 2)], {})) == [Reason.CONTRADICTION] * 2
