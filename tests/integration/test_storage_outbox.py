"""The outbox on a real PostgreSQL: order, leases, fairness, and what is kept of each try."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.backoff import Backoff
from storage.outbox import ClaimedOutgoing, Outcome
from storage.peers import record_failure, record_heard
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import LEASE, NOW, PEER, outgoing


async def put(uow_factory: UnitOfWorkFactory, *message_ids: str, **changes: Any) -> None:
    async with uow_factory() as uow:
        for message_id in message_ids:
            await uow.outbox.put(outgoing(message_id, **changes))


async def claim(uow_factory: UnitOfWorkFactory, *, limit: int = 100, **changes: Any) -> list[ClaimedOutgoing]:
    arguments: dict[str, Any] = {"now": NOW, "lease": LEASE, "limit": limit}
    async with uow_factory() as uow:
        return await uow.outbox.claim(**arguments | changes)


async def record(uow_factory: UnitOfWorkFactory, *outcomes: Outcome) -> set[int]:
    async with uow_factory() as uow:
        return await uow.outbox.record(outcomes)


async def row(uow_factory: UnitOfWorkFactory, message_id: str) -> Any:
    async with uow_factory() as uow:
        rows = await uow.connection.execute(select(outbox).where(outbox.c.message_id == message_id))
        return rows.one()


def outcome(message: ClaimedOutgoing, state: OutboxState, **changes: Any) -> Outcome:
    fields: dict[str, Any] = {"message": message, "state": state, "at": NOW, "due_at": NOW}
    return Outcome(**fields | changes)


def ids(claimed: list[ClaimedOutgoing]) -> list[str]:
    return [message.message_id for message in claimed]


async def test_a_message_comes_out_as_it_was_put_in(uow_factory: UnitOfWorkFactory) -> None:
    sent = outgoing(body='{"name": "Höhe"}'.encode(), request_signature="abc=")
    async with uow_factory() as uow:
        await uow.outbox.put(sent)
    (claimed,) = await claim(uow_factory)
    assert {name: getattr(claimed, name) for name in sent.__dataclass_fields__} == {
        name: getattr(sent, name) for name in sent.__dataclass_fields__
    }
    assert claimed.attempt == 1


async def test_one_answer_a_message_leaves_no_room_for_a_second(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, "m-1")
    with pytest.raises(IntegrityError):
        await put(uow_factory, "m-1")
    await put(uow_factory, "m-1", action="on_status")


async def test_a_conversation_with_a_peer_is_claimed_one_by_one_in_order(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await put(uow_factory, "m-1", "m-2", "m-3", transaction_id="t-1")
    await put(uow_factory, "other", transaction_id="t-1", peer="bap.other.example")
    first = await claim(uow_factory)
    assert ids(first) == ["m-1", "other"]
    assert await claim(uow_factory) == []
    await record(uow_factory, outcome(first[0], OutboxState.DELIVERED))
    second = await claim(uow_factory)
    assert ids(second) == ["m-2"]
    await record(uow_factory, outcome(second[0], OutboxState.DEAD))
    assert ids(await claim(uow_factory)) == ["m-3"]


async def test_a_message_that_is_not_due_holds_up_its_conversation_but_no_other(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await put(uow_factory, "m-1", created_at=NOW + timedelta(seconds=1), transaction_id="t-1")
    await put(uow_factory, "m-2", transaction_id="t-1")
    await put(uow_factory, "m-3")
    assert ids(await claim(uow_factory)) == ["m-3"]


async def test_two_workers_never_claim_the_same_message(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, *(f"m-{number}" for number in range(40)))
    claims = await asyncio.gather(*(claim(uow_factory, limit=10, per_peer=10) for _ in range(4)))
    claimed = [message.id for each in claims for message in each]
    assert len(claimed) == len(set(claimed))
    rest = await claim(uow_factory, per_peer=100)
    assert len(claimed) + len(rest) == 40


async def test_a_worker_that_outlived_its_lease_changes_nothing(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, "m-1")
    (slow,) = await claim(uow_factory)
    (fast,) = await claim(uow_factory, now=NOW + LEASE)
    assert (slow.attempt, fast.attempt) == (1, 2)
    assert await record(uow_factory, outcome(slow, OutboxState.DEAD)) == set()
    assert await record(uow_factory, outcome(fast, OutboxState.DELIVERED)) == {fast.id}
    assert await record(uow_factory, outcome(fast, OutboxState.DEAD)) == set()
    assert (await row(uow_factory, "m-1")).state == OutboxState.DELIVERED


async def test_a_peer_with_a_hundred_messages_does_not_starve_another(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, *(f"m-{number}" for number in range(100)))
    await put(uow_factory, "other-1", "other-2", peer="bap.other.example")
    claimed = await claim(uow_factory, limit=16)
    assert [message.peer for message in claimed].count(PEER) == 8
    assert [message.peer for message in claimed].count("bap.other.example") == 2


async def test_messages_under_way_count_towards_a_peers_share(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, *(f"m-{number}" for number in range(8)))
    assert len(await claim(uow_factory, limit=10, under_way={PEER: 6})) == 2
    assert await claim(uow_factory, limit=10, under_way={PEER: 8, "bap.other.example": 1}) == []
    await put(uow_factory, "other", peer="bap.other.example")
    claimed = await claim(uow_factory, limit=1, under_way={PEER: 7})
    assert ids(claimed) == ["other"]  # whoever has least under way comes first


async def leave_alone(uow_factory: UnitOfWorkFactory, pause: timedelta) -> None:
    """Have a delivery to `PEER` fail."""
    async with uow_factory() as uow:
        await record_failure(
            uow.connection,
            subscriber_id=PEER,
            error="silence",
            tried_at=NOW,
            now=NOW,
            backoff=Backoff(first=pause),
        )


async def test_a_peer_that_is_left_alone_gets_nothing_until_its_time_or_until_it_is_heard(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await put(uow_factory, "m-1")
    await leave_alone(uow_factory, timedelta(minutes=1))
    assert await claim(uow_factory) == []
    (message,) = await claim(uow_factory, now=NOW + timedelta(minutes=1))
    await record(uow_factory, outcome(message, OutboxState.PENDING))
    assert await claim(uow_factory) == []
    async with uow_factory() as uow:
        await record_heard(uow.connection, subscriber_id=PEER)
    assert ids(await claim(uow_factory)) == ["m-1"]


async def test_a_peer_that_failed_is_tried_with_one_message_until_it_is_heard(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await put(uow_factory, *(f"m-{number}" for number in range(8)))
    await put(uow_factory, "other-1", "other-2", peer="bap.other.example")
    await leave_alone(uow_factory, timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)
    assert ids(await claim(uow_factory, now=later)) == ["m-0", "other-1", "other-2"]
    assert await claim(uow_factory, now=later, under_way={PEER: 1, "bap.other.example": 2}) == []
    async with uow_factory() as uow:
        await record_heard(uow.connection, subscriber_id=PEER)
    assert len(await claim(uow_factory, now=later, under_way={PEER: 1})) == 7


async def test_every_header_that_was_sent_is_noted_in_order(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, "m-1", "m-2")
    first, second = await claim(uow_factory)
    async with uow_factory() as uow:
        await uow.outbox.note_authorizations({first.id: "one", second.id: "other"})
        await uow.outbox.note_authorizations({first.id: "two"})
    async with uow_factory() as uow:
        find = uow.outbox.find_authorizations
        assert await find(message_id="m-1", action="on_confirm") == ["one", "two"]
        assert await find(message_id="m-2", action="on_confirm") == ["other"]
        assert await find(message_id="m-1", action="confirm") == []


async def test_what_came_of_many_tries_is_recorded_at_once(uow_factory: UnitOfWorkFactory) -> None:
    await put(uow_factory, "m-1", "m-2", "m-3", "m-4")
    one, two, three, four = await claim(uow_factory)
    later = NOW + timedelta(minutes=1)
    held = await record(
        uow_factory,
        outcome(one, OutboxState.DELIVERED, status=200),
        outcome(two, OutboxState.PENDING, due_at=later, status=503, error="busy"),
        outcome(three, OutboxState.REFUSED, status=400, error="no"),
        outcome(four, OutboxState.DEAD, error="silence"),
    )
    assert held == {one.id, two.id, three.id, four.id}
    columns = ("state", "last_status", "last_error", "finished_at", "due_at", "leased_until")
    rows = [await row(uow_factory, message_id) for message_id in ("m-1", "m-2", "m-3", "m-4")]
    assert [tuple(getattr(each, column) for column in columns) for each in rows] == [
        ("delivered", 200, None, NOW, NOW, None),
        ("pending", 503, "busy", None, later, None),
        ("refused", 400, "no", NOW, NOW, None),
        ("dead", None, "silence", NOW, NOW, None),
    ]
    assert await claim(uow_factory) == []
    assert ids(await claim(uow_factory, now=later)) == ["m-2"]


async def test_an_outbox_is_done_when_nothing_waits_in_it(uow_factory: UnitOfWorkFactory) -> None:
    async def has_open() -> bool:
        async with uow_factory() as uow:
            return await uow.outbox.has_open()

    assert not await has_open()
    await put(uow_factory, "m-1")
    assert await has_open()
    (message,) = await claim(uow_factory)
    assert await has_open()
    await record(uow_factory, outcome(message, OutboxState.DELIVERED))
    assert not await has_open()


async def test_dead_letters_are_found_and_replayed_others_are_left_alone(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await put(uow_factory, "dead", "refused", "delivered", "pending")
    dead, refused, delivered, pending = await claim(uow_factory)
    await record(
        uow_factory,
        outcome(dead, OutboxState.DEAD, error="silence"),
        outcome(refused, OutboxState.REFUSED),
        outcome(delivered, OutboxState.DELIVERED),
        outcome(pending, OutboxState.PENDING),
    )
    later = NOW + timedelta(days=1)
    async with uow_factory() as uow:
        listed = await uow.outbox.list_given_up()
        assert [letter["message_id"] for letter in listed] == ["dead", "refused"]
        assert listed[0]["last_error"] == "silence"
        assert "body" not in listed[0]
        everything = [message.id for message in (dead, refused, delivered)]
        given_up = await uow.outbox.find_given_up(everything)
        assert ids(given_up) == ["dead", "refused"]
        for message in given_up:
            renewed = replace(message, body=b"renewed", expires_at=later)
            assert await uow.outbox.replay(renewed, now=NOW)
            assert not await uow.outbox.replay(renewed, now=NOW)
        assert await uow.outbox.list_given_up() == []
    again = await claim(uow_factory)
    assert ids(again) == ["dead", "refused", "pending"]
    assert [(message.body, message.expires_at) for message in again[:2]] == [(b"renewed", later)] * 2
    assert again[0].attempt == dead.attempt + 1
