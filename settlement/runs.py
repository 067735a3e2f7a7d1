"""Runs of a settlement cycle: what it came to first, and by each revision of its readings since. Pure.

A run is numbered from 1 and never changed. The last one counts, and what it differs from the one before
is all that it moves. On the wire a settled cycle stays as it is, and each later run is a cycle of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from kernel.energy import Energy
from kernel.money import Money
from settlement.cycles import FIRST_RUN, SettlementCycle

CORRECTION_HORIZON: Final = timedelta(days=428)
"""How long after a cycle's end its readings may be revised: fourteen months, whichever they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A settled cycle by the run that counted, and what it comes to by the readings of now."""

    previous: SettlementCycle
    revised: SettlementCycle
    """The next run."""

    @property
    def delta(self) -> Money:
        """By how much more is to be paid; negative, if less."""
        return self.revised.amount - self.previous.amount

    @property
    def delta_wh(self) -> int:
        return self.revised.delivered.watt_hours - self.previous.delivered.watt_hours

    def is_too_late(self, *, now: datetime) -> bool:
        """Say whether the cycle lies beyond the horizon and stays as it is."""
        return now - self.previous.metered.end > CORRECTION_HORIZON


def find_revisions(
    settled: Mapping[str, SettlementCycle], closed: Iterable[SettlementCycle]
) -> list[Revision]:
    """Return the settled cycles whose delivery or amount is another by now, each with its next run.

    So is one whose shortfalls, or credits for a stall, are others, where the settled cycle has its
    explanation: they say what the seller owes, which is no part of the amount.
    """
    return [
        Revision(previous=settled[cycle.cycle_id], revised=_next_run(settled[cycle.cycle_id], cycle))
        for cycle in closed
        if cycle.cycle_id in settled and not _same(cycle, settled[cycle.cycle_id])
    ]


def newest_runs(runs: Iterable[SettlementCycle]) -> list[SettlementCycle]:
    """Return the last run of each cycle; `runs` are in order."""
    return list({run.cycle_id: run for run in runs}.values())


def as_appended(runs: Sequence[SettlementCycle]) -> list[SettlementCycle]:
    """Return the cycles as peers are told of them: a later run has an id of its own, and only what changed.

    A cycle has no negative amount: whether a change went up or down, the bill's correction says.
    """
    before: dict[str, SettlementCycle] = {}
    told: list[SettlementCycle] = []
    for run in runs:
        previous = before.get(run.cycle_id)
        told.append(run if previous is None else _change(Revision(previous=previous, revised=run)))
        before[run.cycle_id] = run
    return told


def run_id(cycle: SettlementCycle) -> str:
    """Return what a later run of a cycle is called."""
    return numbered_id(cycle.cycle_id, cycle.run)


def numbered_id(cycle_id: str, run: int) -> str:
    """Return what a run of a cycle is called: the first as the cycle itself."""
    return cycle_id if run == FIRST_RUN else f"{cycle_id}-r{run}"


def _change(revision: Revision) -> SettlementCycle:
    return replace(
        revision.revised,
        cycle_id=run_id(revision.revised),
        amount=Money(abs(revision.delta.minor), revision.delta.currency),
        delivered=Energy(abs(revision.delta_wh)),
    )


def _same(one: SettlementCycle, other: SettlementCycle) -> bool:
    if (one.delivered, one.amount) != (other.delivered, other.amount):
        return False
    told, computed = other.explanation, one.explanation
    if told is None or computed is None:
        return True
    return all(told.get(name) == computed.get(name) for name in ("shortfalls", "stall"))


def _next_run(previous: SettlementCycle, cycle: SettlementCycle) -> SettlementCycle:
    earlier = {
        "run": previous.run,
        "amount_minor": previous.amount.minor,
        "delivered_wh": previous.delivered.watt_hours,
    }
    run = previous.run + 1
    return replace(
        cycle, run=run, explanation={**(cycle.explanation or {}), "run": run, "previous_run": earlier}
    )
