"""How each peer is doing, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from storage.backoff import Backoff
from storage.peers import (
    PeerHealth,
    find_wire,
    list_peers,
    record_failure,
    record_heard,
    record_message,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import NOW, PEER
from tests.support.peers import unhealthy_peers

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
        return await unhealthy_peers(uow.connection)


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


async def hear(uow_factory: UnitOfWorkFactory, *, profile: str, at: datetime, skew: float = 0.5) -> None:
    async with uow_factory() as uow:
        await record_message(
            uow.connection,
            subscriber_id=PEER,
            profile=profile,
            clock_skew=timedelta(seconds=skew),
            at=at,
        )


async def known(uow_factory: UnitOfWorkFactory) -> list[PeerHealth]:
    async with uow_factory() as uow:
        return await list_peers(uow.connection)


async def test_a_message_tells_the_wire_and_the_clock_of_its_sender(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_lts", at=NOW)
    (peer,) = await known(uow_factory)
    assert (peer.profile, peer.clock_skew, peer.heard_at) == ("v2_lts", timedelta(seconds=0.5), NOW)
    async with uow_factory() as uow:
        assert await find_wire(uow.connection, PEER) == "v2_lts"
        assert await find_wire(uow.connection, "nobody.example") is None


async def test_what_is_known_and_fresh_is_not_written_again(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_rc", at=NOW)
    await hear(uow_factory, profile="v2_rc", at=NOW + timedelta(seconds=30), skew=3)
    (peer,) = await known(uow_factory)
    assert (peer.heard_at, peer.clock_skew) == (NOW, timedelta(seconds=0.5))
    await hear(uow_factory, profile="v2_rc", at=NOW + timedelta(seconds=61), skew=3)
    (peer,) = await known(uow_factory)
    assert peer.clock_skew == timedelta(seconds=3)


async def test_another_wire_is_learnt_at_once(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_rc", at=NOW)
    await hear(uow_factory, profile="v1_1", at=NOW + timedelta(seconds=1))
    (peer,) = await known(uow_factory)
    assert peer.profile == "v1_1"


async def test_a_message_ends_failures(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_rc", at=NOW)
    await fail(uow_factory, now=NOW)
    await hear(uow_factory, profile="v2_rc", at=NOW + timedelta(seconds=1))
    assert await unhealthy(uow_factory) == []


async def test_an_older_message_tells_nothing_new(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_lts", at=NOW)
    await hear(uow_factory, profile="v2_rc", at=NOW - timedelta(seconds=1))
    (peer,) = await known(uow_factory)
    assert (peer.profile, peer.heard_at) == ("v2_lts", NOW)


async def test_messages_of_one_peer_do_not_wait_for_each_other(uow_factory: UnitOfWorkFactory) -> None:
    await hear(uow_factory, profile="v2_rc", at=NOW)
    async with uow_factory() as uow, asyncio.timeout(10):
        await record_message(
            uow.connection, subscriber_id=PEER, profile="v2_rc", clock_skew=timedelta(), at=NOW
        )
        await hear(uow_factory, profile="v2_rc", at=NOW)
