"""What validation asks the database beside the energies: arrivals, rescalings, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.doubt import Reason
from metering.quality import ESTIMATES
from metering.vee.evidence import Arrival, Rescaling, SetAside, Stand
from metering.vee.look import Look

WEEKS_OF_COMPARISON: Final = 4

# The latest revision of each reading that ends in the day, and what the revision before it said, unless
# that was an estimate: an actual in its place corrects nothing.
_ARRIVALS: Final = text(
    """
    SELECT DISTINCT ON (r.channel_id, r.period_end, r.period_start)
        CAST(extract(epoch FROM r.period_start) AS bigint) AS starts,
        CAST(extract(epoch FROM r.period_end) AS bigint) AS ends,
        r.watt_hours,
        lead(CASE WHEN r.quality & CAST(:estimates AS integer) = 0 THEN r.watt_hours END) OVER (
            PARTITION BY r.channel_id, r.period_end, r.period_start ORDER BY r.revision DESC
        ) AS before,
        CAST(floor(extract(epoch FROM r.received_at)) AS bigint) AS received_at,
        g.mrid AS register
    FROM meter_readings AS r
    JOIN meter_channels AS c ON c.id = r.channel_id
    JOIN meter_registers AS g ON g.id = c.register_id
    WHERE r.channel_id = ANY(CAST(:channel_ids AS bigint[]))
      AND r.period_end > to_timestamp(CAST(:start AS bigint))
      AND r.period_end <= to_timestamp(CAST(:end AS bigint))
      AND (CAST(:as_of AS timestamptz) IS NULL OR r.received_at <= CAST(:as_of AS timestamptz))
    ORDER BY r.channel_id, r.period_end, r.period_start, r.revision DESC
    """
)
# Readings of the day, with the last one before it, whose type has another power of ten than the one before.
_RESCALINGS: Final = text(
    """
    WITH latest AS (
        SELECT DISTINCT ON (r.channel_id, r.period_end, r.period_start) r.*
        FROM meter_readings AS r
        WHERE r.channel_id = ANY(CAST(:channel_ids AS bigint[]))
          AND r.period_end > to_timestamp(CAST(:start AS bigint))
          AND r.period_end <= to_timestamp(CAST(:end AS bigint))
          AND (CAST(:as_of AS timestamptz) IS NULL OR r.received_at <= CAST(:as_of AS timestamptz))
        ORDER BY r.channel_id, r.period_end, r.period_start, r.revision DESC
    ), preceding AS (
        SELECT last.* FROM unnest(CAST(:channel_ids AS bigint[])) AS asked (channel_id)
        CROSS JOIN LATERAL (
            SELECT r.* FROM meter_readings AS r
            WHERE r.channel_id = asked.channel_id AND r.period_end <= to_timestamp(CAST(:start AS bigint))
              AND (CAST(:as_of AS timestamptz) IS NULL OR r.received_at <= CAST(:as_of AS timestamptz))
            ORDER BY r.period_end DESC, r.period_start DESC, r.revision DESC LIMIT 1
        ) AS last
    ), scaled AS (
        SELECT CAST(extract(epoch FROM r.period_start) AS bigint) AS at, t.power_of_ten_multiplier AS after,
            lag(t.power_of_ten_multiplier) OVER (
                PARTITION BY r.channel_id ORDER BY r.period_end, r.period_start
            ) AS before
        FROM (SELECT * FROM latest UNION ALL SELECT * FROM preceding) AS r
        JOIN meter_reading_types AS t ON t.id = r.reading_type_id
    )
    SELECT at, before, after FROM scaled WHERE before <> after ORDER BY at
    """
)
# A stand, which has no length, is of the day that it ends.
_SET_ASIDE: Final = text(
    """
    SELECT q.start, coalesce(q.duration, 0) AS duration, q.reason, q.sentence,
        EXISTS (SELECT FROM meter_channels AS c WHERE c.register_id = g.id) AS counts,
        CAST(floor(extract(epoch FROM q.received_at)) AS bigint) AS received_at, q.register_mrid AS register
    FROM meter_quarantined_readings AS q
    LEFT JOIN meter_registers AS g
        ON g.usage_point_id = q.usage_point_id AND g.mrid = q.register_mrid
    LEFT JOIN LATERAL (
        SELECT t.flow_direction FROM meter_reading_types AS t
        WHERE t.register_id = g.id ORDER BY t.version DESC LIMIT 1
    ) AS t ON TRUE
    WHERE q.usage_point_id = :usage_point_id
      AND q.start >= CAST(:start AS bigint) AND q.start <= CAST(:end AS bigint)
      AND q.start <> CASE
          WHEN coalesce(q.duration, 0) = 0 AND q.reason <> 'EMPTY_PERIOD' THEN CAST(:start AS bigint)
          ELSE CAST(:end AS bigint)
      END
      AND coalesce(t.flow_direction, 0) IN (0, CAST(:direction AS integer))
      AND (CAST(:as_of AS timestamptz) IS NULL OR q.received_at <= CAST(:as_of AS timestamptz))
      AND (q.released_at IS NULL OR q.released_at > CAST(:as_of AS timestamptz))
    ORDER BY q.document_id, q.ordinal
    """
)
_STANDS_BEFORE: Final = text(
    """
    SELECT asked.channel_id, CAST(extract(epoch FROM s.period_end) AS bigint) AS at, s.watt_hours
    FROM unnest(CAST(:channel_ids AS bigint[])) AS asked (channel_id)
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (r.period_end) r.period_end, r.watt_hours FROM meter_readings AS r
        WHERE r.channel_id = asked.channel_id AND r.period_start = r.period_end
          AND r.period_end < to_timestamp(CAST(:start AS bigint))
          AND r.period_end >= to_timestamp(CAST(:start AS bigint) - CAST(:furthest AS bigint))
          AND (CAST(:as_of AS timestamptz) IS NULL OR r.received_at <= CAST(:as_of AS timestamptz))
        ORDER BY r.period_end DESC, r.revision DESC LIMIT :count
    ) AS s
    ORDER BY asked.channel_id, s.period_end
    """
)
_SAME_DAYS: Final = text(
    """
    SELECT DISTINCT ON (day) watt_hours, missing_seconds FROM meter_day_checks
    WHERE usage_point_id = :usage_point_id AND direction = :direction AND zone = :zone
      AND day = ANY(CAST(:days AS date[]))
      AND (CAST(:as_of AS timestamptz) IS NULL OR checked_at <= CAST(:as_of AS timestamptz))
    ORDER BY day, id DESC
    """
)


async def find_arrivals(
    connection: AsyncConnection,
    channel_ids: Sequence[int],
    *,
    start: int,
    end: int,
    as_of: datetime | None,
) -> list[Arrival]:
    """Return the latest revision of each reading that ends after `start` and not after `end`."""
    rows = await connection.execute(
        _ARRIVALS, _asked(channel_ids, start, end, as_of) | {"estimates": ESTIMATES}
    )
    return [Arrival(*row) for row in rows]


async def find_rescalings(
    connection: AsyncConnection,
    channel_ids: Sequence[int],
    *,
    start: int,
    end: int,
    as_of: datetime | None,
) -> list[Rescaling]:
    """Return where the power of ten of a register's readings changes within that time."""
    rows = await connection.execute(_RESCALINGS, _asked(channel_ids, start, end, as_of))
    return [Rescaling(*row) for row in rows]


