"""The way to the database: URLs, exact numbers in JSON, readiness, new databases."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from threading import Thread

import asyncpg
import pytest
from sqlalchemy import Column, MetaData, Table, make_url, select, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.database import Database, DatabaseUrlInvalid, create_database
from storage.unit_of_work import UnitOfWorkFactory

documents = Table("documents", MetaData(), Column("content", JSONB))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite:///:memory:", "'sqlite' is not PostgreSQL"),
        ("mysql://root@localhost/x", "'mysql' is not PostgreSQL"),
        ("localhost", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql://me:secret@localhost:http/x", "cannot be read"),
    ],
)
def test_only_a_url_of_postgresql_is_taken(url: str, why: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match=why):
        Database.connect(url)


def test_the_short_name_of_the_scheme_is_taken_too() -> None:
    assert Database.connect("postgres://someone@db.example/x").url.drivername == "postgresql+asyncpg"


async def test_numbers_in_json_stay_exact(database: Database) -> None:
    content = {"price": Decimal("0.10"), "quantity": 3, "much": Decimal("12345678901234567.89")}
    async with database.engine.connect() as connection:
        await connection.run_sync(documents.create)
        await connection.execute(documents.insert().values(content=content))
        found = (await connection.execute(select(documents.c.content))).scalar_one()
    assert found == content
    assert str(found["price"]) == "0.10"


async def test_what_the_url_says_beyond_the_name_holds_for_every_connection(database_url: str) -> None:
    database = Database.connect(f"{database_url}&sslmode=disable&application_name=degnode-test")
    raw = await database.raw_connection()
    assert await raw.fetchval("SHOW application_name") == "degnode-test"
    await raw.close()
    assert await database.is_ready()
    await database.close()


async def test_a_database_that_answers_is_ready(database: Database) -> None:
    assert await database.is_ready()


async def test_a_database_that_is_not_there_is_not_ready(database_url: str) -> None:
    missing = make_url(database_url).set(database="missing").render_as_string(hide_password=False)
    for url in (missing, "postgresql://someone@127.0.0.1:9/x"):
        database = Database.connect(url)
        assert not await database.is_ready()
        await database.close()


async def test_a_connection_that_was_lost_costs_nobody_a_request(database: Database) -> None:
    assert await database.is_ready()
    raw = await database.raw_connection()
    await raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await raw.close()
    assert await database.is_ready()


async def test_several_processes_may_create_a_database_at_once(postgres_url: str) -> None:
    name = 'of "several" processes'
    urls = await asyncio.gather(*(create_database(postgres_url, name) for _ in range(5)))
    (url,) = set(urls)
    assert await create_database(postgres_url, name) == url
    database = Database.connect(url)
    assert await database.is_ready()
    await database.close()


async def _killed(database: Database) -> None:
    """Use a connection of `database`, and have the server end it."""
    async with database.engine.connect() as connection:
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    other = await database.raw_connection()
    await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await other.close()


async def test_connections_that_ended_in_the_pool_cost_nobody_a_request(database_url: str) -> None:
    database = Database.connect(database_url)
    for _ in range(3):
        await _killed(database)
        async with database.engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await database.close()


async def test_one_whose_end_the_event_loop_has_not_seen_yet_costs_nobody_a_request(
    database_url: str, uow_factory: UnitOfWorkFactory
) -> None:
    async def terminate(pid: int) -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        await connection.close()

    async def of_engine() -> int:
        async with uow_factory() as uow:
            return int((await uow.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    async def of_driver() -> int:
        async with uow_factory.plain() as uow:
            return int(await uow.driver.fetchval("SELECT pg_backend_pid()"))

    for use in (of_engine, of_driver):
        for _ in range(3):
            pid = await use()
            elsewhere = Thread(target=asyncio.run, args=(terminate(pid),))
            elsewhere.start()
            elsewhere.join()  # the loop of this thread stands still
            assert await use() != pid


async def test_one_that_ended_unseen_is_found_once_it_has_been_idle(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.connect(database_url)
    monkeypatch.setattr("storage.pool_care._ASKED_AFTER", 0)
    await _killed(database)
    monkeypatch.setattr("storage.pool_care.has_news", lambda _driver: False)
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await database.close()
