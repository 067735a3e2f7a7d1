"""Which meters' days are to be validated, and when; put down in the unit of work that keeps the readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.ingest import IngestResult
from metering.timeliness import DEFAULT_TIME_LIMITS
from storage.unit_of_work import Transaction

SETTLING: Final = timedelta(minutes=5)
"""How long is waited for more readings of a day that is over, so that an import is looked at once."""
_DAY: Final = timedelta(days=1)

# A day that is still going on is looked at when it is over and its last reading can have come; one that
# waits already is not put off.
_NOTE: Final = """
    INSERT INTO meter_checks_due (usage_point_id, utc_day, due_at)
    SELECT usage_point_id, utc_day,
        greatest($3::timestamptz, CAST(utc_day + 1 AS timestamp) AT TIME ZONE 'UTC') + $4::interval
    FROM unnest($1::bigint[], $2::date[]) AS touched (usage_point_id, utc_day)
    ON CONFLICT (usage_point_id, utc_day)
    DO UPDATE SET due_at = excluded.due_at WHERE excluded.due_at < meter_checks_due.due_at
"""
_CLAIM: Final = text(
    """
    SELECT usage_point_id, utc_day FROM meter_checks_due WHERE due_at <= :now
    ORDER BY due_at, usage_point_id, utc_day LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_DONE: Final = text(
    "DELETE FROM meter_checks_due WHERE usage_point_id = :usage_point_id AND utc_day = :utc_day"
)
_PUT_OFF: Final = text(
    """
    UPDATE meter_checks_due SET due_at = :until
    WHERE usage_point_id = :usage_point_id AND utc_day = :utc_day
    """
)


@dataclass(frozen=True, slots=True)
class DueDay:
    """A meter's day in UTC in which something changed; the local days that touch it are to be validated."""

    usage_point_id: int
    utc_day: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.utc_day, time(), UTC)

    @property
    def end(self) -> datetime:
        return self.start + _DAY


async def note_validation(uow: Transaction, results: Iterable[IngestResult], *, now: datetime) -> int:
    """Have the days validated over which documents said something; return how many days of UTC.

    Readings that were set aside have their days looked at too, as far as readings of then are taken at
    all. Call it in the unit of work that keeps the readings.
    """
    found = list(results)
    days = [(result.usage_point, day) for result in found for day in _days_touched(result)]
    days += [(result.usage_point, day) for result in found for day in _days_set_aside(result, now)]
    return await _note(uow, days, now=now)


async def note_spans(uow: Transaction, spans: Iterable[tuple[int, Interval]], *, now: datetime) -> int:
    """Have the days of meters validated that each span touches; return how many days of UTC."""
    return await _note(uow, [(point, day) for point, span in spans for day in _days_in(span)], now=now)


async def _note(uow: Transaction, noted: Iterable[tuple[int, date]], *, now: datetime) -> int:
    days = set(noted)
    if days:
        points, dates = zip(*sorted(days), strict=True)
        await uow.driver.execute(_NOTE, points, dates, now, SETTLING)
    return len(days)


def _days_touched(result: IngestResult) -> Iterator[date]:
    for touched in result.touched:
        yield from _days_in(touched.span)


def _days_set_aside(result: IngestResult, now: datetime) -> Iterator[date]:
    """Yield the days of readings that were set aside; a stand at midnight is of the day that it ends."""
    earliest = int((now - DEFAULT_TIME_LIMITS.horizon).timestamp())
    latest = int((now + DEFAULT_TIME_LIMITS.clock_skew).timestamp())
    for item in result.quarantined:
        if item.start is None or not earliest <= item.start <= latest:
            continue
        for second in {item.start, item.start if item.duration else item.start - 1}:
            yield datetime.fromtimestamp(second, UTC).date()


def _days_in(span: Interval) -> Iterator[date]:
    first = span.start.astimezone(UTC).date()
    last = (span.end.astimezone(UTC) - timedelta(microseconds=1)).date()
    yield from (first + _DAY * number for number in range((last - first).days + 1))


async def claim_due(connection: AsyncConnection, *, now: datetime, limit: int) -> Sequence[DueDay]:
    """Return days that are due, held until the unit of work ends; those that others hold are left to them."""
    rows = await connection.execute(_CLAIM, {"now": now.astimezone(UTC), "limit": limit})
    return [DueDay(*row) for row in rows]


async def strike_due(connection: AsyncConnection, day: DueDay) -> None:
    """Note that a day has been looked at."""
    await connection.execute(_DONE, {"usage_point_id": day.usage_point_id, "utc_day": day.utc_day})


async def put_off_due(connection: AsyncConnection, day: DueDay, *, until: datetime) -> None:
    """Have a day looked at later."""
    await connection.execute(
        _PUT_OFF,
        {"usage_point_id": day.usage_point_id, "utc_day": day.utc_day, "until": until.astimezone(UTC)},
    )
