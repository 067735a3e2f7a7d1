"""Running one service: its database, its schema, its web server, and a clean end."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final, Literal

import uvicorn
from asyncpg import PostgresError
from starlette.types import ASGIApp

from degnode.http_bounds import bounded_protocol
from degnode.side_door import DoorServer, SideDoor
from kernel.errors import NodeError
from node.settings import ServiceSettings
from storage.database import Database, DatabaseUrlInvalid, create_database
from storage.embedded import start_embedded
from storage.migrate import migrate

_GC_THRESHOLDS: Final = (50_000, 20, 20)  # messages make no cycles; looking for them often is waste
_IDLE_SECONDS: Final = 75
"""How long a connection may be idle: longer than callers keep one for their next request, or they would
send it into a connection that is just being closed, and not know what became of it."""

_MOST_FRAME_BYTES: Final = 262_144
"""The longest text that a WebSocket may bring: a day of a station's meter values."""
_PING_SECONDS: Final = 20.0


class DatabaseUnusable(NodeError):
    """There is no database to work with; the node does not start."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, True


@asynccontextmanager
async def open_database(settings: ServiceSettings, *, name: str) -> AsyncIterator[Database]:
    """Open the database that the settings name, or the embedded one, and close it at the end.

    Its schema is brought up to date. The embedded server keeps one database for each role, called
    `degnode_<role>`. Raises: DatabaseUnusable.
    """
    if settings.database_url is not None:
        async with _up_to_date(await _connect_named(settings.database_url.get_secret_value())) as database:
            yield database
        return
    server = start_embedded(settings.data_dir.resolve() / "postgres")
    try:
        url = await create_database(server.get_uri(), f"degnode_{name}")
        async with _up_to_date(Database.connect(url)) as database:
            yield database
    finally:
        server.cleanup()


async def _connect_named(url: str) -> Database:
    hint = "Check DEGNODE_DATABASE_URL, and whether that PostgreSQL runs."
    try:
        database = Database.connect(url)
        await (await database.raw_connection()).close()
    except (DatabaseUrlInvalid, OSError, PostgresError) as error:
        raise DatabaseUnusable(f"the database cannot be used: {error}", hint=hint) from error
    return database


@asynccontextmanager
async def _up_to_date(database: Database) -> AsyncIterator[Database]:
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


def server_configuration(
    app: ASGIApp,
    settings: ServiceSettings,
    *,
    lifespan: Literal["on", "off"],
    grace_seconds: int,
    door: SideDoor | None = None,
    websockets: bool = False,
) -> uvicorn.Config:
    """Return how `app` is served: bounded, quiet, and with so long to finish what is under way.

    A `door` has its own address and TLS; else the settings say where, and there is none. A WebSocket
    that answers no ping is gone.
    """
    context = None if door is None else door.context
    return uvicorn.Config(
        app if door is None else door.of(app),
        host=settings.host if door is None else door.host,
        port=settings.port if door is None else door.port,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
        loop="uvloop",
        http=bounded_protocol(
            request_timeout=settings.request_timeout, max_head_bytes=settings.max_head_bytes
        ),
        ws="websockets-sansio" if websockets else "none",
        ws_max_size=_MOST_FRAME_BYTES,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        lifespan=lifespan,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
        server_header=False,
        proxy_headers=False,
    )


class _Server(uvicorn.Server):
    """A server that says at once when it is told to stop, so that endless streams can end.

    Its own way would be to raise the signal again at the end, which ends the process before the
    database is closed.
    """

    def __init__(
        self, config: uvicorn.Config, on_stop: Callable[[], None], doors: Sequence[DoorServer] = ()
    ) -> None:
        super().__init__(config)
        self._on_stop = on_stop
        self._doors = doors

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        for server in (self, *self._doors):
            server.force_exit = server.should_exit and sig == signal.SIGINT
            server.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the side doors once the service is ready to answer."""
        await super().startup(sockets)
        for door in self._doors:
            await door.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the side doors before the service ends."""
        for door in self._doors:
            await door.close()
        await super().shutdown(sockets)


async def serve(
    app: ASGIApp,
    settings: ServiceSettings,
    *,
    on_stop: Callable[[], None] = lambda: None,
    doors: Sequence[SideDoor] = (),
    websockets: bool = False,
) -> None:
    """Serve `app` until the process is told to stop; what is under way is finished first."""
    configuration = server_configuration(
        app, settings, lifespan="on", grace_seconds=10, websockets=websockets
    )
    gc.collect()
    gc.freeze()  # what was made at the start stays; the collector need not look at it again
    gc.set_threshold(*_GC_THRESHOLDS)
    beside = [
        DoorServer(server_configuration(app, settings, lifespan="off", grace_seconds=10, door=door))
        for door in doors
    ]
    await _Server(configuration, on_stop, beside).serve()
