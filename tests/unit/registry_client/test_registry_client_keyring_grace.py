"""While the registry is away: what was known serves on for a while, what was not is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.clock import ManualClock
from protocol.errors import KeyExpired, RegistryUnavailable
from registry_client.subscriber import SubscriberRecord, SubscriberRole, SubscriberStatus
from tests.support.keyrings import MINUTE, TIMES, BusyDirectory, ask, ring_of
from tests.support.subscribers import BPP, NOW, CountingDirectory, record


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


async def test_while_the_registry_is_away_a_known_key_serves_for_a_time_of_grace(clock: ManualClock) -> None:
    known = record()
    directory = CountingDirectory(known)
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.is_open = False
    clock.advance(69 * MINUTE)
    assert await ask(ring, at=clock.now()) == known
    clock.advance(MINUTE)
    with pytest.raises(RegistryUnavailable):
        await ask(ring, at=clock.now())


async def test_in_grace_the_registry_is_asked_again_now_and_then(clock: ManualClock) -> None:
    known = record()
    directory = CountingDirectory(known)
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.is_open = False
    clock.advance(10 * MINUTE)
    for _ in range(3):
        assert await ask(ring, at=clock.now()) == known
    assert ring.cached(BPP, "k1", clock.now()) == known
    assert len(directory.questions) == 2
    clock.advance(timedelta(seconds=5))
    assert ring.cached(BPP, "k1", clock.now()) is None
    await ask(ring, at=clock.now())
    assert len(directory.questions) == 3


async def test_a_key_revoked_meanwhile_ends_as_soon_as_the_registry_is_back(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.is_open = False
    clock.advance(10 * MINUTE)
    await ask(ring, at=clock.now())
    directory.is_open = True
    directory.replace(record(status=SubscriberStatus.UNSUBSCRIBED))
    clock.advance(timedelta(seconds=5))
    with pytest.raises(KeyExpired):
        await ask(ring, at=clock.now())
    directory.is_open = False
    clock.advance(timedelta(seconds=30))
    with pytest.raises(RegistryUnavailable):
        await ask(ring, at=clock.now())


async def test_grace_never_outlives_the_key(clock: ManualClock) -> None:
    directory = CountingDirectory(record(valid_until=NOW + timedelta(minutes=12)))
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.is_open = False
    clock.advance(12 * MINUTE - timedelta(seconds=1))
    assert await ask(ring, at=clock.now())
    clock.advance(timedelta(seconds=1))
    assert ring.cached(BPP, "k1", clock.now()) is None
    with pytest.raises(RegistryUnavailable):
        await ask(ring, at=clock.now())


async def test_a_stranger_is_refused_retryably_while_the_registry_is_away(clock: ManualClock) -> None:
    directory = CountingDirectory()
    directory.is_open = False
    with pytest.raises(RegistryUnavailable) as refusal:
        await ask(ring_of(directory, clock))
    assert refusal.value.retryable


async def test_what_strangers_ask_in_vain_does_not_lengthen_the_life_of_a_key(clock: ManualClock) -> None:
    class Choking(CountingDirectory):
        async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
            if subscriber_id != BPP:
                raise RegistryUnavailable("the registry chokes on it")
            return await super().find_key(subscriber_id=subscriber_id, key_id=key_id)

    directory = Choking(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    clock.advance(10 * MINUTE)
    directory.replace(record(status=SubscriberStatus.UNSUBSCRIBED))
    with pytest.raises(RegistryUnavailable):
        await ask(ring, subscriber="mallory")
    with pytest.raises(KeyExpired):
        await ask(ring, at=clock.now())


async def test_a_registry_that_hangs_is_not_waited_for_by_those_who_are_known(clock: ManualClock) -> None:
    directory = BusyDirectory(known := record())
    ring = ring_of(directory, clock, times=replace(TIMES, patience=timedelta(milliseconds=10)))
    await ask(ring)
    clock.advance(10 * MINUTE)
    directory.gate.clear()
    assert await ask(ring, at=clock.now()) == known


async def test_an_endpoint_serves_on_while_the_registry_is_away(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    url = await ring.endpoint_of(BPP, SubscriberRole.BPP)
    directory.is_open = False
    clock.advance(10 * MINUTE)
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == url
    clock.advance(60 * MINUTE)
    with pytest.raises(RegistryUnavailable):
        await ring.endpoint_of(BPP, SubscriberRole.BPP)


async def test_whoever_was_heard_is_found_while_the_registry_is_away(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.is_open = False
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == "https://bpp.example.com/beckn"
    with pytest.raises(RegistryUnavailable):
        await ring.endpoint_of("bpp.elsewhere.example", SubscriberRole.BPP)
    directory.is_open = True
    await ring.endpoint_of(BPP, SubscriberRole.BPP)
    assert len(directory.questions) == 3  # what was known along with the key served only for a moment
