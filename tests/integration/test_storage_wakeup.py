"""LISTEN on a real PostgreSQL, through lost connections and a database that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

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
