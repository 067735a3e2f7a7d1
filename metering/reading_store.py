"""Documents and readings in PostgreSQL, within one transaction; both are only ever added to.

Readings travel as arrays: the number of statements does not grow with the number of readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.long_work import beside_loop
from metering.energy import Lane, Measurement
from metering.judgement import Known
from metering.kept_bytes import KeptBytes
from metering.timeliness import LONGEST_INTERVAL_SECONDS
from storage.driver import driver_of


@dataclass(frozen=True, slots=True)
class NewReading:
    """A measurement to be kept as a revision of its channel."""

    channel_id: int
    reading_type_id: int
    revision: int
    measurement: Measurement


_ADD_DOCUMENT: Final = """
    INSERT INTO meter_documents (usage_point_id, sha256, raw, is_zlib, received_at)
    VALUES ($1, $2, $3, true, $4) ON CONFLICT DO NOTHING RETURNING id
"""
_DOCUMENT: Final = "SELECT id FROM meter_documents WHERE usage_point_id = $1 AND sha256 = $2"

_COLUMNS: Final = """
    r.channel_id, CAST(extract(epoch FROM r.period_start) AS bigint),
    CAST(extract(epoch FROM r.period_end) AS bigint), r.watt_hours, r.quality, r.revision,
    r.received_at
"""
_AS_KNOWN: Final = "(CAST(:as_of AS timestamptz) IS NULL OR r.received_at <= CAST(:as_of AS timestamptz))"

# What overlaps the time asked for or touches it. Nearly all intervals are at most a day long; those that
# are longer, though never longer than `longest`, have an index of their own (see `metering.tables`).
_PART: Final = """
    SELECT DISTINCT ON (r.channel_id, r.period_end, r.period_start) {columns}
    FROM meter_readings AS r
    WHERE r.channel_id = ANY(CAST(:channel_ids AS bigint[])) AND {ends}
      AND r.period_start <= to_timestamp(CAST(:end AS bigint)) AND {as_known}
    ORDER BY r.channel_id, r.period_end, r.period_start, r.revision DESC
"""
_USUAL: Final = _PART.format(
    columns=_COLUMNS,
    as_known=_AS_KNOWN,
    ends="""r.period_end >= to_timestamp(CAST(:start AS bigint))
      AND r.period_end <= to_timestamp(CAST(:end AS bigint)) + interval '1 day'""",
)
_LONG: Final = _PART.format(
    columns=_COLUMNS,
    as_known=_AS_KNOWN,
    ends="""r.period_end - r.period_start > interval '1 day'
      AND r.period_end > to_timestamp(CAST(:end AS bigint)) + interval '1 day'
      AND r.period_end <= to_timestamp(CAST(:end AS bigint) + CAST(:longest AS bigint))""",
)
_WITHIN: Final = f"({_USUAL}) UNION ALL ({_LONG})"

# The stand of each channel next before the time asked for, or next after it.
_NEIGHBOUR: Final = """
    SELECT stand.* FROM unnest(CAST(:channel_ids AS bigint[])) AS asked (channel_id)
    CROSS JOIN LATERAL (
        SELECT {columns} FROM meter_readings AS r
        WHERE r.channel_id = asked.channel_id AND r.period_start = r.period_end
          AND r.period_end {beyond} AND {as_known}
        ORDER BY r.period_end {order}, r.period_start {order}, r.revision DESC LIMIT 1
    ) AS stand
"""
_BEFORE: Final = _NEIGHBOUR.format(
    columns=_COLUMNS, beyond="< to_timestamp(CAST(:start AS bigint))", as_known=_AS_KNOWN, order="DESC"
)
_AFTER: Final = _NEIGHBOUR.format(
    columns=_COLUMNS, beyond="> to_timestamp(CAST(:end AS bigint))", as_known=_AS_KNOWN, order="ASC"
)
_FIND: Final = text(_WITHIN)
_FIND_WITH_NEIGHBOURS: Final = text(f"{_WITHIN} UNION ALL ({_BEFORE}) UNION ALL ({_AFTER})")

_ADD: Final = text(
    """
    INSERT INTO meter_readings (channel_id, period_end, period_start, revision, watt_hours, quality,
        received_at, reading_type_id, document_id)
    SELECT n.channel_id, to_timestamp(n.period_end), to_timestamp(n.period_start), n.revision,
        n.watt_hours, n.quality, CAST(:received_at AS timestamptz), n.reading_type_id,
        CAST(:document_id AS bigint)
    FROM unnest(
        CAST(:channel_id AS bigint[]), CAST(:period_end AS bigint[]), CAST(:period_start AS bigint[]),
        CAST(:revision AS integer[]), CAST(:watt_hours AS bigint[]), CAST(:quality AS integer[]),
        CAST(:reading_type_id AS bigint[])
    ) AS n (channel_id, period_end, period_start, revision, watt_hours, quality, reading_type_id)
    """
)


class ReadingStore:
    """Documents and readings within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_document(self, kept: KeptBytes, *, usage_point_id: int, now: datetime) -> tuple[int, bool]:
        """Keep a document of a locked meter; return its number, and whether it is new."""
        driver = driver_of(self._connection)
        document_id = await driver.fetchval(_ADD_DOCUMENT, usage_point_id, kept.sha256, kept.packed, now)
        if document_id is not None:
            return document_id, True
        return await driver.fetchval(_DOCUMENT, usage_point_id, kept.sha256), False

    async def find(
        self,
        channels: Mapping[int, Lane],
        *,
        start: int,
        end: int,
        with_neighbours: bool,
        as_of: datetime | None = None,
    ) -> dict[int, list[Known]]:
        """Return, by channel, the latest revision of all that overlaps or touches `start` to `end`.

        `with_neighbours` adds the stands next before and next after. `as_of` leaves out what was
        received later. Units: seconds since 1970 UTC.
        """
        found = await self._connection.execute(
            _FIND_WITH_NEIGHBOURS if with_neighbours else _FIND,
            {
                "channel_ids": list(channels),
                "start": start,
                "end": end,
                "longest": LONGEST_INTERVAL_SECONDS,
                "as_of": as_of,
            },
        )
        rows = found.all()
        return await beside_loop(partial(_by_channel, rows, channels), items=len(rows))

    async def add(self, new: Sequence[NewReading], *, document_id: int, now: datetime) -> None:
        """Append revisions to their channels."""
        measured = [item.measurement for item in new]
        await self._connection.execute(
            _ADD,
            {
                "channel_id": [item.channel_id for item in new],
                "period_end": [item.end for item in measured],
                "period_start": [item.start for item in measured],
                "revision": [item.revision for item in new],
                "watt_hours": [item.watt_hours for item in measured],
                "quality": [item.quality for item in measured],
                "reading_type_id": [item.reading_type_id for item in new],
                "received_at": now,
                "document_id": document_id,
            },
        )


def _by_channel(rows: Iterable[Sequence[Any]], channels: Mapping[int, Lane]) -> dict[int, list[Known]]:
    found: dict[int, list[Known]] = {}
    for channel_id, starts, ends, watt_hours, quality, revision, received_at in rows:
        measurement = Measurement(*channels[channel_id], starts, ends, watt_hours, quality)
        found.setdefault(channel_id, []).append(Known(measurement, revision, received_at))
    return found
