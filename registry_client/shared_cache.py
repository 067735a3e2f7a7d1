"""Keys that several processes know at once, in Redis.

Never the only copy and never in the way: a Redis that is down or talks nonsense is passed by.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final, Self

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from kernel.ids import derived_id
from registry_client.answer import KeyAnswer
from registry_client.bounded import Bounded

log = structlog.get_logger(__name__)

_PATIENCE: Final = 0.25  # s
_MOST_OWED: Final = 10_000  # keys


def open_redis(url: str) -> Redis:
    """Return a Redis that holds nobody up: it is passed by if it takes long. Nothing is opened yet.

    Raises: ValueError, whose words hold the URL.
    """
    return Redis.from_url(
        url,
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
        retry=Retry(NoBackoff(), retries=1),  # once, for a connection that went stale
    )


class SharedCache:
    """Remembers the keys of one network for every process that shares its Redis."""

    def __init__(self, redis: Redis, *, network: str) -> None:
        """Use `redis` for the subscribers of `network`, named by its registry's URL."""
        self._redis = redis
        self._network = network
        self._is_down = False
        # What could not be deleted: it is not read until it is.
        self._owed: Bounded[str, None] = Bounded(_MOST_OWED)

    @classmethod
    def connect(cls, redis_url: str, *, network: str) -> Self:
        """Return the cache behind `redis_url`; nothing is opened until it is used."""
        return cls(open_redis(redis_url), network=network)

    async def find(self, *, subscriber: str, key_id: str, now: datetime) -> KeyAnswer | None:
        """Return what another process learnt about the key and may still be relied on, or None."""
        name = self._name(subscriber, key_id)
        if name in self._owed and not await self._delete(name):
            return None
        try:
            stored = await self._redis.get(name)
        except (RedisError, OSError) as error:
            self._note_down(error)
            return None
        self._note_up()
        answer = None if stored is None else _read(stored)
        if answer is None or answer.until <= now:
            return None
        return answer if (answer.subscriber, answer.key_id) == (subscriber, key_id) else None

    async def put(self, answer: KeyAnswer, *, now: datetime) -> None:
        """Tell the other processes, for as long as the answer may be relied on."""
        milliseconds = math.floor((answer.until - now) / timedelta(milliseconds=1))
        if milliseconds <= 0:
            return
        name = self._name(answer.subscriber, answer.key_id)
        try:
            await self._redis.set(name, orjson.dumps(answer.to_json()), px=milliseconds)
        except (RedisError, OSError) as error:
            self._note_down(error)
        else:
            self._owed.pop(name, None)
            self._note_up()

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        """Let no process find the key here any more; this one does not, even if Redis is down."""
        await self._delete(self._name(subscriber, key_id))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _delete(self, name: str) -> bool:
        """Remove what has that name, and say whether it is gone."""
        try:
            await self._redis.delete(name)
        except (RedisError, OSError) as error:
            self._owed.remember(name, None)
            self._note_down(error)
            return False
        self._owed.pop(name, None)
        self._note_up()
        return True

    def _name(self, subscriber: str, key_id: str) -> str:
        return f"degnode:key:{derived_id(self._network, subscriber, key_id)}"

    def _note_down(self, error: Exception) -> None:
        if not self._is_down:
            log.warning("shared_cache.down", error=repr(error))
        self._is_down = True

    def _note_up(self) -> None:
        if self._is_down:
            log.info("shared_cache.up")
        self._is_down = False


def _read(stored: bytes | str) -> KeyAnswer | None:
    try:
        return KeyAnswer.from_json(orjson.loads(stored))
    except (ValueError, KeyError, TypeError) as error:
        log.warning("shared_cache.unreadable", error=repr(error))
        return None
