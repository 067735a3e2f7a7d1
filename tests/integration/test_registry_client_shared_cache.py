"""Keys shared between processes through a real Redis, which may go away at any moment."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from protocol.errors import KeyExpired, RegistryUnavailable, SubscriberUnknown
from registry_client.key_times import KeyTimes
from registry_client.keyring import KeyRing
from registry_client.shared_cache import SharedCache
from registry_client.subscriber import SubscriberRecord
from tests.support.redis_server import RedisServer
from tests.support.subscribers import BPP, NOW, CountingDirectory, record

NETWORK = "http://registry.example.com"


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="degnode-redis-") as folder, RedisServer(Path(folder)) as server:
        yield server


@pytest.fixture
async def shared_cache(redis_server: RedisServer) -> AsyncIterator[SharedCache]:
    cache = SharedCache.connect(redis_server.url, network=NETWORK)
    yield cache
    await cache.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def ring_of(directory: CountingDirectory, cache: SharedCache, clock: ManualClock) -> KeyRing:
    return KeyRing(directory, clock=clock, times=KeyTimes(grace=timedelta()), shared=cache)


async def test_what_one_ring_learns_another_need_not_ask(
    shared_cache: SharedCache, clock: ManualClock
) -> None:
    known = record(valid_from=NOW - timedelta(days=1), valid_until=NOW + timedelta(days=1))
    directory, deaf = CountingDirectory(known), CountingDirectory()
    deaf.is_open = False
    await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    other = ring_of(deaf, shared_cache, clock)
    assert await other.key_for(subscriber=BPP, key_id="k1", at=NOW) == known
    assert other.cached(BPP, "k1", NOW) == known
    assert deaf.questions == []
    with pytest.raises(KeyExpired):
        await other.key_for(subscriber=BPP, key_id="k1", at=NOW - timedelta(days=2))


async def test_passing_an_answer_on_does_not_prolong_it(
    shared_cache: SharedCache, clock: ManualClock
) -> None:
    directory = CountingDirectory(record())
    await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    clock.advance(timedelta(minutes=9))
    directory.is_open = False
    other = ring_of(directory, shared_cache, clock)
    assert await other.key_for(subscriber=BPP, key_id="k1", at=clock.now())
    clock.advance(timedelta(minutes=1))
    with pytest.raises(RegistryUnavailable):
        await other.key_for(subscriber=BPP, key_id="k1", at=clock.now())


async def test_redis_forgets_by_itself(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    directory = CountingDirectory(record(valid_until=NOW + timedelta(seconds=90)))
    await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    async with Redis.from_url(redis_server.url) as redis:
        (name,) = await redis.keys("degnode:key:*")
        assert 60_000 < await redis.pttl(name) <= 90_000


async def test_a_refusal_is_not_shared(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    ring = ring_of(CountingDirectory(), shared_cache, clock)
    with pytest.raises(SubscriberUnknown):
        await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    async with Redis.from_url(redis_server.url) as redis:
        assert await redis.keys("*") == []


async def test_networks_that_share_a_redis_do_not_mix(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    await ring_of(CountingDirectory(record()), shared_cache, clock).key_for(
        subscriber=BPP, key_id="k1", at=NOW
    )
    elsewhere = SharedCache.connect(redis_server.url, network="http://other.example.com")
    assert await elsewhere.find(subscriber=BPP, key_id="k1", now=NOW) is None
    await elsewhere.close()


@pytest.mark.parametrize("nonsense", [b"", b"{", b"[]", b"{}", b'{"subscriber":1}', b"\xff"])
async def test_nonsense_in_redis_is_passed_by(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock, nonsense: bytes
) -> None:
    known = record()
    directory = CountingDirectory(known)
    await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    async with Redis.from_url(redis_server.url) as redis:
        (name,) = await redis.keys("*")
        await redis.set(name, nonsense)
    ring = ring_of(directory, shared_cache, clock)
    assert await ring.key_for(subscriber=BPP, key_id="k1", at=NOW) == known
    assert len(directory.questions) == 2


async def test_a_redis_that_is_down_is_logged_once_and_passed_by(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    first, second = record("k1"), record("k2")
    ring = ring_of(CountingDirectory(first, second), shared_cache, clock)
    redis_server.stop()
    with capture_logs() as logs:
        assert await ring.key_for(subscriber=BPP, key_id="k1", at=NOW) == first
        assert await ring.key_for(subscriber=BPP, key_id="k2", at=NOW) == second
    assert [entry["event"] for entry in logs] == ["shared_cache.down"]
    redis_server.start()
    with capture_logs() as logs:
        clock.advance(timedelta(minutes=10))
        assert await ring.key_for(subscriber=BPP, key_id="k1", at=NOW) == first
    assert [entry["event"] for entry in logs] == ["shared_cache.up"]


async def test_an_answer_that_is_over_is_not_written(shared_cache: SharedCache, clock: ManualClock) -> None:
    directory = CountingDirectory(record(valid_until=NOW + timedelta(microseconds=500)))
    await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    assert await shared_cache.find(subscriber=BPP, key_id="k1", now=NOW) is None


async def test_what_has_changed_is_forgotten_for_every_process(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, shared_cache, clock)
    await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    directory.replace(record(valid_until=NOW))
    await ring.forget(subscriber=BPP, key_id="k1")
    with pytest.raises(KeyExpired):
        await ring_of(directory, shared_cache, clock).key_for(subscriber=BPP, key_id="k1", at=NOW)
    redis_server.stop()
    await ring.forget(subscriber=BPP, key_id="k1")  # and a Redis that is away is in nobody's way


async def test_a_key_that_is_named_by_its_record_is_not_shared(
    redis_server: RedisServer, shared_cache: SharedCache, clock: ManualClock
) -> None:
    class ByRecord(CountingDirectory):
        async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
            return [record()]

    ring = ring_of(ByRecord(), shared_cache, clock)
    assert await ring.key_for(subscriber="", key_id=f"{BPP}/keys/k1", at=NOW)
    async with Redis.from_url(redis_server.url) as redis:
        assert await redis.keys("*") == []
