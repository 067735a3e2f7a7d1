"""Key sets in the database: made, rotated with an overlap, revoked, announced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from keystore.key_set import KeySet, KeyState, choose
from keystore.rotation import (
    KeyNameTaken,
    KeyRequestInvalid,
    KeySetNotFound,
    add_beside,
    make_next_key_set,
    revoke,
    rotate,
)
from keystore.store import (
    add_key_set,
    find_key_sets,
    forget_announcements,
    list_subscribers,
    record_announced,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.key_sets import HOUR, NOW, SUBSCRIBER, key_manager, sealed

DAY = timedelta(days=1)


async def keep(uow_factory: UnitOfWorkFactory, *sets: KeySet) -> None:
    async with uow_factory() as uow:
        for each in sets:
            assert await add_key_set(uow, each)


async def kept(uow_factory: UnitOfWorkFactory) -> dict[str, KeySet]:
    async with uow_factory() as uow:
        found = await find_key_sets(uow.connection, subscriber_id=SUBSCRIBER)
    return {each.key_id: each for each in found}


async def test_a_set_is_kept_as_it_was_made(uow_factory: UnitOfWorkFactory) -> None:
    made = await sealed(valid_until=NOW + DAY)
    await keep(uow_factory, made, await sealed(subscriber_id="other.example"))
    assert await kept(uow_factory) == {"k1": made}
    async with uow_factory() as uow:
        assert await list_subscribers(uow.connection) == [SUBSCRIBER, "other.example"]


async def test_a_name_is_given_once(uow_factory: UnitOfWorkFactory) -> None:
    made = await sealed()
    await keep(uow_factory, made)
    async with uow_factory() as uow:
        assert not await add_key_set(uow, await sealed())
    with pytest.raises(KeyNameTaken):
        async with uow_factory() as uow:
            await add_beside(uow, await sealed())
    assert await kept(uow_factory) == {"k1": made}


async def test_after_a_rotation_both_are_valid_until_the_overlap_is_over(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await keep(uow_factory, await sealed(valid_from=NOW - DAY, now=NOW - DAY))
    async with uow_factory() as uow:
        done = await rotate(uow, new=await sealed("k2"), overlap=HOUR)
    assert (done.ended, done.old_end) == (("k1",), NOW + HOUR)
    sets = await kept(uow_factory)
    assert [each.state(NOW) for each in sets.values()] == [KeyState.VALID, KeyState.VALID]
    assert sets["k1"].state(NOW + HOUR) is KeyState.EXPIRED
    assert sets["k2"].valid_until is None
    assert (sets["k1"].revision, sets["k2"].revision) == (2, 1)


async def test_a_rotation_lengthens_nothing_and_leaves_alone_what_comes_later(
    uow_factory: UnitOfWorkFactory,
) -> None:
    ending = await sealed(valid_from=NOW - DAY, valid_until=NOW + HOUR)
    coming = await sealed("k3", valid_from=NOW + DAY)
    await keep(uow_factory, ending, coming, await sealed("gone"))
    async with uow_factory() as uow:
        await revoke(uow, subscriber_id=SUBSCRIBER, key_id="gone", why="lost", now=NOW)
    gone = (await kept(uow_factory))["gone"]
    async with uow_factory() as uow:
        done = await rotate(uow, new=await sealed("k2"), overlap=DAY)
    assert done.ended == ()
    sets = await kept(uow_factory)
    assert (sets["k1"], sets["k3"], sets["gone"]) == (ending, coming, gone)


async def test_two_rotations_within_a_second_leave_no_set_without_an_end_but_the_last(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await keep(uow_factory, await sealed())
    for name in ("k2", "k3"):
        async with uow_factory() as uow:
            await rotate(uow, new=await sealed(name), overlap=timedelta())
    sets = await kept(uow_factory)
    assert {name: each.state(NOW) for name, each in sets.items()} == {
        "k1": KeyState.EXPIRED,
        "k2": KeyState.EXPIRED,
        "k3": KeyState.VALID,
    }


async def test_a_new_set_signs_once_the_registry_knows_it_and_the_old_one_until_then(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await keep(uow_factory, await sealed(valid_from=NOW - DAY))
    async with uow_factory() as uow:
        await record_announced(uow, list((await kept(uow_factory)).values()), now=NOW)
        await rotate(uow, new=await sealed("k2"), overlap=HOUR)
    sets = await kept(uow_factory)
    assert choose(sets.values(), NOW) is sets["k1"]
    assert all(each.must_be_announced(NOW) for each in sets.values())
    async with uow_factory() as uow:
        await record_announced(uow, list(sets.values()), now=NOW)
    sets = await kept(uow_factory)
    assert choose(sets.values(), NOW) is sets["k2"]
    assert not any(each.must_be_announced(NOW) for each in sets.values())


async def test_what_changes_while_it_is_being_announced_is_announced_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await keep(uow_factory, await sealed())
    as_sent = list((await kept(uow_factory)).values())
    async with uow_factory() as uow:
        await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k1", why="lost", now=NOW)
    async with uow_factory() as uow:
        await record_announced(uow, as_sent, now=NOW)
    assert (await kept(uow_factory))["k1"].must_be_announced(NOW)


async def test_who_has_left_the_network_announces_everything_anew(uow_factory: UnitOfWorkFactory) -> None:
    await keep(uow_factory, await sealed())
    async with uow_factory() as uow:
        await record_announced(uow, list((await kept(uow_factory)).values()), now=NOW)
        await forget_announcements(uow, subscriber_id=SUBSCRIBER)
    assert (await kept(uow_factory))["k1"].must_be_announced(NOW)


async def test_a_revocation_says_what_is_left(uow_factory: UnitOfWorkFactory) -> None:
    await keep(uow_factory, await sealed(), await sealed("k2", valid_until=NOW + HOUR), await sealed("k3"))
    left = []
    for name in ("k1", "k3", "k2"):
        async with uow_factory() as uow:
            done = await revoke(uow, subscriber_id=SUBSCRIBER, key_id=name, why="lost", now=NOW)
        left.append((done.still_valid, done.lasts))
    assert left == [(("k2", "k3"), True), (("k2",), False), ((), False)]
    sets = await kept(uow_factory)
    assert {(each.revoked_at, each.revoked_why) for each in sets.values()} == {(NOW, "lost")}


async def test_a_revocation_that_makes_no_sense_is_refused(uow_factory: UnitOfWorkFactory) -> None:
    await keep(uow_factory, await sealed())
    async with uow_factory() as uow:
        with pytest.raises(KeySetNotFound, match="k1"):
            await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k9", why="lost", now=NOW)
        with pytest.raises(KeyRequestInvalid, match="reason"):
            await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k1", why=" ", now=NOW)
        await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k1", why="lost", now=NOW)
        with pytest.raises(KeyRequestInvalid, match="before"):
            await revoke(uow, subscriber_id=SUBSCRIBER, key_id="k1", why="again", now=NOW)
    assert (await kept(uow_factory))["k1"].revoked_why == "lost"


async def test_the_next_set_is_named_and_sealed_before_it_is_kept(uow_factory: UnitOfWorkFactory) -> None:
    await keep(uow_factory, await sealed("k7"))
    made = await make_next_key_set(
        uow_factory, subscriber_id=SUBSCRIBER, key_manager=key_manager(), now=NOW, valid_from=NOW + DAY
    )
    assert (made.key_id, made.valid_from, made.sealed_by) == ("k8", NOW + DAY, key_manager().name)
    assert list(await kept(uow_factory)) == ["k7"]


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"valid_from": NOW - HOUR}, "valid before"),
        ({"valid_until": NOW}, "ends after it begins"),
        ({"key_id": ""}, "be called"),
        ({"key_id": "a|b"}, "be called"),
        ({"key_id": "a/b"}, "be called"),
        ({"key_id": "k" * 129}, "be called"),
    ],
)
async def test_a_set_that_cannot_be_is_refused(
    uow_factory: UnitOfWorkFactory, wish: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(KeyRequestInvalid, match=complaint) as refusal:
        await make_next_key_set(
            uow_factory, subscriber_id=SUBSCRIBER, key_manager=key_manager(), now=NOW, **wish
        )
    assert refusal.value.path == next(iter(wish))
    assert refusal.value.hint


async def test_an_overlap_is_not_negative(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        with pytest.raises(KeyRequestInvalid, match="negative"):
            await rotate(uow, new=await sealed(), overlap=-HOUR)
    assert not await kept(uow_factory)


@pytest.mark.parametrize(
    "change",
    [
        "encryption_public_key = signing_public_key",
        "valid_until = valid_from - interval '1 s'",
        "revoked_at = now()",
        "announced_at = now()",
    ],
)
async def test_the_database_itself_refuses_what_cannot_be(
    uow_factory: UnitOfWorkFactory, change: str
) -> None:
    await keep(uow_factory, await sealed())
    with pytest.raises(IntegrityError):
        async with uow_factory() as uow:
            await uow.connection.execute(text(f"UPDATE key_sets SET {change}"))  # noqa: S608
