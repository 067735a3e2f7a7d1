"""A meter's energy over a long window, read piece by piece, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.errors import NodeError
from kernel.interval import Interval
from metering.energy import Direction
from metering.query import IntervalEnergy, energy_of
from metering.registration.record import MeterIdentity
from metering.registration.resolver import resolve_within
from storage.unit_of_work import UnitOfWorkFactory

LONGEST_WINDOW: Final = timedelta(days=3_700)
_FIRST_STEP: Final = timedelta(days=1)
_LONGEST_STEP: Final = timedelta(days=32)
_SHORTEST_STEP: Final = timedelta(hours=1)
_FEW, _MANY = 2_000, 20_000  # rows at once


class WindowTooLong(NodeError):
    """Readings of many years are asked for at once."""

    code, http_status, retryable = "METER_WINDOW_TOO_LONG", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which readings are asked for; `as_of` freezes what is known, however long reading takes."""

    meter: str
    direction: Direction
    window: Interval
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """The energy of an interval, with the meter (canonical mRID) that counted it."""

    meter: str
    direction: Direction
    interval: IntervalEnergy


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order of time, and where the next page begins; None: there is none."""

    rows: Sequence[Row]
    after: datetime | None


async def resolve_asked(connection: AsyncConnection, asked: Asked) -> list[tuple[MeterIdentity, Interval]]:
    """Return which meters are asked for, each with its part of the window.

    Raises: WindowTooLong, MeterIdUnknown.
    """
    if asked.window.duration > LONGEST_WINDOW:
        raise WindowTooLong(
            f"{asked.window.duration.days} days are asked for",
            path="to",
            hint=f"Ask for at most {LONGEST_WINDOW.days} days at once.",
        )
    return await resolve_within(connection, asked.meter, window=asked.window, as_of=asked.as_of)


async def read_page(connection: AsyncConnection, asked: Asked, *, after: datetime | None, limit: int) -> Page:
    """Return the rows that start at `after` or later, about `limit` of them.

    Pages cut no interval: those of all pages together are those of the window.
    Raises: WindowTooLong, MeterIdUnknown, MeterAmbiguous.
    """
    rows: list[Row] = []
    for meter, part in await resolve_asked(connection, asked):
        start = max(part.start, after or part.start)
        step = _FIRST_STEP
        while start < part.end:
            end = part.end if part.end - start <= step else start + step
            found = await _rows(connection, asked, meter, part, Interval(start, end))
            rows += found
            if len(rows) > limit:
                return _cut(rows, limit)
            start, step = end, _next_step(step, len(found))
    return Page(rows, None)


def _cut(rows: list[Row], limit: int) -> Page:
    next_start = rows[limit].interval.period.start
    kept = [row for row in rows[:limit] if row.interval.period.start < next_start]
    if not kept:  # more rows than the limit start at once
        kept = [row for row in rows if row.interval.period.start == next_start]
        later = [row for row in rows if row.interval.period.start > next_start]
        return Page(kept, later[0].interval.period.start if later else next_start + timedelta(microseconds=1))
    return Page(kept, next_start)


async def read_rows(uow_factory: UnitOfWorkFactory, asked: Asked) -> AsyncGenerator[list[Row], None]:
    """Yield all rows, some at a time and in order of time; none is open between two.

    Raises: WindowTooLong, MeterIdUnknown, MeterAmbiguous.
    """
    async with uow_factory() as uow:
        parts = await resolve_asked(uow.connection, asked)
    step = _FIRST_STEP
    for meter, part in parts:
        start = part.start
        while start < part.end:
            end = part.end if part.end - start <= step else start + step
            async with uow_factory() as uow:
                rows = await _rows(uow.connection, asked, meter, part, Interval(start, end))
            if rows:
                yield rows
            start, step = end, _next_step(step, len(rows))


async def _rows(
    connection: AsyncConnection, asked: Asked, meter: MeterIdentity, part: Interval, piece: Interval
) -> list[Row]:
    intervals = await energy_of(
        connection, meter, direction=asked.direction, window=part, starting_in=piece, as_of=asked.as_of
    )
    return [Row(meter.mrid, asked.direction, interval) for interval in intervals]


def _next_step(step: timedelta, rows: int) -> timedelta:
    """Return how far to read next: further where there is little, less far where there is much."""
    if rows < _FEW:
        return min(2 * step, _LONGEST_STEP)
    return max(step / 2, _SHORTEST_STEP) if rows > _MANY else step


async def begun(pages: AsyncGenerator[list[Row], None]) -> AsyncIterator[list[Row]]:
    """Return the pages with the first read already: what is refused is so before anything is answered."""
    first = await anext(pages, None)
    return _from(first, pages)


async def _from(first: list[Row] | None, pages: AsyncGenerator[list[Row], None]) -> AsyncIterator[list[Row]]:
    if first is None:
        return
    yield first
    async for page in pages:
        yield page
