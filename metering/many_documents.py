"""Documents in PostgreSQL, many with one statement of the driver's, and what is known of their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg import Connection, Record

from metering.kept_bytes import KeptBytes
from metering.timeliness import LONGEST_INTERVAL_SECONDS

_ADD_DOCUMENTS: Final = """
    INSERT INTO meter_documents (usage_point_id, sha256, raw, is_zlib, received_at)
    SELECT usage_point_id, sha256, raw, true, $4 FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
        AS new (usage_point_id, sha256, raw)
    ON CONFLICT DO NOTHING RETURNING usage_point_id, sha256, id
"""
_FIND_TAKEN: Final = """
    SELECT asked.number
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY
        AS asked (channel_id, starts, ends, number)
    WHERE EXISTS (
        SELECT FROM meter_readings AS r
        WHERE r.channel_id = asked.channel_id
          AND r.period_end > to_timestamp(asked.starts)
          AND r.period_end <= to_timestamp(asked.ends) + interval '1 day'
          AND r.period_start < to_timestamp(asked.ends)
    ) OR EXISTS (
        SELECT FROM meter_readings AS r
        WHERE r.channel_id = asked.channel_id AND r.period_end - r.period_start > interval '1 day'
          AND r.period_end > to_timestamp(asked.ends) + interval '1 day'
          AND r.period_end <= to_timestamp(asked.ends + $4::bigint)
          AND r.period_start < to_timestamp(asked.ends)
    )
"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document of a locked meter that is to be kept."""

    usage_point_id: int
    kept: KeptBytes


async def add_documents(
    driver: Connection[Record], new: Sequence[NewDocument], *, now: datetime
) -> list[int | None]:
    """Keep documents of locked meters; return the number of each, None where it is there already."""
    if not new:
        return []
    rows = await driver.fetch(
        _ADD_DOCUMENTS,
        [each.usage_point_id for each in new],
        [each.kept.sha256 for each in new],
        [each.kept.packed for each in new],
        now,
    )
    numbers = {(row["usage_point_id"], row["sha256"]): row["id"] for row in rows}
    return [numbers.get((each.usage_point_id, each.kept.sha256)) for each in new]


async def find_taken(driver: Connection[Record], asked: Sequence[Sequence[int]]) -> set[int]:
    """Return which of the times asked for overlap what is known, by their place in `asked`.

    Each is a channel, from when and to when. Units: seconds since 1970 UTC.
    """
    if not asked:
        return set()
    channels, starts, ends = zip(*asked, strict=True)
    rows = await driver.fetch(_FIND_TAKEN, channels, starts, ends, LONGEST_INTERVAL_SECONDS)
    return {number - 1 for (number,) in rows}
