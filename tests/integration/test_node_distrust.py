"""Keys that the operator believes no more: at once, in every process, until he does again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from kernel.clock import ManualClock
from node.distrust import DistrustedKey, NotDistrusted, distrust_key, list_distrusted, trust_again
from node.distrust_watch import DistrustWatch
from registry_client.keyring import KeyDistrusted, KeyRing
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.subscribers import BPP, NOW, CountingDirectory, record
from tests.support.waiting import eventually

STOLEN = DistrustedKey(subscriber_id=BPP, key_id="k1", since=NOW, why="it was stolen", by="an operator")


@asynccontextmanager
async def process_of(database: Database, uow_factory: UnitOfWorkFactory) -> AsyncIterator[KeyRing]:
    """Run what one process of a node has of this."""
    ring = KeyRing(CountingDirectory(record("k1"), record("k2")), clock=ManualClock(NOW))
    listener = Listener(database)
    async with DistrustWatch(ring, uow_factory).running(listener):
        await listener.start()
        yield ring
        await listener.stop()


async def is_believed(ring: KeyRing, key_id: str = "k1") -> bool:
    try:
        await ring.key_for(subscriber=BPP, key_id=key_id, at=NOW)
    except KeyDistrusted:
        return False
    return True


async def test_every_process_stops_believing_a_key_and_only_that_one(
    database: Database, uow_factory: UnitOfWorkFactory
) -> None:
    async with AsyncExitStack() as stack:
        rings = [await stack.enter_async_context(process_of(database, uow_factory)) for _ in range(2)]
        assert [await is_believed(ring) for ring in rings] == [True, True]
        async with uow_factory() as uow:
            assert await distrust_key(uow, STOLEN)
        for ring in rings:
            await eventually(partial(is_believed, ring), False)
            assert ring.cached(BPP, "k1", NOW) is None
            assert await is_believed(ring, "k2")
        async with uow_factory() as uow:
            assert await trust_again(uow, subscriber_id=BPP, key_id="k1") == STOLEN
        for ring in rings:
            await eventually(partial(is_believed, ring), True)


async def test_a_process_that_starts_later_knows_from_its_first_moment(
    database: Database, uow_factory: UnitOfWorkFactory
) -> None:
    async with uow_factory() as uow:
        await distrust_key(uow, STOLEN)
    async with process_of(database, uow_factory) as ring:
        assert not await is_believed(ring)


async def test_a_reason_is_kept_in_letters_that_a_database_knows(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await distrust_key(uow, replace(STOLEN, why="it was \udcff\nstolen"))
        (kept,) = await list_distrusted(uow)
    assert kept.why == "it was \ufffd\ufffdstolen"


async def test_the_first_reason_stays(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        assert await distrust_key(uow, STOLEN)
        again = DistrustedKey(
            subscriber_id=BPP, key_id="k1", since=NOW + timedelta(days=1), why="?", by="another"
        )
        assert not await distrust_key(uow, again)
    async with uow_factory() as uow:
        assert await list_distrusted(uow) == [STOLEN]


async def test_nothing_is_distrusted_when_the_unit_of_work_fails(uow_factory: UnitOfWorkFactory) -> None:
    async def distrust_and_fail() -> None:
        async with uow_factory() as uow:
            await distrust_key(uow, STOLEN)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await distrust_and_fail()
    async with uow_factory() as uow:
        assert await list_distrusted(uow) == []


async def test_a_key_that_is_not_distrusted_cannot_be_trusted_again(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        with pytest.raises(NotDistrusted) as refused:
            await trust_again(uow, subscriber_id=BPP, key_id="k1")
    assert refused.value.hint
