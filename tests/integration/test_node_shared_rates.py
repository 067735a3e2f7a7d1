"""Buckets of peers that processes share, in a real PostgreSQL and a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from node.buckets import Terms
from node.rate_limit import Lease, PeerRates, RateExceeded, RatesUnavailable, SharedRates
from node.shared_rates import PostgresRates, RedisRates
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.redis_server import RedisServer

NOW = datetime(2026, 1, 9, 10, 0, 0, 123456, tzinfo=UTC)
PEER = "bap.example"
TEN = Terms(per_second=10, most=10)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def connect(server: RedisServer) -> Redis:
    return Redis.from_url(server.url, retry=Retry(NoBackoff(), retries=0))


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with TemporaryDirectory(prefix="redis-") as folder, RedisServer(Path(folder)) as server:
        yield server


@pytest.fixture(params=["postgresql", "redis"])
async def shared(
    request: pytest.FixtureRequest, uow_factory: UnitOfWorkFactory, redis_server: RedisServer
) -> AsyncIterator[SharedRates]:
    if request.param == "postgresql":
        yield PostgresRates(uow_factory)
        return
    rates = RedisRates(connect(redis_server), node=f"bpp.{uuid4().hex}.example")
    yield rates
    await rates.close()


async def test_a_bucket_gives_whole_tokens_and_fills_steadily(shared: SharedRates) -> None:
    assert await shared.lease(PEER, TEN, wanted=4, now=NOW) == pytest.approx(Lease(4, 6), abs=1e-4)
    assert await shared.lease(PEER, TEN, wanted=9, now=NOW) == pytest.approx(Lease(6, 0), abs=1e-4)
    assert await shared.lease(PEER, TEN, wanted=1, now=NOW) == pytest.approx(Lease(0, 0), abs=1e-4)
    assert await shared.lease(PEER, TEN, wanted=5, now=after(0.25)) == pytest.approx(Lease(2, 0.5), abs=1e-4)
    assert await shared.lease(PEER, TEN, wanted=50, now=after(3600)) == pytest.approx(Lease(10, 0), abs=1e-4)


async def test_exactly_when_the_next_token_is_due_it_is_there(shared: SharedRates) -> None:
    one = Terms(per_second=1, most=1)
    granted = [(await shared.lease(PEER, one, wanted=1, now=after(second))).granted for second in range(60)]
    assert granted == [1] * 60


async def test_a_clock_behind_the_others_fills_nothing_twice(shared: SharedRates) -> None:
    await shared.lease(PEER, TEN, wanted=10, now=after(10))
    assert (await shared.lease(PEER, TEN, wanted=1, now=NOW)).granted == 0
    assert (await shared.lease(PEER, TEN, wanted=9, now=after(10.5))).granted == 5


async def test_peers_do_not_share_a_bucket(shared: SharedRates) -> None:
    await shared.lease(PEER, TEN, wanted=10, now=NOW)
    assert (await shared.lease("other.example", TEN, wanted=10, now=NOW)).granted == 10


async def test_processes_that_ask_at_the_same_time_get_no_more_together(shared: SharedRates) -> None:
    processes = [PeerRates(100, shared=shared) for _ in range(4)]
    results = await asyncio.gather(
        *(process.take(PEER, now=NOW) for process in processes for _ in range(50)), return_exceptions=True
    )
    assert results.count(None) == 100
    assert all(result is None or isinstance(result, RateExceeded) for result in results)


async def test_a_redis_that_is_down_is_told_and_each_process_goes_on_alone(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        rates = RedisRates(connect(server), node="bpp.example")
        assert (await rates.lease(PEER, TEN, wanted=1, now=NOW)).granted == 1
        server.stop()
        with pytest.raises(RatesUnavailable):
            await rates.lease(PEER, TEN, wanted=1, now=NOW)
        alone = PeerRates(2, shared=rates)
        for _ in range(2):
            await alone.take(PEER, now=NOW)
        with pytest.raises(RateExceeded):
            await alone.take(PEER, now=NOW)
        await rates.close()


async def test_a_database_that_is_down_is_told(tmp_path: Path) -> None:
    nowhere = Database.connect(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(RatesUnavailable):
        await PostgresRates(UnitOfWorkFactory(nowhere)).lease(PEER, TEN, wanted=1, now=NOW)
    await nowhere.close()