async def find_set_aside(connection: AsyncConnection, look: Look, *, start: int, end: int) -> list[SetAside]:
    """Return the readings that start in that time and are set aside, of the direction or of none known."""
    rows = await connection.execute(
        _SET_ASIDE,
        {
            "usage_point_id": look.point.id,
            "start": start,
            "end": end,
            "direction": look.direction.value,
            "as_of": _utc(look.as_of),
        },
    )
    return [
        SetAside(
            row.start,
            row.start + row.duration,
            Reason(row.reason),
            row.sentence,
            row.counts,
            row.received_at,
            row.register,
        )
        for row in rows
    ]


async def find_stands_before(
    connection: AsyncConnection,
    channel_ids: Sequence[int],
    *,
    start: int,
    furthest: int,
    count: int,
    as_of: datetime | None,
) -> dict[int, list[Stand]]:
    """Return the last `count` stands of each channel before `start`, from so many seconds before on."""
    rows = await connection.execute(
        _STANDS_BEFORE,
        {
            "channel_ids": list(channel_ids),
            "start": start,
            "furthest": furthest,
            "count": count,
            "as_of": _utc(as_of),
        },
    )
    found: dict[int, list[Stand]] = {}
    for row in rows:
        found.setdefault(row.channel_id, []).append(Stand(row.at, row.watt_hours))
    return found


async def find_same_days(connection: AsyncConnection, look: Look) -> list[int]:
    """Return the totals, in Wh, of the same weekday in the weeks before, as far as they were complete.

    They are what the last validation of those days saw: comparing costs no reading.
    """
    days: list[date] = [look.day.earlier(7 * week).date for week in range(1, WEEKS_OF_COMPARISON + 1)]
    rows = await connection.execute(
        _SAME_DAYS,
        {
            "usage_point_id": look.point.id,
            "direction": look.direction.value,
            "zone": look.day.zone,
            "days": days,
            "as_of": _utc(look.as_of),
        },
    )
    return [row.watt_hours for row in rows if row.missing_seconds == 0]


def _asked(channel_ids: Sequence[int], start: int, end: int, as_of: datetime | None) -> dict[str, object]:
    return {"channel_ids": list(channel_ids), "start": start, "end": end, "as_of": _utc(as_of)}


def _utc(as_of: datetime | None) -> datetime | None:
    return as_of.astimezone(UTC) if as_of else None
