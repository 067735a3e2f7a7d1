"""The tables of the queue of jobs: Procrastinate's own, in a schema of their own beside ours.

Procrastinate brings them as SQL, whole for a database that has none and step by step for one that has
those of an earlier release. The schema's comment says up to which step they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg

JOBS_SCHEMA: Final = "jobs"

_REACHED: Final = "SELECT obj_description(to_regnamespace($1), 'pg_namespace')"
# Its functions name its tables without a schema: they find them whoever calls.
_AT_HOME: Final = f"""
DO $body$
DECLARE own regprocedure;
BEGIN
    FOR own IN SELECT oid FROM pg_proc WHERE pronamespace = '{JOBS_SCHEMA}'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = {JOBS_SCHEMA}', own);
    END LOOP;
END $body$
"""  # noqa: S608  nothing but constants


async def install_job_schema(driver: asyncpg.Connection[asyncpg.Record]) -> None:
    """Bring the queue's tables to those of the installed release, within the open transaction."""
    reached = await driver.fetchval(_REACHED, JOBS_SCHEMA)
    steps = sorted(_sql().glob("migrations/*.sql"))
    due = list(_scripts(steps, reached=reached))
    if not due:
        return
    await driver.execute(f"CREATE SCHEMA IF NOT EXISTS {JOBS_SCHEMA}; SET LOCAL search_path = {JOBS_SCHEMA}")
    for script in due:
        await driver.execute(script.read_text(encoding="utf-8"))
    await driver.execute(_AT_HOME)
    await driver.execute(
        f"COMMENT ON SCHEMA {JOBS_SCHEMA} IS '{steps[-1].stem}'; SET LOCAL search_path = public"
    )


def _scripts(steps: list[Path], *, reached: str | None) -> Iterator[Path]:
    if reached is None:
        yield _sql() / "schema.sql"
        return
    yield from (step for step in steps if step.stem > reached)


def _sql() -> Path:
    """Return where the scripts lie, without loading what runs jobs."""
    package = find_spec("procrastinate")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("procrastinate is not installed")
    return Path(package.origin).parent / "sql"
