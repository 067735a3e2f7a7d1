"""How good a meter's day is: final, provisional, or incomplete; and the marks of validation, on reading.

Validation leaves the readings as they are. Its marks (bit 0 passed, bit 4 failed) are put onto the
energies when somebody reads them, from the verdict that judged these very energies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.energy import Direction
from metering.quality import MANUALLY_EDITED, QUESTIONABLE, VALID, is_estimate
from metering.query import IntervalEnergy
from metering.vee.checks import DayCheck, digest_of_intervals, latest_check
from metering.vee.days import LocalDate, local_dates
from metering.vee.evidence import Slot, covered_seconds
from metering.vee.gather import intervals_of, seconds_of, slots_of
from metering.vee.look import Look
from metering.vee.points import Point


class Completeness(StrEnum):
    """Whether a day can be settled for good."""

    FINAL = "FINAL"
    """Every instant was measured, or decided by an operator, and passed validation."""
    PROVISIONAL = "PROVISIONAL"
    """Every instant is known, but something is estimated, doubted, or not validated."""
    INCOMPLETE = "INCOMPLETE"
    """Something is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """How good a day is. `is_validated`: a verdict judged what is known now. Units: s, Wh."""

    completeness: Completeness
    is_validated: bool
    seconds: int
    missing_seconds: int
    estimated_seconds: int
    doubted_seconds: int
    watt_hours: int
    estimated_watt_hours: int

    @property
    def estimated_share(self) -> Fraction:
        """The share of the day's time that is estimated."""
        return Fraction(self.estimated_seconds, self.seconds)


async def day_state(
    connection: AsyncConnection,
    *,
    point: Point,
    direction: Direction,
    day: LocalDate,
    now: datetime,
    as_of: datetime | None = None,
) -> DayState:
    """Return how good a day is as known now, or at `as_of`. Raises: LocalDayInvalid."""
    look = Look(point=point, direction=direction, day=day, now=now, as_of=as_of)
    return _state(look, *await _marked(connection, look))


async def marked_energy(
    connection: AsyncConnection,
    *,
    point: Point,
    direction: Direction,
    day: LocalDate,
    now: datetime,
    as_of: datetime | None = None,
) -> list[IntervalEnergy]:
    """Return a day's energy, interval by interval, with the marks of validation. Raises: LocalDayInvalid."""
    look = Look(point=point, direction=direction, day=day, now=now, as_of=as_of)
    intervals, _ = await _marked(connection, look)
    return intervals


async def _marked(connection: AsyncConnection, look: Look) -> tuple[list[IntervalEnergy], bool]:
    intervals = await intervals_of(connection, look)
    check = await latest_check(connection, look)
    if check is None or check.readings_digest != digest_of_intervals(intervals):
        return intervals, False
    return with_marks(intervals, check), True


async def with_doubts(
    connection: AsyncConnection, look: Look, intervals: Sequence[IntervalEnergy], window: Interval
) -> list[IntervalEnergy]:
    """Return the intervals of a `window` of several days, with what validation doubts of them.

    Each local day has its own verdict; one that judged other energies than are known now doubts nothing.
    """
    doubted: list[tuple[int, int]] = []
    for day in local_dates(window, look.day.zone):
        that = replace(look, day=day)
        check = await latest_check(connection, that)
        if check is None or not (check.blocking or check.terminated):
            continue
        if check.readings_digest == digest_of_intervals(await intervals_of(connection, that)):
            doubted += _doubted_by(check)
    return [
        replace(interval, quality=_doubted_quality(slot.quality)) if _is_doubted(slot, doubted) else interval
        for interval, slot in zip(intervals, slots_of(intervals), strict=True)
    ]


def with_marks(intervals: Sequence[IntervalEnergy], check: DayCheck) -> list[IntervalEnergy]:
    """Return intervals with what `check`, which judged them, says of each.

    What an operator put in has been looked at: no rule doubts it. An estimate never becomes valid.
    """
    doubted = _doubted_by(check)
    return [
        replace(interval, quality=_marked_quality(slot, doubted))
        for interval, slot in zip(intervals, slots_of(intervals), strict=True)
    ]


def _doubted_by(check: DayCheck) -> list[tuple[int, int]]:
    """Return from when to when a verdict doubts what it judged."""
    if check.terminated:
        period = check.day.period
        return [(seconds_of(period.start), seconds_of(period.end))]
    return [(item.flaw.start, item.flaw.end) for item in check.blocking]


def _is_doubted(slot: Slot, doubted: Sequence[tuple[int, int]]) -> bool:
    is_decided = bool(slot.quality & MANUALLY_EDITED) and not slot.quality & QUESTIONABLE
    return not is_decided and any(start < slot.end and slot.start < end for start, end in doubted)


def _doubted_quality(quality: int) -> int:
    return (quality & ~VALID) | QUESTIONABLE


def _marked_quality(slot: Slot, doubted: Sequence[tuple[int, int]]) -> int:
    quality = slot.quality
    if _is_doubted(slot, doubted):
        return _doubted_quality(quality)
    if quality & QUESTIONABLE or is_estimate(quality):
        return quality & ~VALID
    return quality | VALID


def _state(look: Look, intervals: Sequence[IntervalEnergy], is_validated: bool) -> DayState:
    slots = slots_of(intervals)
    estimated = [slot for slot in slots if is_estimate(slot.quality)]
    doubted = [slot for slot in slots if slot.quality & QUESTIONABLE]
    seconds = int(look.period.duration.total_seconds())
    missing = seconds - covered_seconds(slots)
    if missing:
        completeness = Completeness.INCOMPLETE
    elif estimated or doubted or not is_validated:
        completeness = Completeness.PROVISIONAL
    else:
        completeness = Completeness.FINAL
    return DayState(
        completeness=completeness,
        is_validated=is_validated,
        seconds=seconds,
        missing_seconds=missing,
        estimated_seconds=covered_seconds(estimated),
        doubted_seconds=covered_seconds(doubted),
        watt_hours=sum(slot.watt_hours for slot in slots),
        estimated_watt_hours=sum(slot.watt_hours for slot in estimated),
    )
