"""What holds for every contract and every set of readings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import find_zone, local_days
from kernel.money import Money, sum_money
from settlement.agreement import Agreement
from settlement.cycles import CycleStatus
from settlement.explanation import Explanation
from settlement.quantities import MeteredInterval
from settlement.settle import SettlementOutcome, settle_contract
from tests.support.agreements import agree
from trading.pricing import price_energy

ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Europe/Berlin",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Apia",
)
MARCH = parse_instant("2026-03-01T00:00:00Z")
HOUR = timedelta(hours=1)

zones = st.sampled_from(ZONES)
currencies = st.sampled_from(["JPY", "USD", "KWD"])
prices = st.decimals(min_value=0, max_value=100, places=6).map(str)
percents = st.none() | st.decimals(min_value="0.01", max_value=100, places=2).map(str)


@dataclass(frozen=True)
class Case:
    """A contract with what its meters counted, hour by hour."""

    agreement: Agreement
    exported: list[MeteredInterval]
    imported: list[MeteredInterval]

    def settle(self, now: datetime) -> SettlementOutcome:
        return settle_contract(self.agreement, exported=self.exported, imported=self.imported, now=now)

    @property
    def long_after(self) -> datetime:
        return self.agreement.window.end + timedelta(days=30)


@st.composite
def hours_of(draw: st.DrawFn, window: Interval) -> list[MeteredInterval]:
    """Draw the hours of a window at 0 to 3 kWh each, some of them missing."""
    hours = int(window.duration / HOUR)
    energies = draw(st.lists(st.none() | st.integers(0, 3_000), min_size=hours, max_size=hours))
    return [
        (Interval(window.start + at * HOUR, window.start + (at + 1) * HOUR), Energy(energy))
        for at, energy in enumerate(energies)
        if energy is not None
    ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a contract over up to four days around a change of clocks."""
    start = MARCH + draw(st.integers(0, 60 * 24)) * HOUR
    window = Interval(start, start + draw(st.integers(1, 80)) * HOUR)
    currency = draw(currencies)
    contracted = draw(st.integers(0, 60_000))
    agreement = agree(
        window=window,
        kwh=str(Energy(contracted).kilowatt_hours),
        curtailed=str(Energy(draw(st.just(0) | st.integers(0, contracted))).kilowatt_hours),
        price=draw(prices),
        wheeling=draw(st.none() | st.integers(0, 500).map(str)),
        discount=draw(percents),
        currency=currency,
        zone=draw(zones),
    )
    return Case(agreement, draw(hours_of(window)), draw(hours_of(window)))


def energy_of(readings: list[MeteredInterval]) -> int:
    return sum(energy.watt_hours for _, energy in readings)


@given(case=cases())
def test_the_days_add_up_to_the_least_of_the_three_totals(case: Case) -> None:
    outcome = case.settle(case.long_after)
    least = min(energy_of(case.exported), energy_of(case.imported), case.agreement.deliverable.watt_hours)
    assert outcome.is_final
    assert outcome.delivered == outcome.delivered_so_far == Energy(least)
    assert sum(cycle.delivered.watt_hours for cycle in outcome.cycles) == least
    assert all(cycle.delivered >= Energy(0) for cycle in outcome.cycles)


@given(case=cases())
def test_the_energy_lines_add_up_to_one_rounding_of_the_whole(case: Case) -> None:
    outcome = case.settle(case.long_after)
    terms = case.agreement.terms
    energy = sum_money((bill.lines[0].amount for bill in outcome.bills), currency=terms.currency)
    exact = Fraction(outcome.delivered.watt_hours, 1000) * Fraction(terms.price.per_kwh)
    exact *= 10**terms.currency.exponent
    if terms.discount:
        exact *= 1 - Fraction(terms.discount.percent) / 100
    assert energy.minor == (exact + Fraction(1, 2)).__floor__()  # half up, for nothing is negative


@given(case=cases())
def test_lines_add_up_to_the_total_and_the_total_is_the_cycles_amount(case: Case) -> None:
    outcome = case.settle(case.long_after)
    wheeling = case.agreement.terms.wheeling
    for cycle, bill in zip(outcome.cycles, outcome.bills, strict=True):
        assert bill.settlement_cycle_id == cycle.cycle_id
        assert cycle.amount == bill.total
        assert bill.total.minor == sum(line.amount.minor for line in bill.lines)
        wheeled = [line.amount for line in bill.lines if line.title == "Wheeling Charges"]
        is_due = wheeling is not None and cycle.delivered > Energy(0)
        assert wheeled == ([wheeling.amount] if wheeling and is_due else [])


