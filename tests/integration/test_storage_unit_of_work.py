"""The unit of work: all of it or nothing, announcements included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from storage.database import DATABASE_ERRORS, Database
from storage.outbox import OUTBOX_CHANNEL
from storage.tables import outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import outgoing


@pytest.fixture
async def heard(database: Database) -> AsyncIterator[asyncio.Queue[str]]:
    """What is announced on the channels `test` and that of the outbox."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    connection = await database.raw_connection()

    def hear(_connection: object, _pid: int, channel: str, payload: object) -> None:
        queue.put_nowait(f"{channel}:{payload}")

    for channel in ("test", OUTBOX_CHANNEL):
        await connection.add_listener(channel, hear)
    yield queue
    await connection.close()


async def count(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        return (await uow.connection.execute(select(func.count()).select_from(outbox))).scalar_one()


async def test_what_was_done_stays_when_the_block_ends_well(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await uow.outbox.put(outgoing())
        assert await count(uow_factory) == 0  # nobody else sees it before
    assert await count(uow_factory) == 1


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_nothing_stays_when_it_does_not(
    uow_factory: UnitOfWorkFactory, error: type[BaseException]
) -> None:
    with pytest.raises(error):  # noqa: PT012  the block is what is tested
        async with uow_factory() as uow:
            await uow.outbox.put(outgoing())
            raise error
    assert await count(uow_factory) == 0


async def test_an_announcement_is_made_if_and_when_it_commits(
    uow_factory: UnitOfWorkFactory, heard: asyncio.Queue[str]
) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012
        async with uow_factory() as uow:
            await uow.announce("test", "never")
            raise RuntimeError
    async with uow_factory() as uow:
        await uow.announce("test", "first")
        async with uow_factory() as other:
            await other.announce("test", "second, but sooner")
        assert await heard.get() == "test:second, but sooner"
    assert await heard.get() == "test:first"
    assert heard.empty()


async def test_an_outgoing_message_is_announced_with_its_commit(
    uow_factory: UnitOfWorkFactory, heard: asyncio.Queue[str]
) -> None:
    async with uow_factory() as uow:
        await uow.outbox.put(outgoing())
        assert heard.empty()
    assert await heard.get() == f"{OUTBOX_CHANNEL}:"


async def test_a_lost_connection_is_an_error_and_the_next_unit_of_work_gets_a_new_one(
    uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    killer = await database.raw_connection()
    with pytest.raises(SQLAlchemyError):  # noqa: PT012
        async with uow_factory() as uow:
            pid = await uow.connection.scalar(select(func.pg_backend_pid()))
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            await uow.outbox.put(outgoing())
    await killer.close()
    assert await count(uow_factory) == 0


@pytest.fixture
async def marks(database: Database) -> AsyncIterator[None]:
    """A table of its own for plain units of work."""
    connection = await database.raw_connection()
    await connection.execute("CREATE TABLE marks (mark text)")
    yield
    await connection.close()


async def marked(uow_factory: UnitOfWorkFactory) -> list[str]:
    async with uow_factory.plain() as uow:
        return [mark for (mark,) in await uow.driver.fetch("SELECT mark FROM marks")]


@pytest.mark.usefixtures("marks")
async def test_a_plain_one_ends_as_any_other_does(
    uow_factory: UnitOfWorkFactory, heard: asyncio.Queue[str]
) -> None:
    for error in (RuntimeError, asyncio.CancelledError):
        with pytest.raises(error):  # noqa: PT012
            async with uow_factory.plain() as uow:
                await uow.driver.execute("INSERT INTO marks VALUES ('lost')")
                await uow.announce("test", "never")
                raise error
    async with uow_factory.plain() as uow:
        await uow.driver.execute("INSERT INTO marks VALUES ('kept')")
        await uow.announce("test", "kept")
        assert await marked(uow_factory) == []  # nobody else sees it before
    assert await marked(uow_factory) == ["kept"]
    assert await heard.get() == "test:kept"
    assert heard.empty()


@pytest.mark.usefixtures("marks")
async def test_a_plain_one_whose_connection_is_lost_is_an_error_and_the_next_gets_a_new_one(
    uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    killer = await database.raw_connection()
    terminate = "SELECT pg_terminate_backend($1, 5000)"
    with pytest.raises(DATABASE_ERRORS):  # noqa: PT012
        async with uow_factory.plain() as uow:
            await killer.execute(terminate, await uow.driver.fetchval("SELECT pg_backend_pid()"))
            await uow.driver.execute("INSERT INTO marks VALUES ('lost')")
    async with uow_factory.plain() as uow:
        idle = await uow.driver.fetchval("SELECT pg_backend_pid()")
    await killer.execute(terminate, idle)
    await killer.close()
    assert await marked(uow_factory) == []


async def test_plain_ones_at_the_same_time_share_a_few_connections(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async def pid() -> int:
        async with uow_factory.plain() as uow:
            found: int = await uow.driver.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.01)")
            return found

    pids = await asyncio.gather(*(pid() for _ in range(12)))
    assert 1 <= len(set(pids)) <= 4


async def test_one_that_does_not_end_holds_up_no_shutdown(
    uow_factory: UnitOfWorkFactory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.driver_pool._LAST_SECONDS", 0.1)
    with pytest.raises(DATABASE_ERRORS):  # noqa: PT012
        async with uow_factory.plain() as uow:
            await asyncio.wait_for(database.close(), 60)
            await uow.driver.execute("SELECT 1")
