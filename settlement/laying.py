"""How much is delivered by the end of each cycle, and when it flowed: settled Wh laid on readings. Pure.

Where the window is matched as a whole, as much is delivered by an instant as the least of three totals
is by then: the source's export, the target's import, and the contracted energy. Since totals only grow,
so does what is delivered, and the cycles of a window always add up to the window's own minimum.

Where each interval is matched by itself, the lesser of both sides' energy in it is delivered, until all is
delivered that was not cut. Each side has as much to give or take as was contracted, and that is the first
it counts, whether the other side matches it or not, and whatever is cut later: what a contract leaves is
then known without its other meter, and what was delivered before a cut stays. Meters that count in
intervals of different lengths are compared over the shortest stretches that are whole on both sides.

What is lost on its way is taken off what the source gave, rounded down to whole Wh: off its total, or in
each stretch. Contracted and billed is what arrived, or what was sent for it.

Delivered energy is then laid on the source's intervals in order of time: the first watt-hours that it
exported are those that were delivered. So each has the price of the time at which it was exported; those
that a subscription's fee includes are the first of their calendar period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import accumulate, pairwise
from typing import Protocol, TypeAlias

from kernel.energy import ZERO_ENERGY, Energy
from settlement.side import Side
from trading.allowance import Allowance
from trading.bands import Band
from trading.matching import NO_LOSSES, Billed, Losses, Matching

BandOf: TypeAlias = Callable[[datetime], Band]
"""The band of an interval of the source that starts at that instant."""


class Agreed(Protocol):
    """The energy of a contract."""

    @property
    def contracted(self) -> Energy: ...

    @property
    def deliverable(self) -> Energy:
        """What of it was not cut."""

    @property
    def allowance(self) -> Energy | None:
        """What a subscription's fee includes of each period, if that is used up in the order of time."""


@dataclass(frozen=True, slots=True)
class Laid:
    """What is delivered by an instant since the window began, in all and by band."""

    total: Energy
    bands: Mapping[Band, Energy]
    lost: Energy = ZERO_ENERGY
    """What was sent beside it, or of it where that is billed, and did not arrive."""


def lay(
    source: Side,
    target: Side,
    *,
    agreed: Agreed,
    matching: Matching,
    ends: Sequence[datetime],
    band_of: BandOf,
    losses: Losses = NO_LOSSES,
) -> list[Laid]:
    """Return what is delivered by each instant of `ends`, which are in order of time."""
    most, contracted = agreed.deliverable.watt_hours, agreed.contracted.watt_hours
    allowance = Allowance(None if agreed.allowance is None else agreed.allowance.watt_hours)
    if matching is Matching.INTERVAL:
        stretches = _stretches(source, target)
        layer = _Layer(source, _room(stretches, losses), band_of, allowance)
        met = _matched(stretches, losses, contracted=contracted)
        return _by_interval(layer, met, losses=losses, most=most, ends=ends)
    layer = _Layer(source, _billable(source.watt_hours, losses), band_of, allowance)
    due = losses.due_of_target(most)
    arrived = (min(losses.arriving(source.total_by(end)), target.total_by(end), due) for end in ends)
    billed = [losses.billed_of(watt_hours) for watt_hours in arrived]
    return [layer.lay_up_to(watt_hours, lost=losses.lost_of(watt_hours)) for watt_hours in billed]


def _billable(watt_hours: Sequence[int], losses: Losses) -> Sequence[int]:
    """Return what can be billed of each of some intervals, one after the other, that sent so much."""
    if losses.billed is Billed.SENT or not losses.factor:
        return watt_hours
    arrived = map(losses.arriving, accumulate(watt_hours, initial=0))
    return [by_now - before for before, by_now in pairwise(arrived)]


class _Layer:
    """Lays Wh on the source's intervals, in order of time, and counts them by band.

    `room` is how much each of the intervals has to be laid on.
    """

    def __init__(self, source: Side, room: Sequence[int], band_of: BandOf, allowance: Allowance[int]) -> None:
        self._intervals = source.intervals
        self._room = room
        self._band_of = band_of
        self._allowance = allowance
        self._at, self._used = 0, 0
        self._bands: dict[Band, int] = {}
        self.total = 0

    def skip_to(self, index: int) -> None:
        """Leave what is free of the intervals before that one."""
        self._at, self._used = index, 0

    def lay_up_to(self, total: int, *, lost: int) -> Laid:
        """Lay as much as makes the total; the intervals that are left have to hold it.

        `lost` is how many Wh were lost since the window began.
        """
        while self.total < total:
            free = self._room[self._at] - self._used
            part = min(free, total - self.total)
            if part:
                band = self._band_of(self._intervals[self._at].start)
                for found, watt_hours in self._allowance.split(band, part):
                    self._bands[found] = self._bands.get(found, 0) + watt_hours
                self.total += part
            self._at, self._used = (self._at + 1, 0) if part == free else (self._at, self._used + part)
        bands = {band: Energy(watt_hours) for band, watt_hours in self._bands.items()}
        return Laid(Energy(total), bands, Energy(lost))


@dataclass(slots=True)
class _Stretch:
    """A stretch of time that is whole on both sides. Units: Wh."""

    end: datetime
    first: int
    """The number of its first interval of the source."""
    exported: list[int] = field(default_factory=list)
    imported: int = 0


def _room(stretches: Sequence[_Stretch], losses: Losses) -> list[int]:
    """Return what can be billed of each interval of the source."""
    return [watt_hours for stretch in stretches for watt_hours in _billable(stretch.exported, losses)]


def _matched(
    stretches: Sequence[_Stretch], losses: Losses, *, contracted: int
) -> Iterator[tuple[_Stretch, int]]:
    """Yield each stretch with what both sides come to in it, in Wh that are billed."""
    to_give, to_take = losses.due_of_source(contracted), losses.due_of_target(contracted)
    for stretch in stretches:
        gave, took = min(sum(stretch.exported), to_give), min(stretch.imported, to_take)
        to_give, to_take = to_give - gave, to_take - took
        yield stretch, losses.billed_of(min(losses.arriving(gave), took))


def _by_interval(
    layer: _Layer,
    met: Iterable[tuple[_Stretch, int]],
    *,
    losses: Losses,
    most: int,
    ends: Sequence[datetime],
) -> list[Laid]:
    ahead = deque(met)
    laid: list[Laid] = []
    lost = 0
    for end in ends:
        while ahead and ahead[0][0].end <= end:
            stretch, watt_hours = ahead.popleft()
            layer.skip_to(stretch.first)
            part = min(watt_hours, most - layer.total)
            lost += losses.lost_of(part)
            layer.lay_up_to(layer.total + part, lost=lost)
        laid.append(layer.lay_up_to(layer.total, lost=lost))
    return laid


def _stretches(source: Side, target: Side) -> list[_Stretch]:
    """Return the stretches that hold both sides' intervals whole, as short as they can be."""
    exported = ((at, wh, 0, True) for at, wh in zip(source.intervals, source.watt_hours, strict=True))
    imported = ((at, 0, wh, False) for at, wh in zip(target.intervals, target.watt_hours, strict=True))
    stretches: list[_Stretch] = []
    seen = 0
    for interval, gave, took, of_source in merge(exported, imported, key=lambda found: found[0].start):
        if not stretches or stretches[-1].end <= interval.start:
            stretches.append(_Stretch(interval.end, seen))
        stretch = stretches[-1]
        stretch.end = max(stretch.end, interval.end)
        stretch.imported += took
        if of_source:
            stretch.exported.append(gave)
            seen += 1
    return stretches
