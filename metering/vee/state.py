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

from metering.energy import Direction
from metering.quality import MANUALLY_EDITED, QUESTIONABLE, VALID, is_estimate
from metering.query import IntervalEnergy
from metering.vee.checks import DayCheck, digest_of_intervals, latest_check
from metering.vee.days import LocalDate
from metering.vee.evidence import Slot, covered_seconds
from metering.vee.gather import intervals_of, slots_of
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


def with_marks(intervals: Sequence[IntervalEnergy], check: DayCheck) -> list[IntervalEnergy]:
    """Return intervals with what `check`, which judged them, says of each.

    What an operator put in has been looked at: no rule doubts it. An estimate never becomes valid.
    """
    failed = [(item.flaw.start, item.flaw.end) for item in check.blocking]
    slots = slots_of(intervals)
    return [
        replace(interval, quality=_marked_quality(slot, failed, terminated=check.terminated))
        for interval, slot in zip(intervals, slots, strict=True)
    ]


def _marked_quality(slot: Slot, failed: Sequence[tuple[int, int]], *, terminated: bool) -> int:
    quality = slot.quality
    is_decided = bool(quality & MANUALLY_EDITED) and not quality & QUESTIONABLE
    is_doubted = terminated or any(start < slot.end and slot.start < end for start, end in failed)
    if is_doubted and not is_decided:
        return (quality & ~VALID) | QUESTIONABLE
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
