"""Connections of the driver's own, for units of work that are opened hundreds of times a second.

SQLAlchemy's way of opening and ending one costs four times what the database's does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from storage.liveness import has_news

_LAST_SECONDS: Final = 2
_IDLE_SECONDS: Final = 5
"""After so many a connection is closed: a network may have forgotten it."""


class DriverPool:
    """A few connections to one database, opened as they are needed."""

    def __init__(self, dsn: str, *, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._opening = asyncio.Lock()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """Lend a connection, for one transaction."""
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._size,
                    max_inactive_connection_lifetime=_IDLE_SECONDS,
                    reset=_leave_as_it_is,
                )
        pool = self._pool
        lent = await self._acquire(pool)
        try:
            yield cast("asyncpg.Connection[asyncpg.Record]", lent)
        finally:
            await pool.release(lent)

    async def _acquire(self, pool: asyncpg.Pool[asyncpg.Record]) -> PoolConnectionProxy[asyncpg.Record]:
        """Return a connection that has not ended while it was idle."""
        for _ in range(self._size):
            lent = await pool.acquire()
            if not has_news(lent):
                return lent
            lent.terminate()
            await pool.release(lent)
        return await pool.acquire()

    async def close(self) -> None:
        """Close all; a transaction that does not end soon is broken off."""
        if self._pool is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._pool.close()  # ends every connection if it is ended itself


async def _leave_as_it_is(_connection: object) -> None:
    """Ask nothing of a connection that comes back: nothing but transactions is done on it."""
