"""Bills with losses and penalties beside an oracle in fractions; what is not agreed changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement
from settlement.allocation.quantity import Lump
from settlement.allocation.series import Entitlement, left_over
from settlement.quantities import quantities_by_cycle
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from tests.support import term_strategies
from tests.support.agreements import WINDOW, agree
from trading.bands import Band
from trading.charges import LineKind
from trading.matching import NO_LOSSES, Billed, Matching
from trading.penalties import Counted
from trading.rates import METERING_GRID
from trading.records import terms_from_record, terms_to_record
from trading.terms import SettlementType, Terms
from trading.wheeling import Side

HOUR = timedelta(hours=1)
HOURS = WINDOW.duration // HOUR
energies = st.lists(st.integers(0, 4_000), min_size=HOURS, max_size=HOURS)


@dataclass(frozen=True, kw_only=True)
class Case:
    agreement: Agreement
    gave: list[int]
    took: list[int]

    def settle(self) -> SettlementOutcome:
        exported, imported = (hourly(side) for side in (self.gave, self.took))
        now = WINDOW.end + timedelta(days=2)
        return settle_contract(self.agreement, exported=exported, imported=imported, now=now)


def hourly(watt_hours: list[int]) -> list[MeteredInterval]:
    return [
        (Interval(WINDOW.start + at * HOUR, WINDOW.start + (at + 1) * HOUR), Energy(each))
        for at, each in enumerate(watt_hours)
    ]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a contract of one price with any matching, losses and penalties, and what its meters counted."""
    agreement = agree(
        price=str(draw(term_strategies.prices)),
        kwh=str(Decimal(draw(st.integers(0, 30_000))) / 1000),
        wheeling=None,
        currency=draw(st.sampled_from(["USD", "JPY", "KWD"])),
        settles=draw(st.sampled_from([SettlementType.HOURLY, SettlementType.DAILY])),
        matching=draw(st.sampled_from(Matching)),
    )
    currency = agreement.terms.currency
    terms = replace(
        agreement.terms,
        losses=draw(st.just(NO_LOSSES) | term_strategies.losses),
        penalties=draw(term_strategies.penalties(currency, is_flat=True)),
    )
    return Case(agreement=replace(agreement, terms=terms), gave=draw(energies), took=draw(energies))


