"""What holds for every contract and every set of readings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from hypothesis import assume, given
from hypothesis import strategies as st

from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import find_zone, local_days
from kernel.local_periods import Cadence
from kernel.money import Money, sum_money
from settlement.agreement import Agreement, Matching
from settlement.cycles import CycleStatus
from settlement.lines import gather
from settlement.periods import billing_periods, settlement_periods
from settlement.quantities import quantities_by_cycle
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from tests.support.agreements import agree
from trading.bands import Band
from trading.charges import LineKind
from trading.matching import NO_LOSSES, Billed, Losses
from trading.terms import SettlementType

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
losses = st.just(NO_LOSSES) | st.builds(
    Losses, st.decimals(min_value=0, max_value="0.99", places=4), st.sampled_from(Billed)
)
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
    """Draw a contract over up to four days around a change of clocks, with any cycles and bills."""
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
        settles=draw(st.sampled_from(SettlementType)),
        billing=draw(st.sampled_from(Cadence)),
        matching=draw(st.sampled_from(Matching)),
        anchor_day=draw(st.integers(1, 31)),
    )
    agreement = replace(agreement, terms=replace(agreement.terms, losses=draw(losses)))
    return Case(agreement, draw(hours_of(window)), draw(hours_of(window)))


def by_window(case: Case, end: datetime) -> int:
    """Return what is delivered by an instant where the window is matched as a whole."""
    losses, most = case.agreement.terms.losses, case.agreement.deliverable.watt_hours
    sent, taken = (
        sum(energy.watt_hours for interval, energy in side if interval.end <= end)
        for side in (case.exported, case.imported)
    )
    kept = 1 - Fraction(losses.factor)
    if losses.billed is Billed.ARRIVED:
        return min(floor(sent * kept), taken, most)
    return ceil(min(floor(sent * kept), taken, floor(most * kept)) / kept)


def by_interval(case: Case, end: datetime) -> int:
    """Return what is delivered by an instant where each hour is matched by itself."""
    return sum(watt_hours for interval, watt_hours in hour_by_hour(case).items() if interval.end <= end)


def hour_by_hour(case: Case) -> dict[Interval, int]:
    """Return what each hour delivers: no side gives or takes more than was contracted in all.

    A cut ends it when the rest is delivered.
    """
    losses, agreed = case.agreement.terms.losses, case.agreement.contracted.watt_hours
    kept = 1 - Fraction(losses.factor)
    is_arrived = losses.billed is Billed.ARRIVED
    to_give, to_take = (ceil(agreed / kept), agreed) if is_arrived else (agreed, floor(agreed * kept))
    room = case.agreement.deliverable.watt_hours
    exported, imported = dict(case.exported), dict(case.imported)
    delivered: dict[Interval, int] = {}
    for interval in sorted(exported.keys() | imported.keys()):
        gave = min(exported.get(interval, Energy(0)).watt_hours, to_give)
        took = min(imported.get(interval, Energy(0)).watt_hours, to_take)
        to_give, to_take = to_give - gave, to_take - took
        arrived = min(floor(gave * kept), took)
        delivered[interval] = min(room, arrived if is_arrived else ceil(arrived / kept))
        room -= delivered[interval]
    return delivered


ORACLES = {Matching.WINDOW: by_window, Matching.INTERVAL: by_interval}


def delivered_by(case: Case, end: datetime) -> int:
    return ORACLES[case.agreement.matching](case, end)


@given(case=cases())
def test_cycles_tile_the_window_and_bills_tile_the_cycles(case: Case) -> None:
    agreement = case.agreement
    for periods in (settlement_periods(agreement), billing_periods(agreement)):
        metered = [named.metered for named in periods]
        assert (metered[0].start, metered[-1].end) == (agreement.window.start, agreement.window.end)
        assert all(one.end == other.start for one, other in pairwise(metered))
        assert len({named.id for named in periods}) == len(periods)
        assert all(named.period.start <= named.metered.start for named in periods)
        assert all(named.metered.end <= named.period.end for named in periods)
    outcome = case.settle(case.long_after)
    gathered = [cycle_id for bill in outcome.bills for cycle_id in bill.settlement_cycle_ids]
    assert gathered == [cycle.cycle_id for cycle in outcome.cycles]


@given(case=cases())
def test_each_cycle_delivers_what_is_delivered_by_its_end_and_was_not_before(case: Case) -> None:
    outcome = case.settle(case.long_after)
    assert outcome.is_final
    assert outcome.delivered == outcome.delivered_so_far
    assert outcome.delivered.watt_hours == delivered_by(case, case.agreement.window.end)
    before = 0
    for cycle in outcome.cycles:
        by_now = delivered_by(case, cycle.metered.end)
        assert cycle.delivered.watt_hours == by_now - before >= 0
        before = by_now


def third_of_the_day(start: datetime) -> Band:
    return Band(Decimal(start.hour // 8))


def naive_bands(case: Case, end: datetime) -> dict[Band, int]:
    """Lay what is delivered by an instant on the source's hours, one after the other in time."""
    left = delivered_by(case, end)
    losses, by_hour = case.agreement.terms.losses, hour_by_hour(case)
    kept = 1 - Fraction(losses.factor) if losses.billed is Billed.ARRIVED else Fraction(1)
    bands: dict[Band, int] = {}
    sent = 0
    for interval, energy in sorted(case.exported):
        most = floor((sent + energy.watt_hours) * kept) - floor(sent * kept)
        sent += energy.watt_hours
        if case.agreement.matching is Matching.INTERVAL:
            most = by_hour[interval]
        part = min(most, left)
        if part:
            band = third_of_the_day(interval.start)
            bands[band] = bands.get(band, 0) + part
        left -= part
    return bands


