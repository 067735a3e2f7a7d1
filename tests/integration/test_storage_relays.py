"""What is passed on for others, in the outbox: beside our own messages, and never longer than it lives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.outbox import Outcome, Outgoing, relay_key
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import LEASE, NOW, outgoing

BAP = "bap.example.com"


def relayed(receiver: str, message_id: str = "m-1", **changes: Any) -> Outgoing:
    """Return a search of `BAP` as it goes on to `receiver`."""
    fields = {
        "action": "discover",
        "peer": receiver,
        "transaction_id": "t-1",
        "sender_authorization": "Signature of the sender",
        "relay": relay_key(sender=BAP, receiver=receiver),
    }
    return outgoing(message_id, **fields | changes)


async def pass_on(uow_factory: UnitOfWorkFactory, *messages: Outgoing) -> None:
    async with uow_factory() as uow:
        await uow.outbox.pass_on(messages)


async def rows(uow_factory: UnitOfWorkFactory) -> list[Any]:
    async with uow_factory() as uow:
        return list((await uow.connection.execute(select(outbox).order_by(outbox.c.id))).all())


async def test_one_message_goes_on_to_many_and_to_each_once(uow_factory: UnitOfWorkFactory) -> None:
    messages = [relayed("a.example"), relayed("b.example"), relayed("c.example")]
    await pass_on(uow_factory, *messages)
    await pass_on(uow_factory, *messages, relayed("d.example"))
    await pass_on(uow_factory)
    async with uow_factory() as uow:
        claimed = await uow.outbox.claim(now=NOW, lease=LEASE, limit=10)
    assert [message.peer for message in claimed] == ["a.example", "b.example", "c.example", "d.example"]
    for message, sent in zip(claimed, messages, strict=False):
        assert {name: getattr(message, name) for name in sent.__dataclass_fields__} == {
            name: getattr(sent, name) for name in sent.__dataclass_fields__
        }


async def test_our_own_messages_keep_their_one_place(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await uow.outbox.put(outgoing("m-1", action="discover", peer="a.example", body=b"ours"))
    await pass_on(uow_factory, relayed("a.example", body=b"theirs"))
    assert len(await rows(uow_factory)) == 2
    with pytest.raises(IntegrityError):
        async with uow_factory() as uow:
            await uow.outbox.put(outgoing("m-1", action="discover", peer="b.example"))
    async with uow_factory() as uow:
        assert await uow.outbox.find_body(message_id="m-1", action="discover") == b"ours"


async def test_what_is_passed_on_binds_no_callback_of_ours(uow_factory: UnitOfWorkFactory) -> None:
    await pass_on(uow_factory, relayed("a.example"), relayed("b.example"))
    async with uow_factory() as uow:
        ids = [message.id for message in await uow.outbox.claim(now=NOW, lease=LEASE, limit=10)]
        await uow.outbox.note_authorizations(dict.fromkeys(ids, "Signature of the gateway"))
        assert await uow.outbox.find_authorizations(message_id="m-1", action="discover") == []
        assert await uow.outbox.find_body(message_id="m-1", action="discover") is None


async def test_it_is_known_what_was_passed_on_from_whom_to_whom(uow_factory: UnitOfWorkFactory) -> None:
    await pass_on(uow_factory, relayed("a.example"))
    known = {"message_id": "m-1", "action": "discover", "relay": relay_key(sender=BAP, receiver="a.example")}
    async with uow_factory() as uow:
        assert await uow.outbox.is_passed_on(**known)
        for change in (
            {"message_id": "m-2"},
            {"action": "on_discover"},
            {"relay": relay_key(sender=BAP, receiver="b.example")},
            {"relay": relay_key(sender="a.example", receiver=BAP)},
            {"relay": ""},
        ):
            assert not await uow.outbox.is_passed_on(**known | change)


async def test_what_waits_beyond_its_life_is_given_up_and_our_own_is_not(
    uow_factory: UnitOfWorkFactory,
) -> None:
    late = NOW + timedelta(seconds=30)
    await pass_on(
        uow_factory,
        relayed("lapsed.example", expires_at=late),
        relayed("alive.example", expires_at=late + timedelta(seconds=1)),
    )
    async with uow_factory() as uow:
        await uow.outbox.put(outgoing("ours", expires_at=late))
        assert await uow.outbox.drop_lapsed(now=late) == 1
        assert await uow.outbox.drop_lapsed(now=late) == 0
    found = {row.peer: (row.state, row.finished_at, row.last_error) for row in await rows(uow_factory)}
    assert found.pop("lapsed.example") == ("dead", late, "it lapsed before it was sent")
    assert set(found.values()) == {("pending", None, None)}


async def test_what_is_under_way_is_left_to_its_worker(uow_factory: UnitOfWorkFactory) -> None:
    late = NOW + timedelta(seconds=30)
    await pass_on(uow_factory, relayed("a.example", expires_at=late))
    async with uow_factory() as uow:
        await uow.outbox.claim(now=NOW, lease=LEASE, limit=10)
        assert await uow.outbox.drop_lapsed(now=late) == 0


async def test_nobody_else_s_message_is_sent_again_by_hand(uow_factory: UnitOfWorkFactory) -> None:
    await pass_on(uow_factory, relayed("a.example"))
    async with uow_factory() as uow:
        (message,) = await uow.outbox.claim(now=NOW, lease=LEASE, limit=10)
        dead = Outcome(message=message, state=OutboxState.DEAD, at=NOW, due_at=NOW, error="silence")
        await uow.outbox.record([dead])
        assert await uow.outbox.find_given_up([message.id]) == []  # a new time to live breaks its signature
        (listed,) = await uow.outbox.list_given_up()
    assert (listed["peer"], listed["last_error"]) == ("a.example", "silence")
    assert "sender_authorization" not in listed
