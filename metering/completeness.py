"""How much of a meter's days is known: of the intervals that are due, which are there, which estimated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from kernel.local_days import LocalDay
from metering.energy import Direction
from metering.quality import is_estimate
from metering.query import energy_of
from metering.registration.record import MeterIdentity, MeterRegistration
from metering.registration.resolver import find_registration, resolve_within
from metering.series import IntervalEnergy

USUAL_INTERVAL_SECONDS: Final = 900
"""Where neither the registration nor a reading type says how long a meter's intervals are."""
_STATED: Final = text(
    """
    SELECT min(t.interval_length) FROM meter_usage_points AS u
    JOIN meter_registers AS g ON g.usage_point_id = u.id
    JOIN meter_reading_types AS t ON t.register_id = g.id
    WHERE u.mrid = :mrid AND t.flow_direction = :direction AND t.uom = 72 AND t.interval_length > 0
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCompleteness:
    """The intervals of one direction that a local day has; `expected` is `measured + estimated + missing`.

    An interval that is known in part only is missing.
    """

    day: LocalDay
    direction: Direction
    interval_seconds: int
    expected: int
    measured: int
    estimated: int

    @property
    def missing(self) -> int:
        return self.expected - self.measured - self.estimated


def count_day(
    day: LocalDay, intervals: Iterable[IntervalEnergy], *, direction: Direction, interval_seconds: int
) -> DayCompleteness:
    """Return how complete a day is; `intervals` are those of the day, which do not overlap.

    The intervals of a day begin at its local midnight; where they do not divide it, the last is shorter.
    """
    length = _seconds(day.period)
    expected = -(-length // interval_seconds)
    known, estimated = [0] * expected, [False] * expected
    for interval in intervals:
        first = int((interval.period.start - day.period.start).total_seconds())
        last = first + _seconds(interval.period)
        for slot in range(first // interval_seconds, min(-(-last // interval_seconds), expected)):
            start = slot * interval_seconds
            known[slot] += min(last, start + interval_seconds) - max(first, start)
            estimated[slot] |= is_estimate(interval.quality)
    lengths = [min(interval_seconds, length - slot * interval_seconds) for slot in range(expected)]
    whole = [found >= due for found, due in zip(known, lengths, strict=True)]
    guessed = sum(is_whole and is_guess for is_whole, is_guess in zip(whole, estimated, strict=True))
    return DayCompleteness(
        day=day,
        direction=direction,
        interval_seconds=interval_seconds,
        expected=expected,
        measured=sum(whole) - guessed,
        estimated=guessed,
    )


async def completeness(
    connection: AsyncConnection,
    *,
    meter: str,
    days: Sequence[LocalDay],
    direction: Direction,
    as_of: datetime | None = None,
) -> list[DayCompleteness]:
    """Return how complete each of `days` is of `meter`, a registered id or an mRID in any spelling.

    How long its intervals are is as registered, else as its reading types state, else a quarter of an
    hour. Raises: MeterIdUnknown, MeterAmbiguous.
    """
    found = []
    for day in days:
        parts = await resolve_within(connection, meter, window=day.period, as_of=as_of)
        intervals = [
            interval
            for identity, part in parts
            for interval in await energy_of(
                connection, identity, direction=direction, window=part, as_of=as_of
            )
        ]
        length = USUAL_INTERVAL_SECONDS
        if parts:
            length = await _interval_seconds(
                connection, parts[-1][0], direction, at=day.period.end, as_of=as_of
            )
        found.append(count_day(day, intervals, direction=direction, interval_seconds=length))
    return found


async def _interval_seconds(
    connection: AsyncConnection,
    meter: MeterIdentity,
    direction: Direction,
    *,
    at: datetime,
    as_of: datetime | None,
) -> int:
    said: MeterRegistration | None = await find_registration(connection, meter, at=at, as_of=as_of)
    if said is not None and said.terms.interval_seconds is not None:
        return said.terms.interval_seconds
    stated = await connection.execute(_STATED, {"mrid": meter.mrid, "direction": direction.value})
    return stated.scalar_one() or USUAL_INTERVAL_SECONDS


def _seconds(period: Interval) -> int:
    return int(period.duration.total_seconds())
