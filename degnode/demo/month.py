"""A time that is over, played back: what meters counted in it, reported part by part as if it went by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from degnode.demo.meters import EXPORTED, IMPORTED
from degnode.demo.stage import Stage
from degnode.simulation.places import PLACES, PlaceName
from degnode.simulation.premises import Premises
from degnode.simulation.world import Span, simulate
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from metering.energy import Direction

SEED: Final = 7
PLACE: Final = PLACES[PlaceName.DELHI]
QUARTER: Final = timedelta(minutes=15)
WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What one meter of a trade counted, in equal intervals from the window's start on, and whose it is."""

    mrid: str
    owner: str
    energies: Sequence[Energy]


def last_month(now: datetime) -> Interval:
    """Return the newest month that is over, by the clock of the stories' place."""
    first = now.astimezone(find_zone(PLACE.zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Interval((first - timedelta(days=1)).replace(day=1), first)


def counted_by(premises: Premises, window: Interval, *, direction: Direction) -> tuple[Energy, ...]:
    """Return what the meter of `premises` counts in each quarter of an hour.

    Raises: SimulationNotInstalled.
    """
    span = Span(start=window.start, step=QUARTER, length=window.duration)
    (history,) = simulate([premises], span, place=PLACE, seed=SEED)
    return tuple(Energy(watt_hours) for watt_hours in history.energy(direction))


def name_of(month: Interval) -> str:
    """Return a month as people call it."""
    return f"{month.start.astimezone(find_zone(PLACE.zone)):%B %Y}"


async def play_back(stage: Stage, window: Interval, *, source: Flow, target: Flow, part: timedelta) -> None:
    """Have both meters report `window` part by part, and tell what the buyer hears of each part.

    Raises: TradeFailed.
    """
    gives, takes = stage.meter(source.mrid, EXPORTED), stage.meter(target.mrid, IMPORTED)
    given = taken = ZERO_ENERGY
    for period, some in _parts(window, len(source.energies), part):
        exported, imported = source.energies[some], target.energies[some]
        await gives.report(period, exported)
        await takes.report(period, imported)
        given, taken = sum(exported, given), sum(imported, taken)
        until = period.end.astimezone(find_zone(PLACE.zone))
        stage.narrator.say(
            f"meters → BPP   {source.owner} gave {given}, {target.owner} took {taken} to {until:%-d %b %H:%M}"
        )
        if period.end < window.end:
            await stage.tell_delivery(exported=given, imported=taken)


def _parts(window: Interval, intervals: int, part: timedelta) -> Iterator[tuple[Interval, slice]]:
    """Yield the parts of `window`, each with the intervals that lie in it."""
    step = window.duration / intervals
    size = part // step
    for first in range(0, intervals, size):
        last = min(first + size, intervals)
        yield Interval(window.start + first * step, window.start + last * step), slice(first, last)
