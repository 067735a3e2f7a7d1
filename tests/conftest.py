"""What every test may ask for: a real PostgreSQL, a fresh database, the outside material."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg
import pytest
import structlog
from coverage import Coverage

from storage.database import Database, create_database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.applications import forget_applications, remember_models
from tests.support.memory_folder import memory_with_room, temporary_files_in
from tests.support.running_order import in_running_order
from tests.support.trusted_roots import remember_trusted_roots

# Plain log lines: the default prints every traceback with all its variables, which takes seconds.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)

ROOT = Path(__file__).resolve().parents[1]
OWN_SERVER = "DEGNODE_TEST_DATABASE_URL"
OUTSIDE = ("DEGNODE_ENVOY_CHECKOUT", "DEGNODE_ENVOY_PYTHON")
"""Where software of others lies that tests are run against, if it is there."""

remember_models()
remember_trusted_roots()

# Nobody's settings but the tests' own: what they run reads the environment.
for _name in [name for name in os.environ if name.startswith(("DEGNODE_", "DATABASE_URL", "REDIS_URL"))]:
    if _name not in (OWN_SERVER, *OUTSIDE):
        del os.environ[_name]


MEMORY = memory_with_room()
"""Where the server lies: a test's database is six hundred files made and removed, which disks are slow at."""

STRATEGY = "FILE_COPY" if MEMORY else "WAL_LOG"
"""How a database is copied: in memory, files are cheaper to copy than pages are to log."""

UNCOUNTED = {"conformance", "e2e", "fuzz", "property"}
"""Folders whose tests run others' validators, other processes, or the same lines a million times.

A test elsewhere that is like them is marked `uncounted`.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Put what tests and their processes write for a moment into memory: disks are slow at a server."""
    if not hasattr(config, "workerinput"):  # a worker is told by the environment
        stack = ExitStack()
        stack.enter_context(temporary_files_in(MEMORY))
        atexit.register(stack.close)  # after the embedded servers' own end, which takes a lock there


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep those tests out of coverage, which would triple their time and show nothing new.

    A worker of pytest-xdist runs two coverages, one under the other; the marker `no_cover` stops one only.
    """
    stopped: list[Coverage] = []
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    if folder in UNCOUNTED or item.get_closest_marker("uncounted") is not None:
        while (running := Coverage.current()) is not None:
            running.stop()
            stopped.append(running)
    try:
        yield
    finally:
        for each in reversed(stopped):
            each.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Let the applications of a test go when it has ended."""
    try:
        yield
    finally:
        forget_applications()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files into the order that ends soonest; a worker takes a file whole, and what it shares."""
    items[:] = in_running_order(items, root=ROOT / "tests")


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every search for garbage; search as rarely as a node."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of official documents, real messages and published figures beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip(f"no outside material: {folder} is not here")
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run: a real one from the wheel, on a private socket.

    `DEGNODE_TEST_DATABASE_URL` names another server to use instead. Its folder is not one of
    pytest's: those are closed to other users whenever any pytest starts, and the server is one.
    """
    if url := os.environ.get(OWN_SERVER):
        yield url
        return
    with TemporaryDirectory(prefix="pytest-postgres-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        server = start_embedded(Path(folder) / "data")
        try:
            asyncio.run(_trust_the_power(server.get_uri()))
            yield server.get_uri()
        finally:
            server.cleanup()


async def _trust_the_power(url: str) -> None:
    """Let the server not wait for the disk, nor keep much of a log: nothing of it outlives the tests."""
    server = await asyncpg.connect(url)
    try:
        await server.execute("ALTER SYSTEM SET fsync = off")
        await server.execute("ALTER SYSTEM SET full_page_writes = off")
        await server.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
        await server.execute("SELECT pg_reload_conf()")
    finally:
        await server.close()


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> str:
    """A database brought up by the migrations, which the tests' own databases are copied from."""
    return asyncio.run(_create_template(postgres_url))


async def _create_template(postgres_url: str) -> str:
    url = await create_database(postgres_url, f"template_{uuid4().hex[:12]}")
    database = Database.connect(url)
    await migrate(database)
    await database.close()
    return url


@pytest.fixture
async def database_url(postgres_url: str, template_url: str) -> AsyncIterator[str]:
    """A fresh database for one test."""
    name, template = f"test_{uuid4().hex[:12]}", template_url.rpartition("/")[2].partition("?")[0]
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {STRATEGY}')
        yield template_url.replace(template, name)
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The fresh database, connected."""
    connected = Database.connect(database_url)
    yield connected
    await connected.close()


@pytest.fixture
def uow_factory(database: Database) -> UnitOfWorkFactory:
    """Units of work on the fresh database."""
    return UnitOfWorkFactory(database)
