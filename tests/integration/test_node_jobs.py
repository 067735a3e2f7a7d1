"""Work that is put off in a transaction, and done by real workers on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from kernel.clock import SystemClock
from node.job_kind import JobKind
from node.jobs import JobDesk
from storage.database import Database
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.waiting import eventually

AT_ONCE = (timedelta(0),)
_A_WORKER_DIES = (
    "SET LOCAL search_path = jobs",
    "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')",
    "SELECT procrastinate_fetch_job_v2(NULL, max(id)) FROM procrastinate_workers",
)


@dataclass
class Doer:
    """Notes what it does; fails as often as it is told to."""

    failures: int = 0
    done: list[Mapping[str, str]] = field(default_factory=list)
    given_up: list[Mapping[str, str]] = field(default_factory=list)

    async def run(self, arguments: Mapping[str, str], now: datetime) -> None:
        assert now.tzinfo is not None
        if self.failures:
            self.failures -= 1
            raise RuntimeError("not yet")
        self.done.append(arguments)

    async def give_up(self, arguments: Mapping[str, str], error: Exception, now: datetime) -> None:
        assert str(error) == "not yet"
        self.given_up.append(arguments)


@pytest.fixture
def doer() -> Doer:
    return Doer()


def desk_of(doer: Doer, database: Database, *, retry_after: tuple[timedelta, ...] = AT_ONCE) -> JobDesk:
    kind = JobKind(name="bill", run=doer.run, on_given_up=doer.give_up, retry_after=retry_after)
    return JobDesk([kind], database=database, clock=SystemClock())


def a_job(about: str = "contract-1", *, due: datetime | None = None) -> Job:
    return Job(kind="bill", about=about, arguments={"contract": about}, due=due)


async def put(uow_factory: UnitOfWorkFactory, job: Job) -> bool:
    async with uow_factory.plain() as uow:
        return await put_job(uow, job)


async def test_a_job_is_done_once_it_is_committed(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    with suppress(ZeroDivisionError):
        async with uow_factory.plain() as uow:
            await put_job(uow, a_job("contract-0"))
            raise ZeroDivisionError
    assert await put(uow_factory, a_job())
    await desk_of(doer, database).do_all_due()
    await desk_of(doer, database).do_all_due()
    assert doer.done == [{"contract": "contract-1"}]


async def test_of_a_kind_only_one_waits_about_the_same(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    assert await put(uow_factory, a_job())
    assert not await put(uow_factory, a_job())
    assert await put(uow_factory, a_job("contract-2"))
    await desk_of(doer, database).do_all_due()
    assert doer.done == [{"contract": "contract-1"}, {"contract": "contract-2"}]
    assert await put(uow_factory, a_job())


async def test_a_job_waits_for_its_time(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    now = SystemClock().now()
    await put(uow_factory, a_job(due=now + timedelta(hours=1)))
    await put(uow_factory, a_job("contract-2", due=now - timedelta(hours=1)))
    await desk_of(doer, database).do_all_due()
    assert doer.done == [{"contract": "contract-2"}]


async def test_what_fails_is_tried_again(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    doer.failures = 2
    await put(uow_factory, a_job())
    desk = desk_of(doer, database, retry_after=(timedelta(0), timedelta(0)))
    for _ in range(3):
        await desk.do_all_due()
    assert (doer.done, doer.given_up) == ([{"contract": "contract-1"}], [])


async def test_what_fails_again_and_again_is_given_up_and_told(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    doer.failures = 9
    await put(uow_factory, a_job())
    for _ in range(4):
        await desk_of(doer, database).do_all_due()
    assert (doer.failures, doer.given_up) == (7, [{"contract": "contract-1"}])


@asynccontextmanager
async def working(desks: Sequence[JobDesk]) -> AsyncIterator[None]:
    for desk in desks:
        desk.start()
    try:
        yield
    finally:
        await asyncio.gather(*(desk.stop() for desk in desks))


async def test_workers_hear_of_jobs_and_do_each_once(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    async def done() -> int:
        return len(doer.done)

    async with working([desk_of(doer, database) for _ in range(2)]):
        for number in range(20):
            await put(uow_factory, a_job(f"contract-{number}"))
        await eventually(done, 20)
    assert sorted(each["contract"] for each in doer.done) == sorted(f"contract-{n}" for n in range(20))


async def test_what_stands_in_the_clocks_table_is_done_without_being_put(
    database: Database, doer: Doer
) -> None:
    async def has_begun() -> bool:
        return bool(doer.done)

    kind = JobKind(name="nightly", run=doer.run, every="* * * * * *")
    async with working([JobDesk([kind], database=database, clock=SystemClock())]):
        await eventually(has_begun, expected=True)
    assert doer.done[0] == {}


async def test_the_jobs_of_a_process_that_died_are_done_by_another(
    database: Database, uow_factory: UnitOfWorkFactory, doer: Doer
) -> None:
    await put(uow_factory, a_job())
    async with uow_factory() as uow:
        for statement in _A_WORKER_DIES:
            await uow.connection.execute(text(statement))
    desk = desk_of(doer, database)
    await desk.take_over()
    await desk.do_all_due()
    assert doer.done == [{"contract": "contract-1"}]
    await desk.take_over()  # there is nothing more
    await desk.do_all_due()
    assert len(doer.done) == 1
