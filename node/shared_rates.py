"""The buckets of peers that all processes share: in Redis, or else in PostgreSQL.

Both take the process's clock, and never turn it back: where clocks differ, the fastest one fills.
"""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from kernel.ids import derived_id
from node.buckets import DUST, Terms
from node.rate_limit import Lease, RatesUnavailable
from storage.database import DATABASE_ERRORS
from storage.unit_of_work import UnitOfWorkFactory

_UPSERT: Final = text(
    """
    INSERT INTO peer_rates AS kept (subscriber_id, tokens, granted, since)
    VALUES (:peer, CAST(:most AS float) - :wanted, :wanted, :now)
    ON CONFLICT (subscriber_id) DO UPDATE SET (tokens, granted, since) = (
        SELECT level - given, given, at FROM (
            SELECT level, at, LEAST(CAST(:wanted AS float), FLOOR(level + CAST(:dust AS float))) AS given
            FROM (
                SELECT GREATEST(kept.since, :now) AS at, LEAST(
                    CAST(:most AS float),
                    kept.tokens + CAST(:rate AS float)
                        * EXTRACT(EPOCH FROM GREATEST(kept.since, :now) - kept.since)
                ) AS level
            ) AS filled
        ) AS shared_out
    )
    RETURNING granted, tokens
    """
)

_SCRIPT: Final = """
local rate, most, wanted, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'since')
local since = tonumber(kept[2]) or now
local at = math.max(now, since)
local level = math.min(most, (tonumber(kept[1]) or most) + (at - since) * rate)
local given = math.min(wanted, math.floor(level + tonumber(ARGV[5])))
level = string.format('%.9f', level - given)
redis.call('HSET', KEYS[1], 'tokens', level, 'since', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {given, level}
"""


class PostgresRates:
    """Buckets in the node's database."""

    def __init__(self, uow_factory: UnitOfWorkFactory) -> None:
        self._uow_factory = uow_factory

    async def lease(self, subscriber_id: str, terms: Terms, *, wanted: int, now: datetime) -> Lease:
        """Take up to `wanted` whole tokens, as one step. Raises: RatesUnavailable."""
        values: dict[str, Any] = {
            "peer": subscriber_id,
            "most": terms.most,
            "rate": terms.per_second,
            "wanted": float(wanted),
            "dust": DUST,
            "now": now,
        }
        try:
            async with self._uow_factory() as uow:
                granted, tokens = (await uow.connection.execute(_UPSERT, values)).one()
        except DATABASE_ERRORS as error:
            raise RatesUnavailable(repr(error)) from error
        return Lease(int(granted), float(tokens))


class RedisRates:
    """Buckets in a Redis; each lives as long as it is not full."""

    def __init__(self, redis: Redis, *, node: str) -> None:
        """Use `redis` for the peers of `node`, named by its subscriber id."""
        self._redis = redis
        self._script = redis.register_script(_SCRIPT)
        self._node = node

    async def lease(self, subscriber_id: str, terms: Terms, *, wanted: int, now: datetime) -> Lease:
        """Take up to `wanted` whole tokens, as one step. Raises: RatesUnavailable."""
        full_after = ceil(1_000 * terms.most / terms.per_second) + 1_000  # ms
        arguments = (terms.per_second, terms.most, wanted, f"{now.timestamp():.6f}", DUST, full_after)
        try:
            granted, level = await self._script(
                keys=[f"degnode:rate:{derived_id(self._node, subscriber_id)}"], args=arguments
            )
        except (RedisError, OSError) as error:
            raise RatesUnavailable(repr(error)) from error
        return Lease(int(granted), float(level))

    async def close(self) -> None:
        await self._redis.aclose()
