"""The node's own database from the command line: named, or embedded, running or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from degnode.node_database import RoleUnclear, node_database
from degnode.serve import DatabaseUnusable
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import is_current


async def name_of(database: Database) -> str:
    async with database.engine.connect() as connection:
        return str(await connection.scalar(text("SELECT current_database()")))


async def test_a_database_that_is_named_is_used(database_url: str, tmp_path: Path) -> None:
    async with node_database(None, tmp_path, database_url) as database:
        assert await is_current(database)
        assert database_url.rpartition("/")[2].startswith(await name_of(database))


async def test_a_database_that_the_environment_names_is_used_too(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    async with node_database("bpp", tmp_path, None) as database:
        assert database_url.rpartition("/")[2].startswith(await name_of(database))


async def test_a_database_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable):
        async with node_database(None, tmp_path, "postgresql://127.0.0.1:9/nothing"):
            pass


async def test_without_a_node_nothing_is_begun_unless_its_role_is_said(tmp_path: Path) -> None:
    with pytest.raises(RoleUnclear, match="no node's database") as refusal:
        async with node_database(None, tmp_path / "nowhere", None):
            pass
    assert refusal.value.hint
    assert not (tmp_path / "nowhere").exists()


async def test_an_embedded_database_is_found_by_its_role_or_because_it_is_the_only_one(
    tmp_path: Path,
) -> None:
    async with node_database("bap", tmp_path, None) as database:
        assert (await name_of(database), await is_current(database)) == ("degnode_bap", True)
    server = start_embedded(tmp_path / "postgres")  # as while a node runs
    try:
        async with node_database(None, tmp_path, None) as database:
            assert await name_of(database) == "degnode_bap"
    finally:
        server.cleanup()
    async with node_database("bpp", tmp_path, None) as database:
        assert await name_of(database) == "degnode_bpp"
    with pytest.raises(RoleUnclear, match="bap, bpp"):
        async with node_database(None, tmp_path, None):
            pass
