"""Net power in PostgreSQL, within one transaction, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import utc
from kernel.interval import Interval
from metering.power import Power, PowerKey
from metering.registration.resolver import resolve_within


@dataclass(frozen=True, slots=True)
class NewPower:
    """Power to be kept as a revision of its register."""

    register_id: int
    reading_type_id: int
    revision: int
    power: Power


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerReading:
    """Power at an instant or over a period (`start` to `end`), as one register tells it.

    Units: `watts` exact, signed as sent. `direction`, `phase` and `qualifier` are codes of the register's
    ReadingType, 0 where not stated; `quality` is in the bits of 2030.5.
    """

    register: str
    start: datetime
    end: datetime
    watts: Decimal
    direction: int
    phase: int
    qualifier: int
    quality: int
    revision: int
    received_at: datetime


_FIND: Final = text(
    """
    SELECT DISTINCT ON (p.register_id, p.period_end, p.period_start) p.register_id,
        CAST(extract(epoch FROM p.period_start) AS bigint) AS period_start,
        CAST(extract(epoch FROM p.period_end) AS bigint) AS period_end, p.watts, p.quality, p.revision
    FROM meter_power AS p
    JOIN unnest(
        CAST(:register_ids AS bigint[]), CAST(:starts AS bigint[]), CAST(:ends AS bigint[])
    ) AS asked (register_id, period_start, period_end)
      ON p.register_id = asked.register_id AND p.period_end = to_timestamp(asked.period_end)
     AND p.period_start = to_timestamp(asked.period_start)
    ORDER BY p.register_id, p.period_end, p.period_start, p.revision DESC
    """
)
_ADD: Final = text(
    """
    INSERT INTO meter_power (register_id, period_end, period_start, revision, watts, quality, received_at,
        reading_type_id, document_id)
    SELECT n.register_id, to_timestamp(n.period_end), to_timestamp(n.period_start), n.revision, n.watts,
        n.quality, CAST(:received_at AS timestamptz), n.reading_type_id, CAST(:document_id AS bigint)
    FROM unnest(
        CAST(:register_ids AS bigint[]), CAST(:ends AS bigint[]), CAST(:starts AS bigint[]),
        CAST(:revisions AS integer[]), CAST(:watts AS numeric[]), CAST(:qualities AS integer[]),
        CAST(:reading_type_ids AS bigint[])
    ) AS n (register_id, period_end, period_start, revision, watts, quality, reading_type_id)
    """
)
_WITHIN: Final = text(
    """
    SELECT DISTINCT ON (p.period_end, p.period_start, g.mrid, p.register_id) g.mrid, p.period_start,
        p.period_end, p.watts, t.flow_direction, t.phase, t.data_qualifier, p.quality, p.revision,
        p.received_at
    FROM meter_usage_points AS u
    JOIN meter_registers AS g ON g.usage_point_id = u.id
    JOIN meter_power AS p ON p.register_id = g.id
    JOIN meter_reading_types AS t ON t.id = p.reading_type_id
    WHERE u.mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR u.device_lfdi = CAST(:device_lfdi AS text))
      AND p.period_end >= CAST(:start AS timestamptz) AND p.period_start < CAST(:end AS timestamptz)
      AND (p.period_end > CAST(:start AS timestamptz) OR p.period_start = p.period_end)
      AND (CAST(:as_of AS timestamptz) IS NULL OR p.received_at <= CAST(:as_of AS timestamptz))
    ORDER BY p.period_end, p.period_start, g.mrid, p.register_id, p.revision DESC
    """
)


# Of each register the newest are read from the end of its primary key; none of the rest is looked at.
_NEWEST: Final = text(
    """
    SELECT g.mrid, p.period_start, p.period_end, p.watts, t.flow_direction, t.phase, t.data_qualifier,
        p.quality, p.revision, p.received_at
    FROM meter_usage_points AS u
    JOIN meter_registers AS g ON g.usage_point_id = u.id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (m.period_end, m.period_start) m.*
        FROM meter_power AS m
        WHERE m.register_id = g.id AND m.period_start >= CAST(:start AS timestamptz)
          AND m.period_end >= CAST(:start AS timestamptz) AND m.period_end <= CAST(:end AS timestamptz)
          AND (CAST(:as_of AS timestamptz) IS NULL OR m.received_at <= CAST(:as_of AS timestamptz))
        ORDER BY m.period_end DESC, m.period_start DESC, m.revision DESC
        LIMIT :limit
    ) AS p
    JOIN meter_reading_types AS t ON t.id = p.reading_type_id
    WHERE u.mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR u.device_lfdi = CAST(:device_lfdi AS text))
    ORDER BY p.period_end, p.period_start, g.mrid, p.register_id
    """
)


class PowerStore:
    """Net power within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(
        self, asked: Iterable[tuple[int, PowerKey]]
    ) -> dict[int, dict[PowerKey, tuple[Power, int]]]:
        """Return the latest revision of what is kept of these registers and times, by register."""
        wanted = list(asked)
        rows = await self._connection.execute(
            _FIND,
            {
                "register_ids": [register_id for register_id, _ in wanted],
                "starts": [start for _, (start, _) in wanted],
                "ends": [end for _, (_, end) in wanted],
            },
        )
        found: dict[int, dict[PowerKey, tuple[Power, int]]] = {}
        for register_id, start, end, watts, quality, revision in rows:
            power = Power(start, end, watts, quality)
            found.setdefault(register_id, {})[power.key] = power, revision
        return found

    async def add(self, new: Sequence[NewPower], *, document_id: int, now: datetime) -> None:
        """Append revisions to their registers."""
        await self._connection.execute(
            _ADD,
            {
                "register_ids": [item.register_id for item in new],
                "ends": [item.power.end for item in new],
                "starts": [item.power.start for item in new],
                "revisions": [item.revision for item in new],
                "watts": [item.power.watts for item in new],
                "qualities": [item.power.quality for item in new],
                "reading_type_ids": [item.reading_type_id for item in new],
                "received_at": now,
                "document_id": document_id,
            },
        )


