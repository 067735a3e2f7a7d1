"""Bringing a database to the schema of this release, by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import Database
from storage.job_schema import install_job_schema
from storage.unit_of_work import UnitOfWorkFactory

_MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"
_LOCK: Final = 0x6465676E  # one process migrates at a time


async def migrate(database: Database) -> None:
    """Bring the database to the newest schema; safe when several processes start at once."""
    async with UnitOfWorkFactory(database)() as uow:
        await uow.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await uow.connection.run_sync(upgrade)
        await install_job_schema(uow.driver)


async def is_current(database: Database) -> bool:
    """Say whether the database has the schema of this release."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(_is_current)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` on an open connection."""
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _is_current(connection: Connection) -> bool:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    head = ScriptDirectory.from_config(configuration).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head