@given(case=cases())
def test_an_auditor_can_compute_a_cycle_again_from_what_it_tells(case: Case) -> None:
    before = 0
    for cycle in case.settle(case.long_after).cycles:
        told = cycle.explanation
        assert told is not None
        most = told.contracted_wh - told.curtailed_wh
        to_date = min(told.exported_to_date_wh, told.imported_to_date_wh, most)
        assert (told.delivered_before_wh, told.delivered_to_date_wh) == (before, to_date)
        assert cycle.delivered == Energy(to_date - before)
        assert Explanation.from_record(told.to_record()) == told
        before = to_date


@given(case=cases(), data=st.data())
def test_the_order_of_readings_is_nothing(case: Case, data: st.DataObject) -> None:
    shuffled = Case(
        case.agreement,
        data.draw(st.permutations(case.exported)),
        data.draw(st.permutations(case.imported)),
    )
    now = case.agreement.window.start + data.draw(st.integers(0, 150)) * HOUR
    assert shuffled.settle(now) == case.settle(now)


@given(case=cases(), hours=st.tuples(st.integers(0, 150), st.integers(0, 150)))
def test_what_is_settled_stays_as_it_is_while_time_goes_on(case: Case, hours: tuple[int, int]) -> None:
    earlier = case.settle(case.agreement.window.start + min(hours) * HOUR)
    later = case.settle(case.agreement.window.start + max(hours) * HOUR)
    assert [cycle.cycle_id for cycle in earlier.cycles] == [cycle.cycle_id for cycle in later.cycles]
    for before, after in zip(earlier.cycles, later.cycles, strict=True):
        assert before == after or before.status is CycleStatus.PENDING
    assert later.bills[: len(earlier.bills)] == earlier.bills


@given(case=cases(), hours=st.integers(0, 150))
def test_settled_days_come_before_open_ones_and_open_ones_are_at_nought(case: Case, hours: int) -> None:
    outcome = case.settle(case.agreement.window.start + hours * HOUR)
    flags = [cycle.is_settled for cycle in outcome.cycles]
    assert flags == sorted(flags, reverse=True)
    assert outcome.is_final == all(flags)
    assert len(outcome.bills) == sum(flags)
    nought = Money.zero(case.agreement.terms.currency)
    for cycle in outcome.cycles:
        assert cycle.is_settled or (cycle.amount, cycle.delivered) == (nought, Energy(0))


@given(case=cases(), at=st.integers(0, 79), more=st.integers(0, 3_000))
def test_more_energy_never_costs_the_buyer_less(case: Case, at: int, more: int) -> None:
    assume(case.exported)
    at %= len(case.exported)
    interval, energy = case.exported[at]
    raised = [*case.exported[:at], (interval, energy + Energy(more)), *case.exported[at + 1 :]]
    terms = case.agreement.terms
    before = case.settle(case.long_after).delivered
    after = Case(case.agreement, raised, case.imported).settle(case.long_after).delivered
    assert after >= before
    assert price_energy(after, terms).net >= price_energy(before, terms).net


@given(
    zone=zones,
    start=st.integers(0, 365 * 24 * 4),
    quarters=st.integers(1, 96 * 10),
)
def test_local_days_follow_each_other_without_a_gap_and_hold_the_window(
    zone: str, start: int, quarters: int
) -> None:
    quarter = timedelta(minutes=15)
    begin = parse_instant("2011-06-01T00:00:00Z") + start * quarter
    window = Interval(begin, begin + quarters * quarter)
    days = local_days(window, zone=zone)
    assert days[0].period.start <= window.start < days[0].period.end
    assert days[-1].period.start < window.end <= days[-1].period.end
    assert all(before.period.end == after.period.start for before, after in pairwise(days))
    tz = find_zone(zone)
    for day in days:
        assert day.period.start.astimezone(tz).date() == day.date
        assert (day.period.end - timedelta(microseconds=1)).astimezone(tz).date() == day.date
        assert (day.period.start - timedelta(microseconds=1)).astimezone(tz).date() < day.date


@given(case=cases(), data=st.data())
def test_a_later_cut_leaves_what_was_settled_before_it(case: Case, data: st.DataObject) -> None:
    uncut = replace(case, agreement=replace(case.agreement, curtailed=Energy(0)))
    window = case.agreement.window
    before = uncut.settle(window.start + data.draw(st.integers(0, 200)) * HOUR)
    most = (case.agreement.contracted - before.delivered).watt_hours
    cut = replace(case.agreement, curtailed=Energy(data.draw(st.integers(0, most))))
    after = replace(case, agreement=cut).settle(case.long_after)
    for earlier, later in zip(before.cycles, after.cycles, strict=True):
        if earlier.is_settled:
            assert (later.delivered, later.amount) == (earlier.delivered, earlier.amount)
    assert before.delivered <= after.delivered <= cut.deliverable
