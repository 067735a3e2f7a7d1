"""Both sides of a contract compared: per interval, over the window, with losses, cuts and gaps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from settlement.allocation.quantity import Lump, Profile, Quantity
from settlement.allocation.rules import AllocationRule, AppliedRule
from settlement.allocation.series import Allocated
from settlement.matching.match import METHODS, IntervalsDiffer, MatchingTerms, match_sides
from settlement.matching.residual import EnergySoldTwice, Residual, residuals_of
from settlement.matching.result import Matching, MatchingMethod, Side
from tests.support.claims import counted, given, slot, slots
from trading.matching import Losses, LossInvalid

INTERVAL = MatchingTerms(method=MatchingMethod.INTERVAL)
WINDOW = MatchingTerms(method=MatchingMethod.WINDOW)
SENT = [500, 500, 1_000, 8_000]
RECEIVED = [300, 500, 700, 8_500]


def match(
    source: list[int],
    target: list[int],
    watt_hours: int = 10_000,
    *,
    quantity: Quantity | None = None,
    terms: MatchingTerms = WINDOW,
) -> Matching:
    return match_sides(
        source=given(source),
        target=given(target),
        quantity=quantity or Lump(watt_hours=watt_hours),
        terms=terms,
    )


def billed(matching: Matching) -> list[int]:
    return [each.billed_wh for each in matching.intervals]


def test_interval_by_interval_the_lesser_of_both_sides_counts() -> None:
    matching = match(SENT, RECEIVED, terms=INTERVAL)
    assert (billed(matching), matching.billed_wh) == ([300, 500, 700, 8_000], 9_500)
    assert matching.on_source == matching.on_target == dict(zip(map(slot, range(4)), billed(matching)))  # noqa: B905


def test_over_the_window_the_lesser_of_both_totals_counts() -> None:
    matching = match(SENT, RECEIVED)
    assert matching.billed_wh == 10_000
    assert billed(matching) == SENT
    assert list(matching.on_target.values()) == RECEIVED


def test_over_the_window_what_is_settled_lies_on_the_earliest_intervals_of_each_meter() -> None:
    matching = match([4, 4, 4], [0, 0, 7], 100)
    assert billed(matching) == [4, 3, 0]
    assert matching.on_source == {slot(0): 4, slot(1): 3}
    assert matching.on_target == {slot(2): 7}


@pytest.mark.parametrize("terms", [INTERVAL, WINDOW])
def test_no_more_than_was_contracted_is_billed(terms: MatchingTerms) -> None:
    assert billed(match([5, 5, 5], [5, 5, 5], 7, terms=terms)) == [5, 2, 0]
    assert billed(match([5, 5], [5, 5], 0, terms=terms)) == [0, 0]


def test_a_contract_with_a_quantity_for_each_interval_is_matched_in_each() -> None:
    profile = Profile(by_period={slot(0): 3, slot(1): 3})
    assert billed(match([2, 9, 9], [9, 9, 9], quantity=profile, terms=INTERVAL)) == [2, 3, 0]


def test_no_more_than_a_cut_left_is_billed() -> None:
    cut = Lump(watt_hours=10).curtailed(slot(1), 8)
    assert billed(match([1, 5], [1, 5], quantity=cut, terms=INTERVAL)) == [1, 1]
    for terms in (INTERVAL, WINDOW):
        assert billed(match([5, 5], [5, 5], quantity=cut, terms=terms)) == [2, 0]
    everything = Lump(watt_hours=10).curtailed(slot(0), 10)
    assert match([5, 5], [5, 5], quantity=everything).billed_wh == 0


@pytest.mark.parametrize("method", list(MatchingMethod))
def test_what_arrives_is_compared_and_billed_and_what_is_lost_is_told(method: MatchingMethod) -> None:
    terms = MatchingTerms(method=method, losses=Losses(Decimal("0.05")))
    matching = match([1_000, 1_000], [950, 950], terms=terms)
    assert (matching.sent_wh, matching.arrived_wh, matching.billed_wh, matching.lost_wh) == (
        2_000,
        1_900,
        1_900,
        100,
    )
    assert [each.lost_wh for each in matching.intervals] == [50, 50]


@pytest.mark.parametrize("method", list(MatchingMethod))
def test_a_contract_may_bill_what_was_sent(method: MatchingMethod) -> None:
    terms = MatchingTerms(method=method, losses=Losses(Decimal("0.05")), billed_side=Side.SOURCE)
    matching = match([1_000, 1_000], [9_999, 9_999], 1_500, terms=terms)
    assert (matching.sent_wh, matching.arrived_wh, matching.billed_wh) == (1_500, 1_425, 1_500)
    assert matching.billed_side is Side.SOURCE


def test_no_more_is_sent_than_has_to_be_for_what_arrives() -> None:
    losses = Losses(Decimal("0.333333"))
    assert [losses.arriving(sent) for sent in (0, 1, 2, 3, 1_000_000)] == [0, 0, 1, 2, 666_667]
    assert [losses.needed(arrived) for arrived in (0, 1, 2)] == [0, 2, 3]


@pytest.mark.parametrize("factor", ["1", "1.5", "-0.1", "NaN", "Infinity"])
def test_a_loss_factor_that_is_none_is_refused(factor: str) -> None:
    with pytest.raises(LossInvalid):
        Losses(Decimal(factor))


def test_an_interval_that_one_side_did_not_report_counts_as_nought_and_is_told_as_missing() -> None:
    source = Allocated(applied=AppliedRule.of(AllocationRule.FIFO), intervals=tuple(counted([5, 5], first=1)))
    matching = match_sides(
        source=source,
        target=given([5, 5, 5]),
        quantity=Lump(watt_hours=100),
        terms=INTERVAL,
        expected=[slot(3)],
    )
    assert billed(matching) == [0, 5, 5]
    assert matching.missing == (
        (slot(0), Side.SOURCE),
        (slot(3), Side.SOURCE),
        (slot(3), Side.TARGET),
    )


def test_over_the_window_only_what_was_expected_is_missing() -> None:
    hourly = Allocated(applied=AppliedRule.of(AllocationRule.FIFO), intervals=((slots(0, 3), Energy(20)),))
    how: dict[str, Any] = {"target": hourly, "quantity": Lump(watt_hours=100)}
    matching = match_sides(source=given([5, 5]), terms=WINDOW, expected=[slot(1), slot(2)], **how)
    assert matching.billed_wh == 10
    assert matching.missing == (
        (slot(1), Side.TARGET),
        (slot(2), Side.SOURCE),
        (slot(2), Side.TARGET),
    )
    with pytest.raises(IntervalsDiffer):
        match_sides(source=given([5, 5]), terms=INTERVAL, **how)


def test_silence_on_both_sides_settles_nothing() -> None:
    for method in METHODS:
        matching = match([], [], terms=MatchingTerms(method=method))
        assert (matching.intervals, matching.billed_wh, matching.missing) == ((), 0, ())


def test_the_rules_of_both_sides_are_kept_with_the_result() -> None:
    matching = match_sides(
        source=given([5], rule=AllocationRule.PRO_RATA),
        target=given([5]),
        quantity=Lump(watt_hours=5),
        terms=WINDOW,
    )
    assert (str(matching.source_rule), str(matching.target_rule)) == ("PRO_RATA/1", "FIFO/1")
    assert matching.method is MatchingMethod.WINDOW


def test_what_was_not_traded_is_left_to_the_retailer_interval_by_interval() -> None:
    first, second = match([5, 5], [5, 5], 7, terms=INTERVAL), match([3], [2], 100, terms=INTERVAL)
    residuals = residuals_of(counted([8, 5, 4]), [first.on_source, second.on_source])
    assert residuals == [
        Residual(period=slot(0), metered_wh=8, p2p_settled_wh=7),
        Residual(period=slot(1), metered_wh=5, p2p_settled_wh=2),
        Residual(period=slot(2), metered_wh=4, p2p_settled_wh=0),
    ]
    assert [each.residual_wh for each in residuals] == [1, 3, 4]


def test_energy_that_would_be_sold_twice_is_refused() -> None:
    matching = match([5, 5], [5, 5], terms=INTERVAL)
    with pytest.raises(EnergySoldTwice):
        residuals_of(counted([9, 9]), [matching.on_source, matching.on_source])
    with pytest.raises(EnergySoldTwice):
        residuals_of(counted([9]), [matching.on_source])
    assert residuals_of(counted([]), [{slot(0): 0}]) == []
