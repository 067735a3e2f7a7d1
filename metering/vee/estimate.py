"""Filling the gaps of a meter's day; what is put in is a document like any other, and yields to an actual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import IngestResult
from metering.meter_store import MeterStore
from metering.quality import DERIVED, MANUALLY_EDITED, is_estimate
from metering.query import IntervalEnergy
from metering.vee.bounds import Bound, bounds_of, stands_around
from metering.vee.days import Holidays, LocalDate, local_dates, read_zone
from metering.vee.document import Statement, record_statements, step_of
from metering.vee.estimation import (
    LONGEST_TO_INTERPOLATE,
    QUALITY,
    Shape,
    cells_of,
    shape_by_days,
    shape_by_line,
)
from metering.vee.evidence import Slot, gaps_between
from metering.vee.facts import KnowsMeters, MeterFacts
from metering.vee.filling import Gap, Plan, plan
from metering.vee.gather import intervals_of, length_of, seconds_of, slots_of
from metering.vee.look import Look
from metering.vee.points import Channel, Point, channels_of
from metering.vee.state import with_doubts
from metering.vee.validation import REGISTERED
from storage.unit_of_work import UnitOfWork

REFERENCE_PERIOD: Final = timedelta(days=28)
_AROUND: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateWish:
    """Whose day is to be filled. `again` fills anew what was estimated; `holidays` are used like Sundays."""

    point: Point
    day: LocalDate
    again: bool = False
    holidays: Holidays = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledGap:
    """What became of a gap from `start` to `end` (s since 1970 UTC).

    Without a `plan` it stays a gap, and `refusal` says why; else `result` is what became of the document.
    """

    direction: Direction
    start: int
    end: int
    refusal: str | None = None
    plan: Plan | None = None
    result: IngestResult | None = None


async def estimate_day(
    uow: UnitOfWork, wish: EstimateWish, *, now: datetime, knows: KnowsMeters = REGISTERED
) -> list[FilledGap]:
    """Fill the gaps that touch a meter's local day, as far as it is over, and return what became of each.

    A gap that reaches into the day before or after is filled whole. The same gap with the same inputs is
    filled with the same values, by the same bytes. Raises: LocalDayInvalid, DecisionRefused.
    """
    await MeterStore(uow.connection).lock_by_id(wish.point.id)  # so that nobody changes what it is made from
    channels = await channels_of(uow.connection, wish.point)
    filled: list[FilledGap] = []
    for direction in sorted({channel.direction for channel in channels}):
        look = Look(point=wish.point, direction=direction, day=wish.day, now=now)
        facts = await knows.facts(
            uow.connection, point=wish.point, direction=direction, at=look.period.start, as_of=None
        )
        own = [channel for channel in channels if channel.direction is direction]
        filled += await _Filling(uow, wish, look, own, facts).run()
    return filled


class _Filling:
    """Fills the gaps of one direction of a meter's day."""

    def __init__(
        self,
        uow: UnitOfWork,
        wish: EstimateWish,
        look: Look,
        channels: Sequence[Channel],
        facts: MeterFacts,
    ) -> None:
        self._uow = uow
        self._wish = wish
        self._look = look
        self._channels = channels
        self._facts = facts
        self._origin = seconds_of(look.period.start)
        self._days: list[tuple[str, list[Slot]]] | None = None

    async def run(self) -> list[FilledGap]:
        """Fill what can be filled."""
        around = Interval(self._look.period.start - _AROUND, self._look.period.end + _AROUND)
        found = await intervals_of(self._uow.connection, self._look, around)
        length = length_of(self._facts, self._channels, found)
        channel = next((item for item in self._channels if item.counts_intervals and item.is_whole), None)
        if length is None:
            return []
        slots = await self._doubted(found, around)
        gaps = await self._gaps([slot for slot in slots if self._is_known(slot)], around, length)
        if channel is None:
            why = "the meter counts no intervals in total, only by tiers"
            return [self._outcome(gap, refusal=why) for gap in gaps]
        plans = plan(gaps, await self._bounds(gaps), step=step_of(channel))
        replaced = [item for item, slot in zip(found, slots, strict=True) if not self._is_known(slot)]
        return [await self._fill(gap, made, channel, replaced) for gap, made in zip(gaps, plans, strict=True)]

    async def _doubted(self, found: Sequence[IntervalEnergy], window: Interval) -> list[Slot]:
        """Return intervals with what validation doubts of them: it is no ground for an estimate."""
        return slots_of(await with_doubts(self._uow.connection, self._look, found, window))

    def _is_known(self, slot: Slot) -> bool:
        """Say whether an interval stays as it is; a difference of stands is no estimate to be made anew."""
        is_made = is_estimate(slot.quality) and not slot.quality & (DERIVED | MANUALLY_EDITED)
        return not (self._wish.again and is_made)

    async def _gaps(self, known: Sequence[Slot], around: Interval, length: int) -> list[Gap]:
        day_end = seconds_of(self._look.period.end)
        first, now = seconds_of(around.start), seconds_of(self._look.now)
        last = min(seconds_of(around.end), now - (now - self._origin) % length)
        found = []
        for start, end in gaps_between(known, start=first, end=last):
            # What reaches as far as we look has no end that we know of: only the day itself is filled.
            begins = self._origin if start == first else start
            ends = min(day_end, end) if end == last else end
            if begins < ends and self._origin < ends and begins < day_end:
                found.append(await self._gap(begins, ends, known, length))
        shaped = [await self._shape(gap, length) for gap in found]
        return [replace(gap, shape=shape) for gap, shape in zip(found, shaped, strict=True)]

    async def _gap(self, start: int, end: int, known: Sequence[Slot], length: int) -> Gap:
        """Return a gap cut at the meter's grid, and where a register was read within it."""
        around = await stands_around(self._uow.connection, self._look, self._channels, (start, end))
        cuts = sorted({stand.at for _, stands in around for stand in stands if start < stand.at < end})
        return Gap(
            [
                cell
                for one, other in zip([start, *cuts], [*cuts, end], strict=True)
                for cell in cells_of(one, other, origin=self._origin, length=length)
            ],
            next((slot for slot in known if slot.end == start), None),
            next((slot for slot in known if slot.start == end), None),
        )

    async def _shape(self, gap: Gap, length: int) -> Shape | None:
        if gap.end - gap.start <= LONGEST_TO_INTERPOLATE:
            line = shape_by_line(gap.cells, gap.before, gap.after)
            if line is not None:
                return line
        return shape_by_days(
            gap.cells,
            await self._days_like_it(),
            zone=read_zone(self._look.day.zone),
            origin=self._origin,
            length=length,
        )

    async def _days_like_it(self) -> list[tuple[str, list[Slot]]]:
        """Return the days of the same type in the weeks before, the nearest first, with their intervals."""
        if self._days is not None:
            return self._days
        start = self._look.period.start
        before = Interval(start - REFERENCE_PERIOD, start)
        slots = await self._doubted(await intervals_of(self._uow.connection, self._look, before), before)
        kind = self._look.day.kind(self._wish.holidays)
        days = []
        for day in local_dates(before, self._look.day.zone):
            if day.kind(self._wish.holidays) is kind:
                first, last = seconds_of(day.period.start), seconds_of(day.period.end)
                inside = [slot for slot in slots if first <= slot.start and slot.end <= last]
                days.append((day.date.isoformat(), inside))
        self._days = days[::-1]
        return self._days

    async def _bounds(self, gaps: Sequence[Gap]) -> list[Bound]:
        """Return the pairs of stands that bound gaps; no time is bounded by two pairs."""
        cells = [cell for gap in gaps for cell in gap.cells]
        bounds: list[Bound] = []
        for gap in gaps:
            around = await stands_around(
                self._uow.connection, self._look, self._channels, (gap.start, gap.end)
            )
            found = await bounds_of(
                self._uow.connection,
                self._look,
                around,
                cells,
                is_known=self._is_known,
                facts=self._facts,
            )
            bounds += [
                bound
                for bound in found
                if all(bound.other.at <= kept.one.at or kept.other.at <= bound.one.at for kept in bounds)
            ]
        return bounds

    async def _fill(
        self, gap: Gap, made: Plan | None, channel: Channel, replaced: Sequence[IntervalEnergy]
    ) -> FilledGap:
        if made is None:
            why = "no day like it measured all of that time, and no stands bound it"
            return self._outcome(gap, refusal=why)
        statements = [
            Statement(start, end, watt_hours, QUALITY[made.method])
            for (start, end), watt_hours in zip(gap.cells, made.watt_hours, strict=True)
        ]
        account = {
            "source": "estimation",
            "method": made.method.value,
            "inputs": {} if gap.shape is None else gap.shape.used,
            "stands": [_written(bound) for bound in made.bounds],
            "replaces": [
                [seconds_of(item.period.start), item.energy.watt_hours, item.quality, item.revision]
                for item in replaced
                if gap.start <= seconds_of(item.period.start) < gap.end
            ],
        }
        result = await record_statements(
            self._uow,
            statements,
            point=self._wish.point,
            channel=channel,
            account=account,
            now=self._look.now,
        )
        return self._outcome(gap, plan=made, result=result)

    def _outcome(
        self,
        gap: Gap,
        *,
        refusal: str | None = None,
        plan: Plan | None = None,
        result: IngestResult | None = None,
    ) -> FilledGap:
        return FilledGap(
            direction=self._look.direction,
            start=gap.start,
            end=gap.end,
            refusal=refusal,
            plan=plan,
            result=result,
        )


def _written(bound: Bound) -> dict[str, object]:
    return {
        "register": bound.register,
        "from": [bound.one.at, bound.one.watt_hours],
        "to": [bound.other.at, bound.other.watt_hours],
        "left": bound.left,
    }
