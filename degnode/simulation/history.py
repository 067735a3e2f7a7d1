"""What a meter truly counted: whole watt-hours an interval, and its registers' stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from degnode.simulation.premises import Premises
from degnode.simulation.slots import SLOT_SECONDS, Slots, watts_of
from metering.energy import Direction

_MILLI: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One meter's truth. Units: `start` in seconds since 1970 UTC, `step` in seconds, energy in Wh, W."""

    premises: Premises
    start: int
    step: int
    imported: tuple[int, ...]
    exported: tuple[int, ...]
    net_watts: tuple[int, ...]
    """Taken from the grid at the end of each interval; negative where given."""

    @property
    def count(self) -> int:
        """How many intervals there are."""
        return len(self.imported)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """What the meter counts: export only where something could be given."""
        gives = self.premises.roof is not None or self.premises.battery is not None
        return (Direction.IMPORT, Direction.EXPORT) if gives else (Direction.IMPORT,)

    def energy(self, direction: Direction) -> tuple[int, ...]:
        """Return the energy that flowed in `direction`, interval by interval."""
        return self.imported if direction is Direction.IMPORT else self.exported

    def begins(self, interval: int) -> int:
        """Return when the `interval`-th begins, or the one before it ends."""
        return self.start + interval * self.step


def make_history(premises: Premises, net: Sequence[int], slots: Slots, *, step: int) -> History:
    """Return what the meter counts of the net flow `net` (mWh in each slot, taken from the grid).

    What is finer than a watt-hour is carried to the next interval, so that nothing is lost.
    """
    grain = step // SLOT_SECONDS
    return History(
        premises=premises,
        start=slots.start,
        step=step,
        imported=tuple(_whole([max(0, energy) for energy in net], grain)),
        exported=tuple(_whole([max(0, -energy) for energy in net], grain)),
        net_watts=tuple(watts_of(energy) for energy in net[grain - 1 :: grain]),
    )


def _whole(energy: Sequence[int], grain: int) -> Iterator[int]:
    stands = [0, *list(accumulate(energy))[grain - 1 :: grain]]
    for before, after in pairwise(stands):
        yield after // _MILLI - before // _MILLI
