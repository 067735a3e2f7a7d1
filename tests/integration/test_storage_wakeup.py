"""LISTEN on a real PostgreSQL, through lost connections and a database that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from sqlalchemy import URL, make_url

from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, payload: str) -> None:
        self.queue.put_nowait(payload)

    async def hear(self) -> str:
        async with asyncio.timeout(20):
            return await self.queue.get()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def listener(database: Database, ear: Ear) -> AsyncIterator[Listener]:
    listening = Listener(database, retry_seconds=0.02)
    listening.on("test", ear)
    await listening.start()
    yield listening
    await listening.stop()


async def announce(uow_factory: UnitOfWorkFactory, channel: str, payload: str) -> None:
    async with uow_factory() as uow:
        await uow.announce(channel, payload)


@pytest.mark.usefixtures("listener")
async def test_an_announcement_is_heard_after_one_look_for_what_was_missed(
    ear: Ear, uow_factory: UnitOfWorkFactory
) -> None:
    await announce(uow_factory, "other", "not for us")
    await announce(uow_factory, "test", "news")
    assert [await ear.hear(), await ear.hear()] == ["", "news"]
    assert ear.queue.empty()


async def test_everybody_who_listens_to_a_channel_hears(
    database: Database, uow_factory: UnitOfWorkFactory
) -> None:
    ears = [Ear(), Ear(), Ear()]
    listener = Listener(database)
    for ear, channel in zip(ears, ("a", "a", "b"), strict=True):
        listener.on(channel, ear)
    await listener.start()
    await announce(uow_factory, "a", "1")
    await announce(uow_factory, "b", "2")
    assert [[await ear.hear(), await ear.hear()] for ear in ears] == [["", "1"], ["", "1"], ["", "2"]]
    await listener.stop()


@pytest.mark.usefixtures("listener")
async def test_a_lost_connection_is_opened_again_and_looked_through_once(
    ear: Ear, uow_factory: UnitOfWorkFactory, postgres_url: str, database: Database
) -> None:
    assert await ear.hear() == ""
    server = await asyncpg.connect(postgres_url)
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await server.execute(terminate, database.url.database)
    await server.close()
    assert await ear.hear() == ""
    await announce(uow_factory, "test", "news")
    assert await ear.hear() == "news"


async def test_a_database_that_is_away_at_the_start_holds_nobody_up_and_is_found_later(
    database: Database, uow_factory: UnitOfWorkFactory, postgres_url: str, ear: Ear
) -> None:
    server, name = await asyncpg.connect(postgres_url), database.url.database
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    listener = Listener(database, retry_seconds=0.02)
    listener.on("test", ear)
    await listener.start()
    assert ear.queue.empty()
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await server.close()
    assert await ear.hear() == ""
    await announce(uow_factory, "test", "news")
    assert await ear.hear() == "news"
    await listener.stop()


async def test_stopping_what_never_started_does_nothing(database: Database) -> None:
    await Listener(database).stop()


class Line:
    """A socket before the database's own, on which the line can go dead without anybody hanging up."""

    def __init__(self, behind: str, folder: Path) -> None:
        self._behind = behind
        self._folder = folder
        self._open: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> URL:
        return make_url(self._behind).update_query_dict({"host": str(self._folder)})

    def go_dead(self) -> None:
        """Let nothing through any more on the connections that there are."""
        for is_open in self._open:
            is_open.clear()

    async def __aenter__(self) -> Line:
        name = ".s.PGSQL.5432"
        self._server = await asyncio.start_unix_server(self._connect, self._folder / name)
        self._socket = Path(str(make_url(self._behind).query["host"])) / name
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._socket)
        is_open = asyncio.Event()
        is_open.set()
        self._open.append(is_open)
        for source, target in ((client, to_server), (server, to_client)):
            self._tasks.append(asyncio.create_task(self._pass_on(source, target, is_open)))

    @staticmethod
    async def _pass_on(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, is_open: asyncio.Event
    ) -> None:
        try:
            while data := await source.read(65_536):
                await is_open.wait()
                target.write(data)
        finally:
            target.close()
            with suppress(ConnectionError):
                await target.wait_closed()


async def test_a_line_that_is_dead_though_nobody_hung_up_is_noticed(
    database: Database, uow_factory: UnitOfWorkFactory, ear: Ear
) -> None:
    with TemporaryDirectory(prefix="line-") as folder:  # a socket's path is short
        async with Line(database.url.render_as_string(hide_password=False), Path(folder)) as line:
            behind = Database.connect(line.url.render_as_string(hide_password=False))
            listener = Listener(behind, retry_seconds=0.02, check_seconds=1)
            listener.on("test", ear)
            await listener.start()
            assert await ear.hear() == ""
            line.go_dead()
            await announce(uow_factory, "test", "into the void")
            assert await ear.hear() == ""  # it has looked again, on another line
            await announce(uow_factory, "test", "news")
            assert await ear.hear() == "news"
            await listener.stop()
            await behind.close()
