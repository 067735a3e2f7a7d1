"""Registers that roll over, leap, fall, and are exchanged."""

from __future__ import annotations

import pytest

from metering.doubt import Doubt, Reason
from metering.quality import MANUALLY_EDITED
from metering.register_rule import ANY_REGISTER, Exchange, RegisterRule, Rise, Stand, Terms

HOUR = 3_600
MILLION = 1_000_000  # Wh
FIVE_KW = RegisterRule([Terms(0, MILLION, 5_000)])


def _reason(outcome: Rise | Doubt) -> Reason:
    assert isinstance(outcome, Doubt), outcome
    return outcome.reason


def _exchanged(*exchanges: Exchange) -> RegisterRule:
    return RegisterRule(exchanges=exchanges)


def test_without_a_modulus_a_register_only_rises() -> None:
    assert ANY_REGISTER.rise(Stand(0, 5), Stand(HOUR, 9)) == Rise(4)
    assert _reason(ANY_REGISTER.rise(Stand(0, 9), Stand(HOUR, 5))) is Reason.REGISTER_FELL


def test_a_rollover_is_an_ordinary_difference() -> None:
    assert FIVE_KW.rise(Stand(0, 999_000), Stand(HOUR, 2_000)) == Rise(3_000)


def test_what_cannot_have_flowed_is_no_rollover_but_a_reset() -> None:
    assert _reason(FIVE_KW.rise(Stand(0, 500_000), Stand(HOUR, 0))) is Reason.REGISTER_FELL
    # 6 kWh is 120 % of what is sanctioned in an hour; a register that shows whole kWh may be one ahead.
    assert FIVE_KW.rise(Stand(0, 999_000), Stand(HOUR, 6_000)) == Rise(7_000)
    assert _reason(FIVE_KW.rise(Stand(0, 999_000), Stand(HOUR, 6_001))) is Reason.REGISTER_FELL


def test_a_leap_that_cannot_have_flowed_is_in_doubt() -> None:
    assert _reason(FIVE_KW.rise(Stand(0, 0), Stand(HOUR, 537_000))) is Reason.REGISTER_LEAPT
    assert FIVE_KW.rise(Stand(0, 0), Stand(100 * HOUR, 537_000)) == Rise(537_000)


def test_a_modulus_without_what_is_sanctioned_makes_no_rollover() -> None:
    rule = RegisterRule([Terms(0, MILLION)])
    assert _reason(rule.rise(Stand(0, 999_999), Stand(HOUR, 1))) is Reason.REGISTER_FELL


@pytest.mark.parametrize(("first", "second"), [(MILLION, 1), (1, MILLION)])
def test_no_register_stands_at_its_modulus(first: int, second: int) -> None:
    assert _reason(FIVE_KW.rise(Stand(0, first), Stand(1_000 * HOUR, second))) is Reason.BEYOND_MODULUS


def test_whole_turns_that_may_have_been_missed_are_said() -> None:
    half_a_year = 180 * 24 * HOUR
    assert FIVE_KW.rise(Stand(0, 10), Stand(half_a_year, 20)) == Rise(10, is_sure=False)
    assert FIVE_KW.rise(Stand(0, 10), Stand(24 * HOUR, 20)) == Rise(10)


def test_the_terms_of_the_later_stand_count() -> None:
    rule = RegisterRule([Terms(0), Terms(10 * HOUR, MILLION, 5_000)])
    assert _reason(rule.rise(Stand(0, 999_000), Stand(HOUR, 0))) is Reason.REGISTER_FELL
    assert rule.rise(Stand(9 * HOUR, 999_000), Stand(10 * HOUR, 0)) == Rise(1_000)


def test_no_difference_spans_an_exchange() -> None:
    rule = _exchanged(Exchange(50))
    before, after = Stand(10, 900), Stand(60, 3)
    assert rule.links(before, after) == []
    assert rule.links(Stand(50, 0), after) == [(Stand(50, 0), after)]
    assert rule.links(before, Stand(49, 901)) == [(before, Stand(49, 901))]


def test_the_stands_that_were_read_at_an_exchange_close_the_gap() -> None:
    rule = _exchanged(Exchange(50, last=950, first=2))
    before, after = Stand(10, 900), Stand(60, 3)
    last, first = Stand(50, 950, MANUALLY_EDITED), Stand(50, 2, MANUALLY_EDITED)
    assert rule.links(before, after) == [(before, last), (first, after)]
    assert rule.links(before, None) == [(before, last)]
    assert rule.links(None, after) == [(first, after)]
    assert rule.links(before, Stand(50, 2)) == [(before, last)]  # the new register's own first stand
    assert rule.links(Stand(50, 2), None) == rule.links(None, Stand(50, 2)) == rule.links(None, None) == []


def test_of_two_exchanges_between_two_stands_each_counts() -> None:
    rule = _exchanged(Exchange(20, last=5, first=0), Exchange(40, last=7, first=1))
    links = rule.links(Stand(10, 4), Stand(50, 3))
    assert [(one.at, one.watt_hours, other.at, other.watt_hours) for one, other in links] == [
        (10, 4, 20, 5), (20, 0, 40, 7), (40, 1, 50, 3),
    ]  # fmt: skip


def test_tiers_know_that_there_was_an_exchange_but_not_their_stands() -> None:
    rule = _exchanged(Exchange(50, last=950, first=2)).of_parts()
    assert rule.links(Stand(10, 900), Stand(60, 3)) == []


def test_the_exchanges_next_to_a_stand_bound_what_it_touches() -> None:
    rule = _exchanged(Exchange(20), Exchange(40), Exchange(60))
    assert rule.edges_near(30) == [20, 40]
    assert rule.edges_near(10) == [20]
    assert rule.edges_near(60) == [60]
    assert ANY_REGISTER.edges_near(5) == []
