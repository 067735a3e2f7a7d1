"""What readings are compared with: PostgreSQL's own COPY of the same rows, on one connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from time import perf_counter
from typing import Final

import asyncpg

_MOST_ROWS: Final = 2_000_000
_ROWS: Final = f"SELECT * FROM meter_readings LIMIT {_MOST_ROWS}"  # noqa: S608  a number of ours


async def copy_again(database_url: str) -> tuple[int, float]:
    """Return how many readings are stored, and at what rate COPY stores the same rows once more.

    They go into a table of the same columns, indexes and constraints; of very many, the first are taken.
    """
    connection = await asyncpg.connect(database_url)
    try:
        rows: list[bytes] = []

        async def keep(chunk: bytes) -> None:
            rows.append(chunk)

        await connection.copy_from_query(_ROWS, output=keep, format="binary")
        await connection.execute("CREATE TABLE reference (LIKE meter_readings INCLUDING ALL)")
        started = perf_counter()
        await connection.copy_to_table("reference", source=_chunks(rows), format="binary")
        seconds = perf_counter() - started
        stored: int = await connection.fetchval("SELECT count(*) FROM meter_readings")
        return stored, min(stored, _MOST_ROWS) / seconds
    finally:
        await connection.close()


async def _chunks(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in rows:
        yield chunk
