"""The inbox on a real PostgreSQL: groups, repeats, leases, one conversation at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from protocol.signing import digest
from storage.database import Database
from storage.inbox import Inbox
from storage.inbox_writer import Arrival, InboxClosed, InboxUnavailable, InboxWriter
from storage.tables import inbox
from storage.unit_of_work import UnitOfWorkFactory

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def arrival(message_id: str = "m-1", *, transaction_id: str = "t-1", body: bytes = b"{}") -> Arrival:
    return Arrival(
        profile="v2_rc",
        action="confirm",
        sender="bap.example.com",
        message_id=message_id,
        transaction_id=transaction_id,
        body=body,
        body_digest=digest(body),
        authorization="Signature …",
        received_at=NOW,
    )


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[InboxWriter]:
    running = InboxWriter(database)
    running.start()
    yield running
    await running.stop()


async def count_rows(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        return (await uow.connection.execute(select(func.count()).select_from(inbox))).scalar_one()


async def test_fifty_copies_at_once_become_one_row_and_forty_nine_repeats(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    acceptances = await asyncio.gather(*(writer.store(arrival()) for _ in range(50)))
    assert sorted(acceptance.is_repeat for acceptance in acceptances) == [False] + [True] * 49
    assert {acceptance.first_received_at for acceptance in acceptances} == {NOW}
    assert await count_rows(uow_factory) == 1


async def test_a_repeat_tells_when_the_message_first_came(writer: InboxWriter) -> None:
    await writer.store(arrival())
    later = arrival()
    later.received_at = NOW + timedelta(minutes=1)
    acceptance = await writer.store(later)
    assert acceptance.is_repeat
    assert acceptance.same_body
    assert acceptance.first_received_at == NOW


async def test_the_same_message_id_with_another_body_is_recognised(writer: InboxWriter) -> None:
    await writer.store(arrival())
    acceptance = await writer.store(arrival(body=b'{"changed":1}'))
    assert acceptance.is_repeat
    assert not acceptance.same_body


async def test_two_bodies_under_one_id_in_one_group_are_told_apart(writer: InboxWriter) -> None:
    first, second = await asyncio.gather(writer.store(arrival(body=b"1")), writer.store(arrival(body=b"2")))
    assert (first.is_repeat, first.same_body) == (False, True)
    assert (second.is_repeat, second.same_body) == (True, False)


async def test_a_stopped_writer_takes_nothing(database: Database) -> None:
    stopped = InboxWriter(database)
    with pytest.raises(InboxClosed):
        await stopped.store(arrival())


async def test_stopping_stores_what_waits(database: Database, uow_factory: UnitOfWorkFactory) -> None:
    stopping = InboxWriter(database, max_group=3)
    stopping.start()
    waiting = [asyncio.create_task(stopping.store(arrival(f"m-{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    await stopping.stop()
    assert len(await asyncio.gather(*waiting)) == 10
    assert await count_rows(uow_factory) == 10


async def test_a_lost_connection_costs_at_most_a_refusal_and_the_next_try_is_stored(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    await writer.store(arrival("m-0"))
    async with uow_factory() as uow:
        await uow.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    with suppress(InboxUnavailable):  # or it noticed the loss in time and opened a new connection
        await writer.store(arrival("m-1"))
    await writer.store(arrival("m-1"))
    assert await count_rows(uow_factory) == 2


async def test_only_the_oldest_message_of_a_conversation_is_claimed(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    for message_id, transaction_id in (("m-1", "t-1"), ("m-2", "t-1"), ("m-3", "t-2")):
        await writer.store(arrival(message_id, transaction_id=transaction_id))
    async with uow_factory() as uow:
        claimed = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=10)
    assert [message.message_id for message in claimed] == ["m-1", "m-3"]
    async with uow_factory() as uow:
        assert await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=10) == []
        assert await Inbox(uow.connection).mark_handled(claimed[0], now=NOW)
    async with uow_factory() as uow:
        claimed = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=10)
    assert [message.message_id for message in claimed] == ["m-2"]


async def test_two_workers_never_claim_the_same_message(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    for number in range(40):
        await writer.store(arrival(f"m-{number}", transaction_id=f"t-{number}"))

    async def work() -> list[int]:
        async with uow_factory() as uow:
            return [m.id for m in await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=10)]

    claims = await asyncio.gather(*(work() for _ in range(4)))
    ids = [message_id for claim in claims for message_id in claim]
    assert len(ids) == len(set(ids)) == 40


async def test_a_worker_that_outlived_its_lease_changes_nothing(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    await writer.store(arrival())
    async with uow_factory() as uow:
        (slow,) = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=1)
    later = NOW + LEASE
    async with uow_factory() as uow:
        (fast,) = await Inbox(uow.connection).claim(now=later, lease=LEASE, limit=1)
    assert fast.attempt == slow.attempt + 1
    async with uow_factory() as uow:
        assert not await Inbox(uow.connection).mark_handled(slow, now=later)
        assert await Inbox(uow.connection).mark_handled(fast, now=later)


async def test_a_message_put_back_waits_for_its_time(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    await writer.store(arrival())
    due_at = NOW + timedelta(minutes=1)
    async with uow_factory() as uow:
        (message,) = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=1)
        assert await Inbox(uow.connection).put_back(message, due_at=due_at, error="later")
    async with uow_factory() as uow:
        assert await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=1) == []
        assert len(await Inbox(uow.connection).claim(now=due_at, lease=LEASE, limit=1)) == 1


async def test_a_message_given_up_does_not_hold_up_its_conversation(
    writer: InboxWriter, uow_factory: UnitOfWorkFactory
) -> None:
    await writer.store(arrival("m-1"))
    await writer.store(arrival("m-2"))
    async with uow_factory() as uow:
        (message,) = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=1)
        assert await Inbox(uow.connection).mark_failed(message, now=NOW, error="broken")
    async with uow_factory() as uow:
        (following,) = await Inbox(uow.connection).claim(now=NOW, lease=LEASE, limit=1)
    assert following.message_id == "m-2"
