"""Meters and their registers in PostgreSQL, many with one statement of the driver's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import Final

from asyncpg import Connection, Record

from metering.documents import ReadingType
from metering.energy import Direction
from metering.stored_meter import Register, StoredReadingType, StoredUsagePoint

_TYPE_FIELDS: Final = tuple(field.name for field in fields(ReadingType))

_BY_ANY: Final = f"""
    SELECT {", ".join(field.name for field in fields(StoredUsagePoint))} FROM meter_usage_points
    WHERE mrid = ANY($1::text[]) OR id = ANY($2::bigint[])
    ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608  the names are fields of ours

_REGISTERS: Final = f"""
    SELECT g.usage_point_id, g.mrid AS register_mrid, g.id AS register_id, t.id AS type_id, t.version,
        {", ".join(f"t.{name}" for name in _TYPE_FIELDS)},
        c.id AS channel_id, c.direction, c.tou_tier, c.consumption_block
    FROM meter_registers AS g
    JOIN meter_reading_types AS t ON t.register_id = g.id
    LEFT JOIN meter_channels AS c ON c.register_id = g.id
    WHERE g.usage_point_id = ANY($1::bigint[]) AND ($2::text[] IS NULL OR g.mrid = ANY($2::text[]))
"""  # noqa: S608  the names are fields of ours


async def lock_meters(
    driver: Connection[Record], *, mrids: Collection[str], numbers: Collection[int]
) -> Sequence[StoredUsagePoint]:
    """Return the meters of these canonical mRIDs or numbers, and hold them until the transaction ends.

    They are locked in the order of their numbers, so that nobody waits in a circle.
    """
    rows = await driver.fetch(_BY_ANY, list(mrids), list(numbers))
    return [StoredUsagePoint(**row) for row in rows]


async def registers_of(
    driver: Connection[Record], usage_points: Iterable[int], *, mrids: Collection[str] | None = None
) -> dict[int, dict[str, Register]]:
    """Return what is known of the registers of these meters, by the meter's number and by mRID.

    With `mrids`, only of the registers that are called so.
    """
    rows: defaultdict[tuple[int, str], list[Record]] = defaultdict(list)
    if numbers := list(usage_points):
        for row in await driver.fetch(_REGISTERS, numbers, mrids):
            rows[row["usage_point_id"], row["register_mrid"]].append(row)
    registers: defaultdict[int, dict[str, Register]] = defaultdict(dict)
    for (usage_point, mrid), of_one in rows.items():
        registers[usage_point][mrid] = _register(of_one)
    return registers


def _register(rows: Sequence[Record]) -> Register:
    types, channels = {}, {}
    for row in rows:
        if row["version"] not in types:
            kind = ReadingType(**{name: row[name] for name in _TYPE_FIELDS})
            types[row["version"]] = StoredReadingType(row["type_id"], row["version"], kind)
        if row["channel_id"] is not None:
            lane = Direction(row["direction"]), row["tou_tier"], row["consumption_block"]
            channels[lane] = row["channel_id"]
    return Register(rows[0]["register_id"], types, channels)
