"""Keys that changed, or are distrusted: gone from memory at once, under each of their names."""

from __future__ import annotations

import asyncio

import pytest

from kernel.clock import ManualClock
from protocol.errors import KeyExpired, KeyUnknown, SubscriberUnknown
from registry_client.keyring import KeyDistrusted
from registry_client.subscriber import SubscriberRecord, SubscriberRole, SubscriberStatus
from tests.support.keyrings import BusyDirectory, ask, ring_of
from tests.support.subscribers import BPP, NOW, CountingDirectory, record


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


async def test_a_distrusted_key_is_refused_at_once_and_another_is_not(clock: ManualClock) -> None:
    directory = CountingDirectory(stolen := record("k1"), other := record("k2"))
    ring = ring_of(directory, clock)
    assert (await ask(ring, "k1"), await ask(ring, "k2")) == (stolen, other)
    ring.distrust([(BPP, "k1")])
    assert ring.cached(BPP, "k1", NOW) is None
    with pytest.raises(KeyDistrusted, match="no longer believed here"):
        await ask(ring, "k1")
    assert ring.cached(BPP, "k2", NOW) == other
    ring.distrust([])
    assert await ask(ring, "k1") == stolen


async def test_a_key_that_is_distrusted_while_it_is_looked_up_is_refused(clock: ManualClock) -> None:
    directory = BusyDirectory(record())
    directory.gate.clear()
    ring = ring_of(directory, clock)
    asking = asyncio.create_task(ask(ring))
    await directory.wait_for(1, of=BPP)
    ring.distrust([(BPP, "k1")])
    directory.gate.set()
    with pytest.raises(KeyDistrusted):
        await asking
    assert ring.cached(BPP, "k1", NOW) is None


async def test_a_key_that_has_changed_is_asked_for_anew(clock: ManualClock) -> None:
    directory = CountingDirectory(record("k1"), record("k2"))
    ring = ring_of(directory, clock)
    await ask(ring, "k1")
    await ask(ring, "k2")
    await ring.endpoint_of(BPP, SubscriberRole.BPP)
    directory.replace(record("k1", status=SubscriberStatus.UNSUBSCRIBED), record("k2"))
    await ring.forget(subscriber=BPP, key_id="k1")
    assert ring.cached(BPP, "k1", NOW) is None
    assert ring.cached(BPP, "k2", NOW)
    with pytest.raises(KeyExpired):
        await ask(ring, "k1")
    moved = record("k2", url="https://elsewhere.example.com")
    directory.replace(moved)
    await ring.forget(subscriber=BPP, key_id="k2")
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == moved.url


async def test_an_answer_that_was_overtaken_by_a_change_is_not_kept(clock: ManualClock) -> None:
    directory = BusyDirectory(record())
    directory.gate.clear()
    ring = ring_of(directory, clock)
    early = asyncio.create_task(ask(ring))
    await directory.wait_for(1, of=BPP)
    await ring.forget(subscriber=BPP, key_id="k1")
    late = asyncio.create_task(ask(ring))
    await directory.wait_for(2, of=BPP)  # the late one does not share the early one's answer
    directory.replace()
    directory.gate.set()
    await asyncio.gather(early, late, return_exceptions=True)
    assert ring.cached(BPP, "k1", NOW) is None


async def test_a_newcomer_is_let_in_once_the_registry_tells_of_it(clock: ManualClock) -> None:
    directory = CountingDirectory()
    ring = ring_of(directory, clock)
    with pytest.raises(SubscriberUnknown):
        await ask(ring, "k1")
    directory.replace(newcomer := record("k2"))
    await ring.forget(subscriber=BPP, key_id="k2")
    assert await ask(ring, "k2") == newcomer


async def test_everything_is_asked_for_anew_when_changes_may_have_been_missed(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    await ring.endpoint_of(BPP, SubscriberRole.BPP)
    ring.forget_all()
    await ask(ring)
    await ring.endpoint_of(BPP, SubscriberRole.BPP)
    assert len(directory.questions) == 4


async def test_whoever_asks_after_that_shares_no_answer_from_before(clock: ManualClock) -> None:
    directory = BusyDirectory(record())
    directory.gate.clear()
    ring = ring_of(directory, clock)
    early = asyncio.create_task(ask(ring))
    await directory.wait_for(1, of=BPP)
    ring.forget_all()
    late = asyncio.create_task(ask(ring))
    await directory.wait_for(2, of=BPP)
    directory.gate.set()
    assert await early == await late


async def test_a_key_named_by_its_record_is_its_subscribers(clock: ManualClock) -> None:
    named = record("k1")

    class ByRecord(CountingDirectory):
        async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
            self.questions.append((subscriber_id, key_id))
            return [named] if key_id == f"{BPP}/keys/k1" else []

    directory = ByRecord()
    ring = ring_of(directory, clock)
    assert await ask(ring, f"{BPP}/keys/k1", subscriber="") == named
    assert ring.cached("", f"{BPP}/keys/k1", NOW) == named
    ring.distrust([(BPP, "k1")])
    with pytest.raises(KeyDistrusted):
        await ask(ring, f"{BPP}/keys/k1", subscriber="")
    ring.distrust([])
    await ask(ring, f"{BPP}/keys/k1", subscriber="")
    await ring.forget(subscriber=BPP, key_id="k1")
    assert ring.cached("", f"{BPP}/keys/k1", NOW) is None
    with pytest.raises(KeyUnknown, match="no record 'a/b/c'"):
        await ask(ring, "a/b/c", subscriber="")