def nearest(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def naive_arrived(case: Case) -> list[int]:
    """Return the Wh that arrived in the whole window, or in each of its hours where those are matched."""
    terms, most = case.agreement.terms, case.agreement.contracted.watt_hours
    kept, arrives = 1 - Fraction(terms.losses.factor), terms.losses.billed is Billed.ARRIVED
    to_give, to_take = (ceil(most / kept), most) if arrives else (most, floor(most * kept))
    if terms.matching is Matching.WINDOW:
        return [min(floor(min(sum(case.gave), to_give) * kept), sum(case.took), to_take)]
    arrived = []
    for gave, took in zip(case.gave, case.took, strict=True):
        gave, took = min(gave, to_give), min(took, to_take)  # noqa: PLW2901  what counts of it
        to_give, to_take = to_give - gave, to_take - took
        arrived.append(min(floor(gave * kept), took))
    return arrived


def naive_sent(case: Case) -> list[int]:
    """Return the least Wh that have to be sent for what arrived."""
    kept = 1 - Fraction(case.agreement.terms.losses.factor)
    return [ceil(each / kept) for each in naive_arrived(case)]


def naive_delivered(case: Case) -> int:
    """Return the billed Wh of the whole window."""
    arrives = case.agreement.terms.losses.billed is Billed.ARRIVED
    return sum(naive_arrived(case) if arrives else naive_sent(case))


def naive_penalties(case: Case) -> dict[Side, int]:
    """Return what each side owes, in minor units."""
    terms, due = case.agreement.terms, case.agreement.contracted.watt_hours
    kept, arrives = 1 - Fraction(terms.losses.factor), terms.losses.billed is Billed.ARRIVED
    short = {
        Side.SELLER: (due, due - (floor(sum(case.gave) * kept) if arrives else sum(case.gave))),
        Side.BUYER: (due, due - sum(case.took))
        if arrives
        else (floor(due * kept), floor(due * kept) - sum(case.took)),
    }
    owed: dict[Side, int] = {}
    for each in terms.penalties:
        obligation, lacked = short[each.side]
        band = obligation * Fraction(each.tolerance.percent) / 100
        counted = Fraction(lacked) if each.tolerance.counted is Counted.WHOLE else lacked - band
        if each.price is not None:
            rate = Fraction(each.price.per_kwh)
        else:
            rate = Fraction(terms.price.per_kwh) * Fraction(each.percent_of_price or 0) / 100
        exact = counted / 1000 * rate * 10**terms.currency.exponent
        owed[each.side] = nearest(exact) if lacked > band else 0
    return owed


@given(case=cases())
def test_a_bill_is_the_energy_that_was_billed_and_the_buyers_penalty(case: Case) -> None:
    outcome = case.settle()
    terms, owed = case.agreement.terms, naive_penalties(case)
    delivered = naive_delivered(case)
    assert outcome.delivered.watt_hours == delivered <= case.agreement.contracted.watt_hours
    energy = Fraction(delivered, 1000) * Fraction(terms.price.per_kwh) * 10**terms.currency.exponent
    (bill,) = outcome.bills
    told = {line.kind: line.amount.minor for line in bill.lines}
    assert told.get(LineKind.PENALTY, 0) == owed.get(Side.BUYER, 0)
    assert told[LineKind.ENERGY] == nearest(energy)
    assert bill.total.minor == sum(told.values())
    shortfalls = (outcome.cycles[-1].explanation or {}).get("shortfalls", [])
    assert {Side(each["side"]): each["minor"] for each in shortfalls} == owed


@given(case=cases())
def test_what_is_lost_is_what_was_sent_and_did_not_arrive(case: Case) -> None:
    outcome = case.settle()
    lost = [each.watt_hours for each in outcome.lost.values()]
    assert outcome.lost.keys() == {cycle.cycle_id for cycle in outcome.cycles}
    assert min(lost) >= 0
    assert sum(lost) == sum(naive_sent(case)) - sum(naive_arrived(case))


@given(case=cases())
def test_losses_of_nothing_and_penalties_of_nothing_change_no_amount(case: Case) -> None:
    agreement = case.agreement
    bare = replace(agreement, terms=replace(agreement.terms, losses=NO_LOSSES, penalties=()))
    free = tuple(
        replace(each, price=replace(agreement.terms.price, per_kwh=Decimal(0)), percent_of_price=None)
        for each in agreement.terms.penalties
    )
    nought = replace(bare, terms=replace(bare.terms, penalties=free))
    plain, same = (replace(case, agreement=each).settle() for each in (bare, nought))
    assert [cycle.lines for cycle in plain.cycles] == [cycle.lines for cycle in same.cycles]
    assert all("shortfalls" not in (cycle.explanation or {}) for cycle in plain.cycles)


@st.composite
def queues(draw: st.DrawFn) -> tuple[list[int], list[Case]]:
    """Draw what one source gave, and contracts on it in the order of their confirmation."""
    gave = draw(energies)
    return gave, [replace(case, gave=gave) for case in draw(st.lists(cases(), min_size=2, max_size=4))]


@given(queue=queues())
def test_no_watt_hour_of_a_shared_source_is_sold_twice_whatever_is_agreed(
    queue: tuple[list[int], list[Case]],
) -> None:
    gave, contracts = queue
    metered = hourly(gave)
    sold = dict.fromkeys((interval for interval, _ in metered), 0)
    earlier: list[Entitlement] = []
    for number, case in enumerate(contracts):
        left = left_over(metered, earlier)
        for interval, sent in sent_under(case, left).items():
            sold[interval] += sent
        due = case.agreement.terms.losses.due_of_source(case.agreement.contracted.watt_hours)
        earlier.append(
            Entitlement(
                contract_id=str(number), traded_at=WINDOW.start, window=WINDOW, quantity=Lump(watt_hours=due)
            )
        )
    assert all(sold[interval] <= energy.watt_hours for interval, energy in metered)


def sent_under(case: Case, left: list[MeteredInterval]) -> dict[Interval, int]:
    """Return what of each interval of the source is sold under a contract, before losses."""
    starts = {interval.start.isoformat(): interval for interval, _ in left}
    cycles = quantities_by_cycle(
        case.agreement,
        exported=left,
        imported=hourly(case.took),
        band_of=lambda start: Band(Decimal(1), label=start.isoformat()),
    )
    billed = {starts[str(band)]: each.watt_hours for band, each in cycles[-1].to_date.bands.items()}
    losses = case.agreement.terms.losses
    if losses.billed is Billed.SENT:
        return billed
    if case.agreement.matching is Matching.INTERVAL:
        return {interval: losses.needed(arrived) for interval, arrived in billed.items()}
    rest = losses.needed(sum(billed.values()))
    sent: dict[Interval, int] = {}
    for interval, energy in left:
        sent[interval] = min(energy.watt_hours, rest)
        rest -= sent[interval]
    return sent


@given(agreed=term_strategies.terms())
def test_what_is_kept_of_terms_has_nothing_of_what_is_not_agreed(agreed: Terms) -> None:
    plain = replace(agreed, matching=Matching.WINDOW, metering=METERING_GRID, losses=NO_LOSSES, penalties=())
    kept = terms_to_record(plain)
    assert kept.keys().isdisjoint({"matching", "metering_minutes", "losses", "penalties"})
    assert terms_from_record(kept) == plain
    further = terms_to_record(agreed)
    assert {name: further[name] for name in kept} == kept
