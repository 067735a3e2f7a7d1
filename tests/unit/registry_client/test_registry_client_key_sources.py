"""Memory, then Redis, then the database, then the registry: who is asked, and who is told."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from kernel.clock import ManualClock
from protocol.errors import KeyUnknown, RegistryUnavailable
from registry_client.answer import KeyAnswer
from registry_client.key_sources import KeySources
from registry_client.key_times import KeyTimes, LookupBounds
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberRecord
from tests.support.subscribers import BPP, NOW, CountingDirectory, record

MINUTE = timedelta(minutes=1)


class MemoryStore:
    """Remembers in memory, and can be held up while it is told, or before it tells."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], KeyAnswer] = {}
        self.gate, self.is_told = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.reading, self.forgetting = asyncio.Event(), asyncio.Event()
        self.reading.set()
        self.forgetting.set()

    async def find(self, *, subscriber: str, key_id: str) -> KeyAnswer | None:
        found = self.answers.get((subscriber, key_id))
        await self.reading.wait()
        return found

    async def put(self, answer: KeyAnswer, *, now: datetime) -> None:
        self.is_told.set()
        await self.gate.wait()
        self.answers[(answer.subscriber, answer.key_id)] = answer

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        await self.forgetting.wait()
        self.answers.pop((subscriber, key_id), None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def sources_of(directory: CountingDirectory, store: MemoryStore, clock: ManualClock) -> KeySources:
    return KeySources(directory, clock=clock, times=KeyTimes(), bounds=LookupBounds(), store=store)


async def learn(sources: KeySources, remembered: KeyAnswer | None = None) -> tuple[SubscriberRecord, ...]:
    return (await sources.learn(subscriber=BPP, key_id="k1", remembered=remembered)).records


async def test_what_the_store_knows_is_not_asked_for(clock: ManualClock, store: MemoryStore) -> None:
    directory = CountingDirectory(known := record())
    assert await learn(sources_of(directory, store, clock)) == (known,)
    assert await learn(sources_of(directory, store, clock)) == (known,)
    assert len(directory.questions) == 1


async def test_what_was_forgotten_while_it_was_put_is_taken_back(
    clock: ManualClock, store: MemoryStore
) -> None:
    store.gate.clear()
    sources = sources_of(CountingDirectory(record()), store, clock)
    learning = asyncio.create_task(learn(sources))
    await store.is_told.wait()
    await sources.forget(subscriber=BPP, key_id="k1")
    store.gate.set()
    await learning
    assert store.answers == {}


async def test_what_was_forgotten_while_it_was_asked_for_is_not_put(
    clock: ManualClock, store: MemoryStore
) -> None:
    sources = sources_of(directory := CountingDirectory(record()), store, clock)
    learning = asyncio.create_task(learn(sources))
    while not directory.questions:  # noqa: ASYNC110  the directory has no event for it
        await asyncio.sleep(0)
    await sources.forget(subscriber=BPP, key_id="k1")
    await learning
    assert store.answers == {}


@pytest.mark.parametrize("is_forgotten_first", [True, False])
async def test_what_was_read_while_it_was_being_forgotten_is_not_remembered(
    clock: ManualClock, store: MemoryStore, is_forgotten_first: bool
) -> None:
    directory = CountingDirectory(old := record())
    await learn(sources_of(directory, store, clock))
    ring = KeyRing(directory, clock=clock, store=store)
    directory.replace(record("k2"))
    store.forgetting.clear()
    store.reading.clear()
    forgetting = asyncio.create_task(ring.forget(subscriber=BPP, key_id="k1"))
    await asyncio.sleep(0)
    asking = asyncio.create_task(ring.key_for(subscriber=BPP, key_id="k1", at=NOW))
    await asyncio.sleep(0)  # it has read what the store is about to forget
    ends = [(store.forgetting, forgetting), (store.reading, asking)]
    for gate, task in ends if is_forgotten_first else reversed(ends):
        gate.set()
        await asyncio.wait([task])
    assert ring.cached(BPP, "k1", NOW) is None
    with pytest.raises(KeyUnknown):
        await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    assert (old,) not in [answer.records for answer in store.answers.values()]


async def test_of_two_old_answers_the_later_one_serves_in_grace(
    clock: ManualClock, store: MemoryStore
) -> None:
    directory = CountingDirectory(old := record())
    sources = sources_of(directory, store, clock)
    await learn(sources)
    remembered = store.answers[(BPP, "k1")]
    clock.advance(10 * MINUTE)
    directory.replace(later := record())
    await learn(sources)
    directory.is_open = False
    clock.advance(10 * MINUTE)
    assert await learn(sources, remembered) == (later,)
    store.answers.clear()
    assert await learn(sources, remembered) == (old,)
    with pytest.raises(RegistryUnavailable):
        await learn(sources)
