"""What it costs to give or take less than was agreed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from kernel.currency import Currency
from kernel.money import Money, Rounding, sum_money
from settlement.matching.result import Side
from settlement.shortfall.deviation import DeviationInvalid, DeviationPrices, settle_deviation
from settlement.shortfall.penalties import Obligation, PenaltyInvalid, PenaltyTerms, penalize
from trading.penalties import Counted, Payee, Tolerance, ToleranceInvalid, shortfall

INR, JPY, KWD = Currency("INR"), Currency("JPY"), Currency("KWD")
TERMS = PenaltyTerms(per_kwh=Decimal("2.5"), currency=INR)


def owe(contract_id: str, deliverable: int, allocated: int) -> Obligation:
    return Obligation(contract_id=contract_id, deliverable_wh=deliverable, allocated_wh=allocated)


def test_more_than_was_agreed_is_no_shortfall() -> None:
    assert [shortfall(deliverable=10, allocated=given) for given in (0, 7, 10, 12)] == [10, 3, 0, 0]


def test_a_shortfall_within_the_band_counts_for_nothing_and_beyond_it_whole() -> None:
    assert Tolerance().counting(1_000, deliverable=10_000) == 0
    assert Tolerance().counting(1_001, deliverable=10_000) == 1_001
    assert Tolerance(percent=Decimal(0)).counting(1, deliverable=10_000) == 1
    assert Tolerance().counting(0, deliverable=0) == 0


def test_a_band_may_be_let_pass_always() -> None:
    tolerance = Tolerance(percent=Decimal("2.5"), counted=Counted.EXCESS)
    assert tolerance.counting(300, deliverable=10_001) == Fraction(300) - Fraction("250.025")
    assert tolerance.counting(250, deliverable=10_001) == 0


@pytest.mark.parametrize("percent", ["-1", "100.1", "NaN"])
def test_a_band_that_is_none_is_refused(percent: str) -> None:
    with pytest.raises(ToleranceInvalid):
        Tolerance(percent=Decimal(percent))


def test_a_meter_pays_for_all_that_it_was_short_and_each_contract_bears_its_part() -> None:
    penalty = penalize(
        [owe("T1", 5_000, 5_000), owe("T2", 4_000, 3_000), owe("T3", 2_000, 0)],
        metered_wh=8_000,
        side=Side.SOURCE,
        terms=TERMS,
    )
    assert (penalty.short_wh, str(penalty.amount), penalty.side) == (3_000, "7.50 INR", Side.SOURCE)
    assert penalty.payee is Payee.INJURED_SIDES_UTILITY
    assert penalty.by_contract == {"T2": Money.of("2.50", INR), "T3": Money.of("5.00", INR)}


def test_the_penalty_does_not_depend_on_how_the_meter_was_shared_out() -> None:
    shared = [
        [owe("T1", 5_000, 5_000), owe("T2", 4_000, 0)],
        [owe("T1", 5_000, 1_000), owe("T2", 4_000, 4_000)],
    ]
    amounts = {penalize(each, metered_wh=5_000, side=Side.TARGET, terms=TERMS).amount for each in shared}
    assert amounts == {Money.of("10.00", INR)}


def test_a_minor_unit_that_cannot_be_split_goes_to_the_largest_remainder_and_then_to_the_lower_id() -> None:
    short = [owe("b", 100, 0), owe("a", 100, 0), owe("c", 100, 0)]
    terms = PenaltyTerms(per_kwh=Decimal(10), currency=JPY, payee=Payee.INJURED_SIDE)
    penalty = penalize(short, metered_wh=0, side=Side.SOURCE, terms=terms)
    assert penalty.amount == Money(3, JPY)
    terms = PenaltyTerms(per_kwh=Decimal("12.5"), currency=JPY)
    penalty = penalize(short, metered_wh=0, side=Side.SOURCE, terms=terms)  # 3.75
    assert penalty.by_contract == {"a": Money(2, JPY), "b": Money(1, JPY), "c": Money(1, JPY)}


@pytest.mark.parametrize(("rounding", "minor"), [(Rounding.HALF_UP, 3), (Rounding.HALF_EVEN, 2)])
def test_a_penalty_is_rounded_once_as_its_ledger_rounds(rounding: Rounding, minor: int) -> None:
    terms = PenaltyTerms(per_kwh=Decimal("2.5"), currency=KWD, rounding=rounding)
    assert penalize([owe("a", 1, 0)], metered_wh=0, side=Side.SOURCE, terms=terms).amount.minor == minor


def test_what_was_cut_is_not_short_and_costs_nothing() -> None:
    for obligations, metered in (([owe("a", 0, 0)], 0), ([], 0), ([owe("a", 5, 5)], 99)):
        penalty = penalize(obligations, metered_wh=metered, side=Side.SOURCE, terms=TERMS)
        assert (penalty.amount.minor, penalty.short_wh, penalty.by_contract) == (0, 0, {})


def test_a_shortfall_within_the_band_is_told_and_costs_nothing() -> None:
    penalty = penalize([owe("a", 10, 9)], metered_wh=9, side=Side.SOURCE, terms=TERMS)
    assert (penalty.short_wh, penalty.by_contract) == (1, {"a": Money.zero(INR)})


@pytest.mark.parametrize("rate", ["-1", "NaN"])
def test_a_penalty_that_pays_whoever_fell_short_is_refused(rate: str) -> None:
    with pytest.raises(PenaltyInvalid):
        PenaltyTerms(per_kwh=Decimal(rate), currency=INR)


def prices(trade: str, export: str, import_: str, currency: Currency = INR) -> DeviationPrices:
    return DeviationPrices(
        trade=Decimal(trade),
        export_at_buyers_utility=Decimal(export),
        import_at_sellers_utility=Decimal(import_),
        currency=currency,
    )


def test_flows_that_are_rounded_still_add_up_to_nothing() -> None:
    flows = settle_deviation(
        deliverable_wh=1_001, given_wh=333, taken_wh=778, prices=prices("6.005", "3.333", "8.215", JPY)
    )
    assert [each.minor for each in flows.signed] == [5, -1, -5, 1]
    assert sum_money(flows.signed, currency=JPY) == Money.zero(JPY)


def test_a_seller_that_gives_more_than_agreed_is_paid_for_the_trade_and_no_more() -> None:
    flows = settle_deviation(
        deliverable_wh=10_000, given_wh=12_000, taken_wh=15_000, prices=prices("6", "4", "8")
    )
    assert flows.seller_receives == flows.buyer_pays == Money.of(60, INR)
    assert flows.sellers_utility_receives == flows.buyers_utility_pays == Money.zero(INR)


def test_a_buyer_whose_utility_pays_more_than_the_trade_is_paid() -> None:
    flows = settle_deviation(deliverable_wh=1_000, given_wh=1_000, taken_wh=0, prices=prices("3", "5", "8"))
    assert flows.buyer_pays == Money.of(-2, INR)
    assert sum_money(flows.signed, currency=INR) == Money.zero(INR)


def test_a_trade_of_nothing_costs_nothing() -> None:
    flows = settle_deviation(deliverable_wh=0, given_wh=5, taken_wh=0, prices=prices("3", "5", "8"))
    assert {each.minor for each in flows.signed} == {0}
    assert (flows.short_of_source_wh, flows.short_of_target_wh) == (0, 0)


def test_negative_energy_and_prices_are_refused() -> None:
    with pytest.raises(DeviationInvalid):
        prices("-1", "0", "0")
    with pytest.raises(DeviationInvalid):
        prices("1", "0", "NaN")
    with pytest.raises(DeviationInvalid):
        settle_deviation(deliverable_wh=1, given_wh=-1, taken_wh=0, prices=prices("3", "5", "8"))
