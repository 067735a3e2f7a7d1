"""The way to the database: URLs, exact numbers in JSON, readiness, new databases."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import Column, MetaData, Table, make_url, select
from sqlalchemy.dialects.postgresql import JSONB

from storage.database import Database, DatabaseUrlInvalid, create_database

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
