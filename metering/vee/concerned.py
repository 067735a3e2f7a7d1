"""Which days of a meter are to be validated anew when something else is registered of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.energy import Direction
from metering.registration.record import MeterIdentity

FURTHEST: Final = timedelta(days=35)
"""How far registrations reach back by themselves."""
_FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)

_POINTS: Final = """
    FROM meter_usage_points AS p
    WHERE p.mrid = :mrid AND (CAST(:lfdi AS text) IS NULL OR p.device_lfdi = CAST(:lfdi AS text))
"""
_CHANNELS: Final = """
    FROM meter_registers AS g JOIN meter_channels AS c ON c.register_id = g.id
    CROSS JOIN LATERAL (
        SELECT r.period_start, r.period_end FROM meter_readings AS r
        WHERE r.channel_id = c.id AND {wanted} ORDER BY r.period_end {order} LIMIT 1
    ) AS r
    WHERE g.usage_point_id = p.id
"""
# The furthest of the stands that are the next before, and after, the instant.
_BETWEEN_STANDS: Final = text(
    f"""
    SELECT p.id AS id,
        (SELECT min(r.period_end) {
        _CHANNELS.format(
            wanted="r.period_start = r.period_end AND r.period_end <= :at AND r.period_end >= :earliest",
            order="DESC",
        )
    } AND c.direction = :direction) AS starts,
        (SELECT max(r.period_end) {
        _CHANNELS.format(
            wanted="r.period_start = r.period_end AND r.period_end > :at AND r.period_end <= :latest",
            order="ASC",
        )
    } AND c.direction = :direction) AS ends
    {_POINTS}
    """
)
_KNOWN_SINCE: Final = text(
    f"""
    SELECT p.id AS id,
        (SELECT min(r.period_start) {
        _CHANNELS.format(wanted="r.period_end > :earliest", order="ASC")
    }) AS starts,
        (SELECT max(r.period_end) {_CHANNELS.format(wanted="r.period_end > :earliest", order="DESC")}) AS ends
    {_POINTS}
    """
)

Spans = Sequence[tuple[int, Interval]]
"""Numbers of meters, each with a time."""


async def spans_of_exchange(
    connection: AsyncConnection, meter: MeterIdentity, *, direction: Direction, at: datetime
) -> Spans:
    """Return the time between the stands around an exchange, which is counted otherwise now.

    Stands that lie further away than 35 days are not looked for.
    """
    if at < _FIRST:
        return []
    rows = await connection.execute(
        _BETWEEN_STANDS,
        {
            "mrid": meter.mrid,
            "lfdi": meter.device_lfdi,
            "direction": direction.value,
            "at": at.astimezone(UTC),
            "earliest": at.astimezone(UTC) - FURTHEST,
            "latest": at.astimezone(UTC) + FURTHEST,
        },
    )
    whole = [(row.id, row.starts or at, row.ends or at) for row in rows]
    return [(number, Interval(start, end)) for number, start, end in whole if start < end]


async def spans_of_terms(
    connection: AsyncConnection, meter: MeterIdentity, *, valid_from: datetime, now: datetime
) -> Spans:
    """Return the time from `valid_from` on in which a meter reported, of the last 35 days."""
    since = max(valid_from, now - FURTHEST)
    if since >= now:
        return []
    rows = await connection.execute(
        _KNOWN_SINCE, {"mrid": meter.mrid, "lfdi": meter.device_lfdi, "earliest": since.astimezone(UTC)}
    )
    whole = [(row.id, max(row.starts, since), min(row.ends, now)) for row in rows if row.ends is not None]
    return [(number, Interval(start, end)) for number, start, end in whole if start < end]
