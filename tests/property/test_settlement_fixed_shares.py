"""Fixed shares of a meter: exact over time, no more than it counted, the same step by step and at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from math import floor
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement, Matching
from settlement.allocation.series import FIXED_SHARES, Entitlement, fixed_share, share_meter
from settlement.cycles import SettlementCycle
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from tests.support import term_strategies
from tests.support.agreements import agree
from tests.support.claims import counted, entitle, slots, watt_hours_of
from trading.terms import SettlementType

START: Final = datetime(2026, 3, 28, 20, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
ENOUGH: Final = 10**9
energies = st.lists(st.integers(0, 12) | st.integers(0, 50_000), min_size=1, max_size=24)


@st.composite
def shared_meters(draw: st.DrawFn) -> tuple[list[int], list[Entitlement]]:
    """Return what a meter counted, and contracts in whose windows it never gives more than all of it."""
    watt_hours = draw(energies)
    free = [Decimal(100)] * len(watt_hours)
    contracts = []
    for number in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, len(watt_hours) - 1))
        last = draw(st.integers(first, len(watt_hours) - 1))
        most = min(free[first : last + 1])
        share = min(most, draw(term_strategies.shares)) if draw(st.booleans()) else most
        if share:
            free[first : last + 1] = [each - share for each in free[first : last + 1]]
            contracts.append(entitle(f"T{number}", ENOUGH, window=slots(first, last), share=str(share)))
    return watt_hours, contracts


@given(shared=shared_meters())
def test_each_is_given_its_exact_share_over_time_and_all_together_no_more_than_was_counted(
    shared: tuple[list[int], list[Entitlement]],
) -> None:
    watt_hours, contracts = shared
    metered = counted(watt_hours)
    given_by_end = dict.fromkeys((period.end for period, _ in metered), 0)
    for contract in contracts:
        within = [each for each in metered if contract.holds_in(each[0])]
        got = fixed_share(within, contract.share_percent or Decimal(0))
        to_date = list(accumulate(energy.watt_hours for _, energy in got))
        of_meter = accumulate(energy.watt_hours for _, energy in within)
        share = Fraction(contract.share_percent or 0) / 100
        assert to_date == [floor(share * each) for each in of_meter]
        for (_, mine), (_, whole) in zip(got, within, strict=True):
            assert 0 <= mine.watt_hours <= whole.watt_hours
        for end in given_by_end:
            given_by_end[end] += sum(energy.watt_hours for period, energy in got if period.end <= end)
    for (period, _), by_then in zip(metered, accumulate(watt_hours), strict=True):
        assert given_by_end[period.end] <= by_then


@given(shared=shared_meters(), data=st.data())
def test_a_share_depends_on_no_other_contract_and_on_nothing_later(
    shared: tuple[list[int], list[Entitlement]], data: st.DataObject
) -> None:
    watt_hours, contracts = shared
    metered = counted(watt_hours)
    alone = {
        each.contract_id: watt_hours_of(share_meter(metered, [each], FIXED_SHARES)[each.contract_id])
        for each in contracts
    }
    some = data.draw(st.lists(st.sampled_from(contracts), unique_by=id)) if contracts else []
    shared_out = share_meter(metered, some, FIXED_SHARES)
    assert {name: watt_hours_of(each) for name, each in shared_out.items()} == {
        each.contract_id: alone[each.contract_id] for each in some
    }
    until = data.draw(st.integers(0, len(metered)))
    share = data.draw(term_strategies.shares)
    assert fixed_share(metered[:until], share) == fixed_share(metered, share)[:until]


@given(watt_hours=energies, share=term_strategies.shares, limit=st.integers(0, 60_000))
def test_what_is_taken_of_a_share_is_never_made_up_for(
    watt_hours: list[int], share: Decimal, limit: int
) -> None:
    contract = entitle("T", limit, window=slots(0, len(watt_hours) - 1), share=str(share))
    taken = watt_hours_of(share_meter(counted(watt_hours), [contract], FIXED_SHARES)["T"])
    may = [energy.watt_hours for _, energy in fixed_share(counted(watt_hours), share)]
    assert list(accumulate(taken)) == [min(limit, each) for each in accumulate(may)]


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    hours = draw(st.integers(2, 40))
    settles = draw(st.sampled_from([SettlementType.HOURLY, SettlementType.DAILY]))
    terms = replace(
        draw(term_strategies.terms()), settlement_type=settles, share_percent=draw(term_strategies.shares)
    )
    made = agree(
        window=Interval(START, START + hours * HOUR),
        kwh=str(Energy(draw(st.integers(0, 60_000))).kilowatt_hours),
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"])),
        matching=draw(st.sampled_from(Matching)),
    )
    return replace(made, terms=terms)


@settings(max_examples=60, deadline=None)
@given(agreement=agreements(), data=st.data())
def test_a_share_that_is_settled_step_by_step_comes_to_the_same_bill_as_at_once(
    agreement: Agreement, data: st.DataObject
) -> None:
    hours = agreement.window.duration // HOUR
    side = st.lists(st.integers(0, 3_000), min_size=hours, max_size=hours)
    exported, imported = data.draw(side), data.draw(side)
    wrong = list(exported)
    wrong[data.draw(st.integers(0, hours - 1))] = data.draw(st.integers(0, 3_000))  # revised at the end

    standing: dict[str, SettlementCycle] = {}
    for known in sorted(data.draw(st.sets(st.integers(1, hours), max_size=6))):
        step = settle(agreement, wrong[:known], imported[:known], standing, hours=known)
        standing |= {each.cycle_id: kept(each) for each in step.cycles if each.is_settled}
    after = hours + 48
    told = settle(agreement, exported, imported, standing, hours=after)
    whole = settle(agreement, exported, imported, {}, hours=after)

    assert [(each.cycle_id, each.status, each.amount, each.delivered) for each in told.cycles] == [
        (each.cycle_id, each.status, each.amount, each.delivered) for each in whole.cycles
    ]
    assert told.delivered == whole.delivered


def settle(
    agreement: Agreement,
    exported: Sequence[int],
    imported: Sequence[int],
    standing: dict[str, SettlementCycle],
    *,
    hours: int,
) -> SettlementOutcome:
    return settle_contract(
        agreement,
        exported=fixed_share(readings(exported), agreement.terms.share_percent or Decimal(0)),
        imported=readings(imported),
        now=START + hours * HOUR,
        standing=standing,
    )


def readings(watt_hours: Sequence[int]) -> list[MeteredInterval]:
    return [
        (Interval(START + at * HOUR, START + (at + 1) * HOUR), Energy(wh)) for at, wh in enumerate(watt_hours)
    ]


def kept(cycle: SettlementCycle) -> SettlementCycle:
    """Return a settled cycle as it is read when a contract is looked at again."""
    return replace(cycle, lines=(), explanation=None)
