"""Peers' keys in a real database: known after a restart, forgotten when they change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from node.known_keys import KnownKeys
from node.tables import known_keys
from protocol.errors import KeyExpired, RegistryUnavailable, SubscriberUnknown
from registry_client.keyring import KeyRing
from registry_client.subscriber import Place, SubscriberRecord
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.subscribers import BPP, NOW, CountingDirectory, record

NETWORK = "https://registry.example.com"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(uow_factory: UnitOfWorkFactory) -> KnownKeys:
    return KnownKeys(uow_factory, network=NETWORK)


def ring_of(directory: CountingDirectory, store: KnownKeys, clock: ManualClock) -> KeyRing:
    return KeyRing(directory, clock=clock, store=store)


async def ask(
    ring: KeyRing, clock: ManualClock, key_id: str = "k1", *, subscriber: str = BPP
) -> SubscriberRecord:
    return await ring.key_for(subscriber=subscriber, key_id=key_id, at=clock.now())


async def count(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        return (await uow.connection.execute(select(func.count()).select_from(known_keys))).scalar_one()


async def test_a_key_is_known_after_a_restart_without_asking(store: KnownKeys, clock: ManualClock) -> None:
    known = record(
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=1),
        network_memberships=("beckn.one/testnet",),
        place=Place(country="IND", city="std:080"),
    )
    await ask(ring_of(CountingDirectory(known), store, clock), clock)
    deaf = CountingDirectory()
    deaf.is_open = False
    assert await ask(ring_of(deaf, store, clock), clock) == known
    assert deaf.questions == []


async def test_after_a_restart_an_old_key_serves_in_grace_while_the_registry_is_away(
    store: KnownKeys, clock: ManualClock
) -> None:
    directory = CountingDirectory(known := record())
    await ask(ring_of(directory, store, clock), clock)
    clock.advance(timedelta(minutes=69))
    directory.is_open = False
    assert await ask(ring_of(directory, store, clock), clock) == known
    clock.advance(timedelta(minutes=1))
    with pytest.raises(RegistryUnavailable):
        await ask(ring_of(directory, store, clock), clock)


async def test_an_old_key_is_asked_for_while_the_registry_is_there(
    store: KnownKeys, clock: ManualClock
) -> None:
    directory = CountingDirectory(record())
    await ask(ring_of(directory, store, clock), clock)
    clock.advance(timedelta(minutes=10))
    directory.replace(renewed := record())
    assert await ask(ring_of(directory, store, clock), clock) == renewed
    directory.is_open = False
    assert await ask(ring_of(directory, store, clock), clock) == renewed


async def test_a_key_that_was_withdrawn_is_no_longer_known(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    directory = CountingDirectory(record())
    await ask(ring_of(directory, store, clock), clock)
    assert await count(uow_factory) == 1
    clock.advance(timedelta(minutes=10))
    directory.replace()
    with pytest.raises(SubscriberUnknown):
        await ask(ring_of(directory, store, clock), clock)
    assert await count(uow_factory) == 0


async def test_strangers_and_expired_keys_leave_no_row(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    ring = ring_of(CountingDirectory(record(valid_until=NOW)), store, clock)
    with pytest.raises(KeyExpired):
        await ask(ring, clock)
    for number in range(5):
        with pytest.raises(SubscriberUnknown):
            await ask(ring, clock, subscriber=f"stranger-{number}")
    assert await count(uow_factory) == 0


async def test_a_change_is_forgotten_under_each_name_of_the_key(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    class ByRecord(CountingDirectory):
        async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
            return [record(key_id.rpartition("/")[2])]

    ring = ring_of(ByRecord(), store, clock)
    for subscriber, key_id in ((BPP, "k1"), (BPP, "k2"), ("", f"{BPP}/keys/k1"), ("", f"{BPP}/keys/k2")):
        await ask(ring, clock, key_id, subscriber=subscriber)
    assert await count(uow_factory) == 4
    await ring_of(ByRecord(), store, clock).forget(subscriber=BPP, key_id="k1")
    assert await count(uow_factory) == 2


async def test_networks_do_not_mix(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    await ask(ring_of(CountingDirectory(record()), store, clock), clock)
    elsewhere = KnownKeys(uow_factory, network="https://other.example.com")
    assert await elsewhere.find(subscriber=BPP, key_id="k1") is None
    await elsewhere.forget_all()
    assert await count(uow_factory) == 1
    await store.forget_all()
    assert await count(uow_factory) == 0


async def test_what_is_of_no_more_use_is_removed(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    await ask(ring_of(CountingDirectory(record()), store, clock), clock)
    await store.forget_before(NOW + timedelta(minutes=10))
    assert await count(uow_factory) == 1
    await store.forget_before(NOW + timedelta(minutes=10, microseconds=1))
    assert await count(uow_factory) == 0


async def test_nonsense_in_the_database_is_passed_by(
    store: KnownKeys, clock: ManualClock, uow_factory: UnitOfWorkFactory
) -> None:
    directory = CountingDirectory(known := record())
    await ask(ring_of(directory, store, clock), clock)
    async with uow_factory() as uow:
        await uow.connection.execute(text("UPDATE known_keys SET answer = '{}'"))
    assert await ask(ring_of(directory, store, clock), clock) == known


async def test_names_that_a_database_does_not_keep_are_looked_up_all_the_same(
    store: KnownKeys, clock: ManualClock
) -> None:
    ring = ring_of(CountingDirectory(record("k\x00")), store, clock)
    assert await ask(ring, clock, "k\x00")
    await ring.forget(subscriber=BPP, key_id="k\x00")


async def test_a_database_that_is_away_knows_nothing_and_is_in_nobodys_way(clock: ManualClock) -> None:
    nowhere = Database.connect("postgresql://nobody@127.0.0.1:9/nothing")
    store = KnownKeys(UnitOfWorkFactory(nowhere), network=NETWORK)
    with capture_logs() as logs:
        assert await ask(ring_of(CountingDirectory(known := record()), store, clock), clock) == known
    assert [entry["event"] for entry in logs] == ["known_keys.not_read", "known_keys.not_kept"]
    await nowhere.close()


async def test_how_far_changes_were_followed_is_kept(store: KnownKeys) -> None:
    assert await store.last_change() is None
    for number in (7, 9):
        await store.record_change(number)
        assert await store.last_change() == number
