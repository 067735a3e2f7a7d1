"""A look that computes only what is new comes to what one comes to that computes everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.agreement import Agreement, Matching
from settlement.cycles import SettlementCycle
from settlement.quantities import delivered_by
from settlement.runs import find_revisions
from settlement.settle import SettlementOutcome, settle_contract
from settlement.side import MeteredInterval
from tests.support import term_strategies
from tests.support.agreements import agree
from trading.terms import SettlementType

HOUR: Final = timedelta(hours=1)
START: Final = datetime(2026, 3, 28, 20, tzinfo=UTC)
"""Berlin loses an hour a few hours later."""
WATT_HOURS: Final = st.none() | st.integers(0, 3_000)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a contract is settled from at an instant."""

    agreement: Agreement
    exported: Sequence[int | None]
    imported: Sequence[int | None]
    hours: int

    def settle(self, standing: dict[str, SettlementCycle]) -> SettlementOutcome:
        return settle_contract(
            self.agreement,
            exported=readings(self.exported),
            imported=readings(self.imported),
            now=START + self.hours * HOUR,
            standing=standing,
        )


def readings(counted: Sequence[int | None]) -> list[MeteredInterval]:
    return [
        (Interval(START + at * HOUR, START + (at + 1) * HOUR), Energy(watt_hours))
        for at, watt_hours in enumerate(counted)
        if watt_hours is not None
    ]


@st.composite
def looks(draw: st.DrawFn) -> tuple[Look, Look]:
    """Draw two looks at a contract: in between there may be revisions, more readings, a cut, the end."""
    hours = draw(st.integers(2, 30))
    settles = draw(st.sampled_from([SettlementType.HOURLY, SettlementType.DAILY]))
    agreement = replace(
        agree(
            window=Interval(START, START + hours * HOUR),
            kwh=str(Energy(draw(st.integers(0, 60_000))).kilowatt_hours),
            zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"])),
            matching=draw(st.sampled_from(Matching)),
        ),
        terms=replace(draw(term_strategies.terms()), settlement_type=settles),
    )
    counted = st.lists(WATT_HOURS, min_size=hours, max_size=hours)
    earlier = Look(
        agreement=agreement, exported=draw(counted), imported=draw(counted), hours=draw(st.integers(0, 80))
    )
    sides = [list(earlier.exported), list(earlier.imported)]
    for side in sides:
        for at in draw(st.sets(st.integers(0, hours - 1), max_size=3)):
            side[at] = draw(WATT_HOURS)
    if draw(st.booleans()):
        cut = Energy(draw(st.integers(0, agreement.contracted.watt_hours)))
        agreement = replace(agreement, curtailed=cut)
    if draw(st.booleans()):
        ended = Interval(START, START + draw(st.integers(1, hours)) * HOUR)
        agreement = replace(agreement, window=ended, is_terminated=True)
    after = earlier.hours + draw(st.integers(0, 60))
    return earlier, Look(agreement=agreement, exported=sides[0], imported=sides[1], hours=after)


def kept(outcome: SettlementOutcome) -> dict[str, SettlementCycle]:
    """Return the settled cycles as they are read when a contract is looked at again."""
    return {
        cycle.cycle_id: replace(cycle, lines=(), explanation=None)
        for cycle in outcome.cycles
        if cycle.is_settled
    }


@settings(max_examples=40, deadline=None)
@given(pair=looks())
def test_what_stands_need_not_be_computed_again(pair: tuple[Look, Look]) -> None:
    earlier, later = pair
    standing = kept(earlier.settle({}))

    told, whole = later.settle(standing), later.settle({})

    assert [(each.cycle_id, each.status, each.amount, each.delivered) for each in told.cycles] == [
        (each.cycle_id, each.status, each.amount, each.delivered) for each in whole.cycles
    ]
    fresh = [each for each in told.cycles if each.cycle_id not in standing]
    assert fresh == [each for each in whole.cycles if each.cycle_id not in standing]
    assert find_revisions(standing, [each for each in told.cycles if each.is_settled]) == find_revisions(
        standing, [each for each in whole.cycles if each.is_settled]
    )
    assert (told.delivered, told.delivered_so_far) == (whole.delivered, whole.delivered_so_far)
    assert [told.delivered_so_far] == delivered_by(
        later.agreement,
        exported=readings(later.exported),
        imported=readings(later.imported),
        instants=[later.agreement.window.end],
    )


@settings(max_examples=40, deadline=None)
@given(pair=looks())
def test_a_second_look_at_the_same_computes_nothing(pair: tuple[Look, Look]) -> None:
    _, look = pair
    standing = kept(look.settle({}))

    again = look.settle(standing)

    assert all(each is standing[each.cycle_id] for each in again.cycles if each.is_settled)
