"""Migrations, from nothing to the schema of this release."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from storage.database import Database, create_database
from storage.migrate import is_current, migrate


@pytest.fixture
async def empty(postgres_url: str) -> AsyncIterator[Database]:
    """A database without a table."""
    database = Database.connect(await create_database(postgres_url, f"empty_{uuid4().hex[:12]}"))
    yield database
    await database.close()


async def tables(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        return set(rows.scalars())


async def test_an_empty_database_is_brought_to_the_newest_schema(empty: Database) -> None:
    assert not await is_current(empty)
    await migrate(empty)
    assert await is_current(empty)
    assert {"inbox", "outbox", "peers", "api_keys", "alembic_version"} <= await tables(empty)


async def test_several_processes_may_migrate_at_once_and_again(empty: Database) -> None:
    await asyncio.gather(*(migrate(empty) for _ in range(3)))
    before = await tables(empty)
    await migrate(empty)
    assert await tables(empty) == before
    assert await is_current(empty)


async def test_a_database_of_another_release_is_not_current(empty: Database) -> None:
    await migrate(empty)
    async with empty.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'of-another-release'"))
    assert not await is_current(empty)
