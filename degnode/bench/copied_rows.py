"""What is kept is compared with PostgreSQL's own COPY of the same rows, on one connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from time import perf_counter
from typing import Final

import asyncpg

_MOST_ROWS: Final = 2_000_000


async def copy_again(database_url: str, table: str) -> tuple[int, float]:
    """Return how many rows `table` has, and at what rate COPY stores the same once more.

    They go into a table of the same columns, indexes and constraints; of very many, the first are taken.
    """
    connection = await asyncpg.connect(database_url)
    try:
        rows: list[bytes] = []

        async def keep(chunk: bytes) -> None:
            rows.append(chunk)

        query = f"SELECT * FROM {table} LIMIT {_MOST_ROWS}"  # noqa: S608  a table and a number of ours
        await connection.copy_from_query(query, output=keep, format="binary")
        await connection.execute(f"CREATE TABLE reference (LIKE {table} INCLUDING ALL)")
        started = perf_counter()
        await connection.copy_to_table("reference", source=_chunks(rows), format="binary")
        seconds = perf_counter() - started
        stored: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  a table of ours
        return stored, min(stored, _MOST_ROWS) / seconds
    finally:
        await connection.close()


async def _chunks(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in rows:
        yield chunk
