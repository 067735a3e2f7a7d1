"""Opening a service's database: what cannot be used is said in a sentence that tells no password."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from degnode.serve import DatabaseUnusable, open_database
from node.settings import ServiceSettings
from storage.database import Database
from storage.migrate import is_current


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:9/nowhere",
        "postgresql://me:hunter2@127.0.0.1:http/nowhere",
        "mysql://me:hunter2@127.0.0.1/nowhere",
        "hunter2",
    ],
)
async def test_a_database_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="the database cannot be used") as caught:
        async with open_database(ServiceSettings(database_url=SecretStr(url)), name="bap"):
            pass
    assert "hunter2" not in str(caught.value)
    assert "DEGNODE_DATABASE_URL" in str(caught.value)


async def test_a_database_that_does_not_exist_is_named(postgres_url: str) -> None:
    url = postgres_url.replace("/postgres?", "/nowhere?")
    with pytest.raises(DatabaseUnusable, match='"nowhere" does not exist'):
        async with open_database(ServiceSettings(database_url=SecretStr(url)), name="bap"):
            pass


async def test_the_database_that_is_named_is_opened_with_its_schema_and_closed(database_url: str) -> None:
    async with open_database(ServiceSettings(database_url=SecretStr(database_url)), name="bap") as opened:
        assert isinstance(opened, Database)
        assert await is_current(opened)
    assert "Connections in pool: 0" in opened.engine.pool.status()
