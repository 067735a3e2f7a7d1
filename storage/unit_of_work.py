"""The unit of work: one transaction, and the only place where anything is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.driver import driver_of
from storage.outbox import Outbox


class Transaction(Protocol):
    """What every unit of work is at least."""

    @property
    def driver(self) -> asyncpg.Connection[asyncpg.Record]:
        """The driver's connection; what it does belongs to the transaction."""

    async def announce(self, channel: str, payload: str = "") -> None:
        """Tell every process that listens to `channel`, if and when the unit of work commits."""


class UnitOfWork:
    """An open transaction with everything that must leave together.

    Whoever is handed one neither opens nor commits it, and does no network I/O while it is open.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.outbox = Outbox(connection)

    @property
    def driver(self) -> asyncpg.Connection[asyncpg.Record]:
        """The connection behind `connection`; the first statement has to go through that."""
        return driver_of(self.connection)

    async def announce(self, channel: str, payload: str = "") -> None:
        """Tell every process that listens to `channel`, if and when the unit of work commits."""
        await self.connection.execute(
            text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload}
        )


class PlainUnitOfWork:
    """An open transaction of the driver's own, for the few statements that are run for every reading."""

    def __init__(self, driver: asyncpg.Connection[asyncpg.Record]) -> None:
        self.driver = driver

    async def announce(self, channel: str, payload: str = "") -> None:
        """Tell every process that listens to `channel`, if and when the unit of work commits."""
        await self.driver.execute("SELECT pg_notify($1, $2)", channel, payload)


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

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[PlainUnitOfWork]:
        """Open one without SQLAlchemy, at a quarter of the cost; it ends as any other does."""
        async with self._database.drivers.connection() as driver, driver.transaction():
            yield PlainUnitOfWork(driver)
