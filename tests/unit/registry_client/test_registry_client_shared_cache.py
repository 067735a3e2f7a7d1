"""A Redis that is away when a key changes, and comes back with the key as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from registry_client.answer import KeyAnswer
from registry_client.shared_cache import SharedCache
from tests.support.subscribers import BPP, NOW, record

ANSWER = KeyAnswer(
    subscriber=BPP, key_id="k1", records=(record(),), other_keys=(), until=NOW + timedelta(minutes=10)
)


class MoodyRedis:
    """As much of a Redis as is used here; `is_up` is whether it answers."""

    def __init__(self) -> None:
        self.is_up = True
        self._content: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes | None:
        self._check()
        return self._content.get(name)

    async def set(self, name: str, value: bytes, *, px: int) -> None:
        self._check()
        assert px > 0
        self._content[name] = value

    async def delete(self, name: str) -> None:
        self._check()
        self._content.pop(name, None)

    def _check(self) -> None:
        if not self.is_up:
            raise RedisAway("no answer")


async def find(cache: SharedCache) -> KeyAnswer | None:
    return await cache.find(subscriber=BPP, key_id="k1", now=NOW)


async def test_what_was_forgotten_while_redis_was_away_does_not_come_back_with_it() -> None:
    redis = MoodyRedis()
    cache, other = (SharedCache(cast("Redis", redis), network="n") for _ in range(2))
    await cache.put(ANSWER, now=NOW)
    redis.is_up = False
    await cache.forget(subscriber=BPP, key_id="k1")
    assert await find(cache) is None
    redis.is_up = True
    assert await find(cache) is None
    assert await find(other) is None


async def test_what_was_learnt_since_is_found() -> None:
    redis = MoodyRedis()
    cache = SharedCache(cast("Redis", redis), network="n")
    redis.is_up = False
    await cache.forget(subscriber=BPP, key_id="k1")
    redis.is_up = True
    await cache.put(ANSWER, now=NOW)
    assert await find(cache) == ANSWER