@given(case=cases())
def test_delivered_energy_lies_in_the_first_hours_of_the_source(case: Case) -> None:
    found = quantities_by_cycle(
        case.agreement,
        exported=case.exported,
        imported=case.imported,
        band_of=third_of_the_day,
    )
    for cycle in found:
        told = {band: energy.watt_hours for band, energy in cycle.to_date.bands.items()}
        assert told == naive_bands(case, cycle.cycle.metered.end)
        assert sum(told.values()) == cycle.to_date.total.watt_hours
    assert [cycle.before for cycle in found[1:]] == [cycle.to_date for cycle in found[:-1]]


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
def test_lines_add_up_to_the_cycles_and_cycles_to_the_bills(case: Case) -> None:
    outcome = case.settle(case.long_after)
    wheeling = case.agreement.terms.wheeling
    by_id = {cycle.cycle_id: cycle for cycle in outcome.cycles}
    for cycle in outcome.cycles:
        assert cycle.amount.minor == sum(line.amount.minor for line in cycle.lines)
        wheeled = [line.amount for line in cycle.lines if line.title == "Wheeling Charges"]
        is_due = wheeling is not None and cycle.delivered > Energy(0)
        assert wheeled == ([wheeling.amount] if wheeling and wheeling.amount.minor and is_due else [])
    for bill in outcome.bills:
        gathered = [by_id[cycle_id] for cycle_id in bill.settlement_cycle_ids]
        assert bill.total.minor == sum(cycle.amount.minor for cycle in gathered)
        assert bill.lines == gather(line for cycle in gathered for line in cycle.lines)


@given(case=cases())
def test_an_auditor_can_compute_a_cycle_again_from_what_it_tells(case: Case) -> None:
    before = exported = imported = 0
    for cycle in case.settle(case.long_after).cycles:
        told = cycle.explanation
        assert told is not None
        for side in ("exported", "imported"):
            assert told[side]["wh"] == sum(wh for _, _, wh in told[side]["readings"])
        exported += told["exported"]["wh"]
        imported += told["imported"]["wh"]
        assert (told["exported"]["to_date_wh"], told["imported"]["to_date_wh"]) == (exported, imported)
        assert told["delivered_before_wh"] == before
        to_date = told["delivered_to_date_wh"]
        lost = told["terms"]["agreed"].get("losses", {"factor": "0", "billed": "ARRIVED"})
        if (told["rule"], lost["billed"]) == ("MIN_OF_TWO_BY_WINDOW", "ARRIVED"):
            arrived = floor(exported * (1 - Fraction(lost["factor"])))
            assert to_date == min(arrived, imported, told["contracted_wh"] - told["curtailed_wh"])
        assert cycle.delivered == Energy(to_date - before)
        assert cycle.amount.minor == sum(line["minor"] for line in told["lines"])
        assert [band["to_date_wh"] for band in told["bands"]] == ([to_date] if to_date else [])
        assert all(band["band"] == "ALL" for band in told["bands"])
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
    billed = {cycle_id for bill in earlier.bills for cycle_id in bill.settlement_cycle_ids}
    assert billed <= {cycle.cycle_id for cycle in earlier.cycles if cycle.is_settled}


@given(case=cases(), hours=st.integers(0, 150))
def test_settled_cycles_come_before_open_ones_and_open_ones_are_at_nought(case: Case, hours: int) -> None:
    outcome = case.settle(case.agreement.window.start + hours * HOUR)
    flags = [cycle.is_settled for cycle in outcome.cycles]
    assert flags == sorted(flags, reverse=True)
    assert outcome.is_final == all(flags)
    nought = Money.zero(case.agreement.terms.currency)
    for cycle in outcome.cycles:
        assert cycle.is_settled or (cycle.amount, cycle.delivered) == (nought, Energy(0))


@given(case=cases(), at=st.integers(0, 79), more=st.integers(0, 3_000))
def test_more_energy_never_costs_the_buyer_less(case: Case, at: int, more: int) -> None:
    """Over the window. Where intervals are matched, unmatched energy uses the contract's quantity up."""
    assume(case.exported and case.agreement.matching is Matching.WINDOW)
    at %= len(case.exported)
    interval, energy = case.exported[at]
    raised = [*case.exported[:at], (interval, energy + Energy(more)), *case.exported[at + 1 :]]
    before = case.settle(case.long_after)
    after = Case(case.agreement, raised, case.imported).settle(case.long_after)
    assert after.delivered >= before.delivered
    assert energy_cost(after) >= energy_cost(before)


def energy_cost(outcome: SettlementOutcome) -> int:
    lines = (line for cycle in outcome.cycles for line in cycle.lines)
    return sum(line.amount.minor for line in lines if line.kind is LineKind.ENERGY)


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
