"""The same search in plain PostgreSQL: jsonpath, a box and haversine's formula, a range of time."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, radians
from time import perf_counter
from typing import Final

import asyncpg

from degnode.bench.marketplace import Query
from trading.offer import Resource

_TABLE: Final = """
CREATE TABLE things (
    id text PRIMARY KEY,
    item jsonb NOT NULL,
    longitude double precision NOT NULL,
    latitude double precision NOT NULL,
    production tstzrange NOT NULL
)
"""
_INDEXES: Final = """
CREATE INDEX things_item ON things USING gin (item jsonb_path_ops);
CREATE INDEX things_place ON things USING gist (point(longitude, latitude));
CREATE INDEX things_production ON things USING gist (production);
ANALYZE things;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
"""
_SEARCH: Final = """
SELECT id, item, metres FROM (
    SELECT id, item, 2 * 6371008.8 * asin(least(1, sqrt(
        sin(radians(latitude - $3) / 2) ^ 2
        + cos(radians($3)) * cos(radians(latitude)) * sin(radians(longitude - $2) / 2) ^ 2))) AS metres
    FROM things
    WHERE item @? $1::text::jsonpath
      AND point(longitude, latitude) <@ box(point($5, $6), point($7, $8))
      AND production @> tstzrange($9, $10)
) AS near
WHERE metres <= $4
"""
_A_DEGREE: Final = 111_195.0
"""Metres of latitude on haversine's sphere."""


class PostgresSearch:
    """Everything in one table with an index for each criterion, asked on one connection and one core."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fill(self, resources: Iterable[Resource], items: Iterable[bytes]) -> None:
        """Store all items by COPY, and index them."""
        await self._connection.execute(_TABLE)
        records = []
        for resource, item in zip(resources, items, strict=True):
            [spot] = resource.place.geometry.positions() if resource.place else [(0, 0)]
            window = asyncpg.Range(resource.production.start, resource.production.end)
            records.append((resource.id, item.decode(), float(spot[0]), float(spot[1]), window))
        await self._connection.copy_records_to_table("things", records=records)
        await self._connection.execute(_INDEXES)

    async def search(self, query: Query, *, metres: float) -> tuple[dict[str, float], float]:
        """Return what is found within so many metres, how far each is, and how many seconds it took."""
        up = metres / _A_DEGREE
        sideways = up / cos(radians(abs(query.latitude) + up))
        started = perf_counter()
        rows = await self._connection.fetch(
            _SEARCH,
            query.jsonpath,
            query.longitude,
            query.latitude,
            metres,
            query.longitude - sideways,
            query.latitude - up,
            query.longitude + sideways,
            query.latitude + up,
            query.window.start,
            query.window.end,
        )
        seconds = perf_counter() - started
        return {row["id"]: row["metres"] for row in rows}, seconds
