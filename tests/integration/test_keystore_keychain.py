"""A process's keychain: it signs with the right key, and follows what other processes do to the keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from kernel.clock import ManualClock
from kernel.errors import NodeError
from keystore.keychain import Keychain, NoValidKey
from keystore.local_key_manager import LocalKeyManager, SealBroken
from keystore.ports import KeyManager
from keystore.rotation import revoke, rotate
from keystore.store import add_key_set, record_announced
from keystore.vault_key_manager import VaultUnusable
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.key_sets import HOUR, NOW, SUBSCRIBER, key_manager, sealed
from tests.support.waiting import eventually


class Fickle:
    """A key manager that may be away, and counts what it opens."""

    name = "fickle"

    def __init__(self) -> None:
        self.away, self.opened = False, 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def seal(self, plain: bytes, *, label: str) -> bytes:
        return await key_manager().seal(plain, label=label)

    async def open(self, sealed: bytes, *, label: str) -> bytes:
        await self.answers.wait()
        if self.away:
            raise VaultUnusable("away")
        self.opened += 1
        return await key_manager().open(sealed, label=label)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def keychain_of(
    uow_factory: UnitOfWorkFactory, clock: ManualClock, manager: KeyManager | None = None
) -> Keychain:
    return Keychain(
        subscriber_id=SUBSCRIBER,
        uow_factory=uow_factory,
        key_manager=manager or key_manager(),
        clock=clock,
        validity=timedelta(minutes=1),
        retry_seconds=0.02,
    )


@asynccontextmanager
async def following(database: Database, keychain: Keychain) -> AsyncIterator[Listener]:
    """Let the keychain follow changes, as it does in a process of its own."""
    listener = Listener(database, retry_seconds=0.02)
    keychain.listen_on(listener)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()
        await keychain.close()


async def add(uow_factory: UnitOfWorkFactory, *names: str) -> None:
    async with uow_factory() as uow:
        for name in names:
            await add_key_set(uow, await sealed(name))


async def revoke_now(uow_factory: UnitOfWorkFactory, key_id: str) -> None:
    async with uow_factory() as uow:
        await revoke(uow, subscriber_id=SUBSCRIBER, key_id=key_id, why="lost", now=NOW)


NONE = "none"


def signing(keychain: Keychain) -> str:
    """Return the name of the key that signs now."""
    try:
        return keychain.at(keychain.clock.now()).key_id
    except NoValidKey:
        return NONE


async def signs_with(keychain: Keychain, key_id: str) -> None:
    """Return once that key signs."""

    async def seen() -> str:
        return signing(keychain)

    await eventually(seen, key_id)


@asynccontextmanager
async def following_a_fickle_manager(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> AsyncIterator[tuple[Keychain, Fickle]]:
    """Let a keychain with two sets follow changes, whose key manager does as a test says."""
    await add(uow_factory, "k1", "k2")
    manager = Fickle()
    keychain = keychain_of(uow_factory, clock, manager)
    async with following(database, keychain):
        await signs_with(keychain, "k2")
        yield keychain, manager


async def test_it_signs_for_its_subscriber_and_never_beyond_the_keys_end(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    async with uow_factory() as uow:
        await add_key_set(uow, await sealed(valid_until=NOW + timedelta(seconds=30)))
    keychain = keychain_of(uow_factory, clock)
    await keychain.reload()
    signer = keychain.at(NOW)
    assert (signer.subscriber_id, signer.key_id) == (SUBSCRIBER, "k1")
    assert signer.public_key == keychain.sets()[0].signing_public_key
    created, expires = signer.window(NOW)
    assert expires - created == 30
    assert keychain.at(NOW) is signer  # nothing is chosen twice


async def test_keys_come_and_go_with_time_alone(uow_factory: UnitOfWorkFactory, clock: ManualClock) -> None:
    async with uow_factory() as uow:
        await add_key_set(uow, await sealed("k1", valid_until=NOW + 2 * HOUR))
        await add_key_set(uow, await sealed("k2", valid_from=NOW + HOUR, valid_until=NOW + 3 * HOUR))
    keychain = keychain_of(uow_factory, clock)
    await keychain.reload()
    seen = [signing(keychain)]
    for _ in range(3):
        clock.advance(HOUR)
        seen.append(signing(keychain))
    assert seen == ["k1", "k2", "k2", NONE]
    clock.set(NOW)
    assert signing(keychain) == "k1"  # a clock that is set back is no trap


async def test_without_a_valid_key_it_says_what_there_is_and_what_to_do(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    keychain = keychain_of(uow_factory, clock)
    await keychain.reload()
    with pytest.raises(NoValidKey, match="none at all"):
        keychain.at(NOW)
    await add(uow_factory, "k1")
    await revoke_now(uow_factory, "k1")
    await keychain.reload()
    with pytest.raises(NoValidKey, match="k1 revoked") as refusal:
        keychain.at(NOW)
    assert "degnode keys" in str(refusal.value)
    with pytest.raises(NoValidKey):
        keychain.encryption_key()


async def test_a_key_may_be_unheard_of_while_it_is_news_and_once_another_signs(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    keychain = keychain_of(uow_factory, clock)
    await add(uow_factory, "k1")
    await keychain.reload()
    assert not keychain.may_be_unheard_of("k1", NOW)  # nobody was ever told of any
    async with uow_factory() as uow:
        await record_announced(uow, keychain.sets(), now=NOW - HOUR)
    await keychain.reload()
    assert not keychain.may_be_unheard_of("k1", NOW)
    await add(uow_factory, "k2")
    await revoke_now(uow_factory, "k1")
    await keychain.reload()
    assert [keychain.may_be_unheard_of(name, NOW) for name in ("k1", "k2")] == [True, True]
    await revoke_now(uow_factory, "k2")
    await keychain.reload()
    assert keychain.may_be_unheard_of("k2", NOW)  # nothing signs, so far


async def test_challenges_are_read_with_the_newest_set_or_the_one_asked_for(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1")
    async with uow_factory() as uow:
        await add_key_set(uow, await sealed("k2", valid_from=NOW + HOUR))
    keychain = keychain_of(uow_factory, clock)
    await keychain.reload()
    first, second = keychain.sets()
    assert keychain.encryption_key().public_key == second.encryption_public_key
    assert keychain.encryption_key("k1").public_key == first.encryption_public_key
    assert signing(keychain) == "k1"
    assert keychain.signer_of("k2").public_key == second.signing_public_key
    for ask in (keychain.encryption_key, keychain.signer_of):
        with pytest.raises(NoValidKey, match="k3"):
            ask("k3")


async def test_a_change_is_followed_by_every_process(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1")
    keychains = [keychain_of(uow_factory, clock) for _ in range(2)]

    async def seen() -> list[str]:
        return [signing(keychain) for keychain in keychains]

    async with following(database, keychains[0]), following(database, keychains[1]):
        await eventually(seen, ["k1", "k1"])
        async with uow_factory() as uow:
            await record_announced(uow, keychains[0].sets(), now=NOW)
            await rotate(uow, new=await sealed("k2"))
        await eventually(lambda: _count(keychains), [2, 2])
        assert await seen() == ["k1", "k1"]  # the registry does not know the new one yet
        async with uow_factory() as uow:
            await record_announced(uow, keychains[1].sets(), now=NOW)
        await eventually(seen, ["k2", "k2"])
        await revoke_now(uow_factory, "k2")
        await eventually(seen, ["k1", "k1"])
        await revoke_now(uow_factory, "k1")
        await eventually(seen, [NONE, NONE])


async def _count(keychains: list[Keychain]) -> list[int]:
    return [len(keychain.sets()) for keychain in keychains]


async def test_a_change_of_others_keys_is_none_of_ours(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1")
    keychain = keychain_of(uow_factory, clock)
    async with following(database, keychain):
        await eventually(lambda: _count([keychain]), [1])
        before = keychain.at(NOW)
        async with uow_factory() as uow:
            await add_key_set(uow, await sealed(subscriber_id="other.example"))
        await add(uow_factory, "k2")
        await eventually(lambda: _count([keychain]), [2])
    assert {each.subscriber_id for each in keychain.sets()} == {SUBSCRIBER}
    assert before.subscriber_id == SUBSCRIBER


async def test_what_was_revoked_while_nobody_listened_stops_with_the_next_connection(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1", "k2")
    keychain = keychain_of(uow_factory, clock)
    async with following(database, keychain):
        await signs_with(keychain, "k2")
        async with uow_factory() as uow:
            await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k2", why="lost", now=NOW)
            await uow.connection.execute(text("SELECT pg_notify('degnode_keys', 'x')"))
            await uow.connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
        await signs_with(keychain, "k1")


async def test_a_set_is_opened_once_however_often_it_is_read(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1", "k2")
    await revoke_now(uow_factory, "k2")
    manager = Fickle()
    keychain = keychain_of(uow_factory, clock, manager)
    for _ in range(3):
        await keychain.reload()
    assert manager.opened == 2  # both halves of the one that can still count


async def test_a_revoked_key_stops_even_while_the_key_manager_is_away(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    async with following_a_fickle_manager(database, uow_factory, clock) as (keychain, manager):
        manager.away = True
        async with uow_factory() as uow:
            await rotate(uow, new=await sealed("k3"))
            await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k2", why="lost", now=NOW)
        await signs_with(keychain, "k1")
        manager.away = False
        await signs_with(keychain, "k3")


async def test_a_revoked_key_stops_before_a_slow_key_manager_has_opened_the_next(
    database: Database, uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    async with following_a_fickle_manager(database, uow_factory, clock) as (keychain, manager):
        manager.answers.clear()
        await add(uow_factory, "k3")
        await revoke_now(uow_factory, "k2")
        await signs_with(keychain, "k1")
        manager.answers.set()
        await signs_with(keychain, "k3")


async def test_at_the_start_a_key_manager_that_is_away_is_an_error(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1")
    manager = Fickle()
    manager.away = True
    with pytest.raises(VaultUnusable):
        await keychain_of(uow_factory, clock, manager).reload()


async def test_one_set_that_cannot_be_opened_does_not_stop_the_others(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    other = LocalKeyManager([bytes(32)])
    async with uow_factory() as uow:
        await add_key_set(uow, await sealed("k1", key_manager=other))
    keychain = keychain_of(uow_factory, clock)
    with pytest.raises(SealBroken):
        await keychain.reload()
    await add(uow_factory, "k2")
    await keychain.reload()
    assert signing(keychain) == "k2"


async def test_many_readings_at_once_end_with_the_newest_view(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    await add(uow_factory, "k1")
    keychain = keychain_of(uow_factory, clock)
    readings = [asyncio.create_task(keychain.reload()) for _ in range(5)]
    await add(uow_factory, "k2")
    await asyncio.gather(*readings, keychain.reload())
    assert signing(keychain) == "k2"


def test_an_error_of_the_keychain_is_one_to_try_again() -> None:
    assert issubclass(NoValidKey, NodeError)
    assert NoValidKey.retryable
