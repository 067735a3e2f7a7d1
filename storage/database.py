"""The way to one PostgreSQL database: the pooled engine, and raw connections for the hot path."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

import asyncpg
import simplejson
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.driver_pool import DriverPool
from storage.pool_care import replace_dead_connections

DATABASE_ERRORS: Final = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""Whatever may be raised by a database that is asked: it is away, or was asked wrongly."""

_DRIVERS: Final = 4  # connections


class DatabaseUrlInvalid(ValueError):
    """A database URL that names no PostgreSQL database."""


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL database; JSON columns keep decimal numbers exact.

    `drivers` are connections of the driver's own beside those of `engine`.
    """

    url: URL
    engine: AsyncEngine
    drivers: DriverPool

    @classmethod
    def connect(cls, url: str, *, pool_size: int = 5) -> Self:
        """Return the database that `url` names; nothing is opened until it is used.

        Raises: DatabaseUrlInvalid.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:  # the latter: a port that is no number
            raise DatabaseUrlInvalid(
                "the database URL cannot be read; write it like postgresql://user:password@host/name"
            ) from error
        if parsed.get_backend_name() not in ("postgresql", "postgres"):
            raise DatabaseUrlInvalid(
                f"{parsed.get_backend_name()!r} is not PostgreSQL; only that is supported"
            )
        parsed = parsed.set(drivername="postgresql+asyncpg")
        engine = create_async_engine(
            parsed,
            async_creator=partial(_open, parsed),
            pool_size=pool_size,
            max_overflow=pool_size,
            json_serializer=_dump_json,
            json_deserializer=_load_json,
            hide_parameters=True,  # an error in the log tells no message and no key
        )
        replace_dead_connections(engine)  # a restarted PostgreSQL costs nobody a request
        return cls(parsed, engine, DriverPool(_dsn(parsed), size=_DRIVERS))

    async def raw_connection(self) -> asyncpg.Connection[asyncpg.Record]:
        """Return a new connection outside the pool, without SQLAlchemy's overhead."""
        return await _open(self.url)

    async def is_ready(self) -> bool:
        """Say whether the database answers."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except DATABASE_ERRORS:
            return False
        return True

    async def close(self) -> None:
        await self.drivers.close()
        await self.engine.dispose()


def is_outage(error: BaseException) -> bool:
    """Say whether `error` means that the database cannot be reached, not that it was asked wrongly."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, InterfaceError)
    return isinstance(
        error,
        OSError
        | PoolTimeoutError
        | asyncpg.InterfaceError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError  # it starts, or stops
        | asyncpg.TooManyConnectionsError,
    )


async def create_database(url: str, name: str, *, template: str | None = None) -> str:
    """Create the database `name` on the server of `url` unless it is there; return its URL.

    It begins as a copy of the database `template`, which nobody may be using, or else empty.
    """
    server = make_url(url)
    connection = await _open(server)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            copied = f" TEMPLATE {_quoted(template)}" if template else ""
            with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # another process
                await connection.execute(f"CREATE DATABASE {_quoted(name)}{copied}")
    finally:
        await connection.close()
    return server.set(database=name).render_as_string(hide_password=False)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _open(url: URL) -> asyncpg.Connection[asyncpg.Record]:
    """Return a new connection; asyncpg itself reads the URL, so `sslmode` and its like mean what they say."""
    return await asyncpg.connect(_dsn(url))


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _dump_json(value: Any) -> str:  # noqa: ANN401  SQLAlchemy hands over whatever the column holds
    return simplejson.dumps(value, use_decimal=True)


def _load_json(text_: str) -> Any:  # noqa: ANN401
    return simplejson.loads(text_, use_decimal=True)
