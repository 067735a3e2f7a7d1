"""The way into the inbox where things go wrong: no database, senders that left, too many at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from protocol.signing import digest
from storage.database import Database
from storage.inbox_writer import Arrival, InboxClosed, InboxUnavailable, InboxWriter
from tests.support.outgoing import NOW


def arrival(message_id: str = "m-1", **changes: str) -> Arrival:
    fields = {
        "profile": "v2_rc",
        "action": "confirm",
        "sender": "bap.example.com",
        "message_id": message_id,
        "transaction_id": "t-1",
        "body_digest": digest(b"{}"),
        "authorization": "Signature …",
    }
    return Arrival(**fields | changes, body=b"{}", received_at=NOW)


async def stored(database: Database) -> list[str]:
    connection = await database.raw_connection()
    rows = await connection.fetch("SELECT message_id FROM inbox ORDER BY id")
    await connection.close()
    return [row["message_id"] for row in rows]


async def test_without_a_database_nobody_waits_forever(database: Database, postgres_url: str) -> None:
    server, name = await asyncpg.connect(postgres_url), database.url.database
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    writer = InboxWriter(database)
    writer.start()
    tries = (writer.store(arrival(f"m-{number}")) for number in range(3))
    refusals = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(refusal) for refusal in refusals] == [InboxUnavailable] * 3
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await server.close()
    assert not (await writer.store(arrival())).is_repeat
    await writer.stop()
    assert await stored(database) == ["m-1"]


async def test_what_postgresql_cannot_keep_costs_its_own_group_only(database: Database) -> None:
    writer = InboxWriter(database)
    writer.start()
    with pytest.raises(InboxUnavailable):
        await writer.store(arrival("m-1", transaction_id="\x00"))
    await writer.store(arrival("m-2"))
    await writer.stop()
    assert await stored(database) == ["m-2"]


async def test_a_sender_that_left_takes_nobody_along(database: Database) -> None:
    writer = InboxWriter(database)
    writer.start()
    tasks = [asyncio.create_task(writer.store(arrival(f"m-{number}"))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    first, last = await asyncio.gather(tasks[0], tasks[2])
    assert (first.is_repeat, last.is_repeat) == (False, False)
    await writer.stop()
    assert await stored(database) == ["m-0", "m-1", "m-2"]


async def test_a_sender_that_left_before_a_failure_is_not_told(database: Database, postgres_url: str) -> None:
    server, name = await asyncpg.connect(postgres_url), database.url.database
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    writer = InboxWriter(database)
    writer.start()
    tasks = [asyncio.create_task(writer.store(arrival(f"m-{number}"))) for number in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    with pytest.raises(InboxUnavailable):
        await tasks[1]
    with suppress(asyncio.CancelledError):
        await tasks[0]
    await writer.stop()
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await server.close()
    assert await stored(database) == []


async def test_too_many_at_once_are_asked_to_come_again(database: Database) -> None:
    writer = InboxWriter(database, max_waiting=2)
    writer.start()
    tries = (writer.store(arrival(f"m-{number}")) for number in range(3))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(answer, InboxClosed) for answer in answers] == [False, False, True]
    await writer.stop()


async def test_stopping_what_never_started_does_nothing(database: Database) -> None:
    await InboxWriter(database).stop()