async def power_within(
    connection: AsyncConnection, *, meter: str, window: Interval, as_of: datetime | None = None
) -> list[PowerReading]:
    """Return the power that `meter` told within `window`, in order of time; none of it is energy.

    `meter` is a registered id or an mRID in any spelling; of several devices that use one mRID all are
    returned. Raises: MeterIdUnknown.
    """
    return await _told(connection, _WITHIN, meter, window, as_of)


async def newest_power(
    connection: AsyncConnection, *, meter: str, window: Interval, most: int, as_of: datetime | None = None
) -> list[PowerReading]:
    """Return the last power that each register of `meter` told of times wholly within `window`, in order.

    Of each register `most` readings at most, as known now or at `as_of`. `meter` is a registered id or an
    mRID in any spelling. Raises: MeterIdUnknown.
    """
    return await _told(connection, _NEWEST, meter, window, as_of, limit=most)


async def _told(
    connection: AsyncConnection,
    statement: TextClause,
    meter: str,
    window: Interval,
    as_of: datetime | None,
    **further: int,
) -> list[PowerReading]:
    """Return what `statement` finds of every meter that went by that name, each while it did."""
    found: list[PowerReading] = []
    for identity, part in await resolve_within(connection, meter, window=window, as_of=as_of):
        asked = {
            "mrid": identity.mrid,
            "device_lfdi": identity.device_lfdi,
            "start": part.start,
            "end": part.end,
            "as_of": None if as_of is None else as_of.astimezone(UTC),
            **further,
        }
        found += [_reading(row) for row in await connection.execute(statement, asked)]
    return found


def _reading(row: Row[Any]) -> PowerReading:
    return PowerReading(
        register=row.mrid,
        start=utc(row.period_start),
        end=utc(row.period_end),
        watts=row.watts,
        direction=row.flow_direction,
        phase=row.phase,
        qualifier=row.data_qualifier,
        quality=row.quality,
        revision=row.revision,
        received_at=utc(row.received_at),
    )
