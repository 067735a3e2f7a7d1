"""The way in: received messages become rows, many in one statement, before anybody is told ACK.

Group commit without a timer: while one statement is on its way to the disk, what arrives is
collected for the next. A message that was stored before is recognised by its key; its first
arrival is returned, so that a repeat gets the same answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
import structlog

from kernel.errors import NodeError
from storage.database import Database
from storage.inbox import dedup_key

log = structlog.get_logger(__name__)

# Every statement is its own transaction: the rows of a group are all there or none is.
_INSERT: Final = """
    WITH stored AS (
        INSERT INTO inbox (dedup_key, profile, action, sender, message_id, transaction_id,
                           body, body_digest, "authorization", received_at, gateway, gateway_url)
        SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                             $7::bytea[], $8::text[], $9::text[], $10::timestamptz[], $11::text[],
                             $12::text[])
        ON CONFLICT (dedup_key) DO NOTHING
        RETURNING dedup_key
    )
    SELECT dedup_key, (SELECT pg_notify('degnode_inbox', '')) FROM stored
"""
_FIND: Final = "SELECT dedup_key, body_digest, received_at FROM inbox WHERE dedup_key = ANY($1::bytea[])"


class InboxClosed(NodeError):
    """The node is stopping and takes no more messages."""

    code, http_status, retryable = "NET_OVERLOADED", 503, True


class InboxUnavailable(NodeError):
    """The message could not be stored; it was not accepted."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 503, True


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A verified message, ready to be stored; `gateway` passed it on, if one did."""

    profile: str
    action: str
    sender: str
    message_id: str
    transaction_id: str
    body: bytes
    body_digest: str
    authorization: str
    received_at: datetime
    gateway: str | None = None
    gateway_url: str | None = None

    def dedup_key(self) -> bytes:
        """Return the 16 bytes that name this message."""
        return dedup_key(sender=self.sender, message_id=self.message_id, action=self.action)


class Acceptance(NamedTuple):
    """Where a message stands in the inbox: when it first came, and whether this body is that one."""

    first_received_at: datetime
    is_repeat: bool
    same_body: bool


class InboxWriter:
    """Stores arrivals in groups over one connection of its own."""

    def __init__(self, database: Database, *, max_group: int = 256, max_waiting: int = 10_000) -> None:
        self._database = database
        self._max_group = max_group
        self._max_waiting = max_waiting
        self._waiting: list[tuple[Arrival, bytes, asyncio.Future[Acceptance]]] = []
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="inbox-writer")

    async def stop(self) -> None:
        """Store what waits, then close; further arrivals are refused."""
        task, self._task = self._task, None
        if task is not None:
            self._wake.set()
            await task
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def store(self, arrival: Arrival) -> Acceptance:
        """Return when `arrival` is on disk, saying whether it had been there before.

        Raises: InboxClosed, InboxUnavailable.
        """
        if self._task is None or len(self._waiting) >= self._max_waiting:
            raise InboxClosed("the node takes no more messages right now", hint="Send it again later.")
        future: asyncio.Future[Acceptance] = self._task.get_loop().create_future()
        self._waiting.append((arrival, arrival.dedup_key(), future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        while self._task is not None or self._waiting:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            await asyncio.sleep(0)  # one turn of the loop: what is ready to arrive comes along
            group = self._waiting[: self._max_group]
            del self._waiting[: self._max_group]
            try:
                await self._flush(group)
            except Exception as error:  # noqa: BLE001  whatever broke, nobody may wait forever
                log.warning("inbox.flush_failed", error=repr(error), messages=len(group))
                self._drop_connection()
                for _, _, future in group:
                    if not future.done():
                        future.set_exception(_unavailable(error))

    async def _flush(self, group: list[tuple[Arrival, bytes, asyncio.Future[Acceptance]]]) -> None:
        connection = await self._open_connection()
        arrivals = [entry[0] for entry in group]
        keys = [entry[1] for entry in group]
        stored = await connection.fetch(
            _INSERT,
            keys,
            [arrival.profile for arrival in arrivals],
            [arrival.action for arrival in arrivals],
            [arrival.sender for arrival in arrivals],
            [arrival.message_id for arrival in arrivals],
            [arrival.transaction_id for arrival in arrivals],
            [arrival.body for arrival in arrivals],
            [arrival.body_digest for arrival in arrivals],
            [arrival.authorization for arrival in arrivals],
            [arrival.received_at for arrival in arrivals],
            [arrival.gateway for arrival in arrivals],
            [arrival.gateway_url for arrival in arrivals],
        )
        fresh = {row["dedup_key"] for row in stored}
        known: dict[bytes, tuple[str, datetime]] = {}
        if len(fresh) < len(group):
            found = await connection.fetch(_FIND, keys)
            known = {row["dedup_key"]: (row["body_digest"], row["received_at"]) for row in found}
        for arrival, key, future in group:
            if future.done():
                continue
            first = key in fresh
            fresh.discard(key)  # a second one with the same key in this group is a repeat
            known_digest, received_at = known.get(key, (arrival.body_digest, arrival.received_at))
            future.set_result(
                Acceptance(
                    first_received_at=received_at,
                    is_repeat=not first,
                    same_body=known_digest == arrival.body_digest,
                )
            )

    async def _open_connection(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.raw_connection()
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def _unavailable(error: Exception) -> InboxUnavailable:
    unavailable = InboxUnavailable("the message could not be stored", hint="Send it again later.")
    unavailable.__cause__ = error
    return unavailable
