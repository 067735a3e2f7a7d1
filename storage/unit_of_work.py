"""The unit of work: one transaction, and the only place where anything is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.outbox import Outbox


class UnitOfWork:
    """An open transaction with everything that must leave together.

    Whoever is handed one neither opens nor commits it, and does no network I/O while it is open.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.outbox = Outbox(connection)

    async def announce(self, channel: str, payload: str = "") -> None:
        """Tell every process that listens to `channel`, if and when the unit of work commits."""
        await self.connection.execute(
            text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload}
        )


class UnitOfWorkFactory:
    """Opens units of work on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; it commits when the block ends well, else it rolls back."""
        async with self._database.engine.connect() as connection:
            try:
                yield UnitOfWork(connection)
            except BaseException:
                await connection.rollback()
                raise
            await connection.commit()
