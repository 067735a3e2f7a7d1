"""How each peer is doing, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from storage.backoff import Backoff
from storage.peers import PeerHealth, find_unhealthy, record_failure, record_heard
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import NOW, PEER

BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))


async def fail(
    uow_factory: UnitOfWorkFactory, *, now: datetime, tried_at: datetime | None = None, error: str = "refused"
) -> None:
    async with uow_factory() as uow:
        await record_failure(
            uow.connection,
            subscriber_id=PEER,
            error=error,
            tried_at=tried_at or now,
            now=now,
            backoff=BACKOFF,
        )


async def unhealthy(uow_factory: UnitOfWorkFactory) -> list[PeerHealth]:
    async with uow_factory() as uow:
        return await find_unhealthy(uow.connection)


def health(failures: int, blocked_until: datetime, error: str = "refused") -> PeerHealth:
    return PeerHealth(subscriber_id=PEER, failures=failures, blocked_until=blocked_until, last_error=error)


async def test_a_peer_is_left_alone_for_longer_each_time(uow_factory: UnitOfWorkFactory) -> None:
    now = NOW
    for failures, seconds in ((1, 1), (2, 2), (3, 4)):
        await fail(uow_factory, now=now)
        now += timedelta(seconds=seconds)
        assert await unhealthy(uow_factory) == [health(failures, now)]


async def test_messages_that_were_sent_before_the_block_do_not_count_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await fail(uow_factory, now=NOW)
    for _ in range(5):
        await fail(uow_factory, now=NOW + timedelta(seconds=9), tried_at=NOW, error="late")
    assert await unhealthy(uow_factory) == [health(1, NOW + timedelta(seconds=1))]


async def test_being_heard_clears_the_peers_failures(uow_factory: UnitOfWorkFactory) -> None:
    await fail(uow_factory, now=NOW)
    async with uow_factory() as uow:
        await record_heard(uow.connection, subscriber_id=PEER)
        await record_heard(uow.connection, subscriber_id="bap.unheard.example")
    assert await unhealthy(uow_factory) == []
    await fail(uow_factory, now=NOW, error="again")
    assert await unhealthy(uow_factory) == [health(1, NOW + timedelta(seconds=1), "again")]


async def test_two_first_failures_at_once_are_one_block(uow_factory: UnitOfWorkFactory) -> None:
    await asyncio.gather(*(fail(uow_factory, now=NOW) for _ in range(2)))
    assert await unhealthy(uow_factory) == [health(1, NOW + timedelta(seconds=1))]
