"""Messages on their way to peers.

A message is put in the same transaction as the change that it tells of. Delivery claims it under a
lease, sends it with no transaction open, and records what came of it. A lease carries the attempt's
number: a worker that outlived its lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import CursorResult, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import OutboxState, outbox

OUTBOX_CHANNEL: Final = "degnode_outbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to a peer, complete but for the signature, which is made when it is sent.

    One that is passed on for somebody else has its `sender_authorization`, the header that its sender
    signed it with, and as `relay` the key of that sender and of the peer.
    """

    profile: str
    action: str
    peer: str
    url: str
    message_id: str
    transaction_id: str
    body: bytes
    created_at: datetime
    expires_at: datetime
    request_signature: str | None = None
    sender_authorization: str | None = None
    relay: str = ""


def relay_key(*, sender: str, receiver: str) -> str:
    """Return what tells a message that is passed on apart from the same one between two others."""
    return blake2b("\x00".join((sender, receiver)).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedOutgoing(Outgoing):
    """An outgoing message under a lease."""

    id: int
    attempt: int


# The oldest open message of each conversation with each peer, so many a peer with those that are
# under way, one for a peer that failed last time, none for a peer that is left alone. The inner
# query looks, the middle one locks and looks again. `SELECT NOT EXISTS` keeps the planner from making
# joins of the conditions: it would guess that they leave one row, and sort the whole backlog instead
# of walking along its index.
_CLAIM: Final = text(
    """
    WITH busy AS (
        SELECT peer, under_way
        FROM unnest(cast(:busy_peers AS text[]), cast(:under_way AS int[])) AS b(peer, under_way)
    ), open AS (
        SELECT o.id, o.peer FROM outbox AS o
        WHERE o.state IN ('pending', 'claimed')
          AND o.due_at <= :now
          AND (o.state = 'pending' OR o.leased_until <= :now)
          AND (SELECT NOT EXISTS (
              SELECT 1 FROM outbox AS earlier
              WHERE earlier.peer = o.peer AND earlier.transaction_id = o.transaction_id
                AND earlier.id < o.id AND earlier.state IN ('pending', 'claimed')))
          AND (SELECT NOT EXISTS (
              SELECT 1 FROM peers AS p WHERE p.subscriber_id = o.peer AND p.blocked_until > :now))
          AND (SELECT NOT EXISTS (
              SELECT 1 FROM busy WHERE busy.peer = o.peer AND busy.under_way >= :per_peer))
        ORDER BY o.due_at, o.id
        LIMIT :look_at
    ), fair AS (
        SELECT open.id, coalesce(busy.under_way, 0)
                        + row_number() OVER (PARTITION BY open.peer ORDER BY open.id) AS nth,
               CASE WHEN p.failures > 0 THEN 1 ELSE :per_peer END AS most
        FROM open LEFT JOIN busy ON busy.peer = open.peer
                  LEFT JOIN peers AS p ON p.subscriber_id = open.peer
    ), due AS (
        SELECT o.id FROM outbox AS o
        WHERE o.id IN (SELECT id FROM fair WHERE nth <= most ORDER BY nth, id LIMIT :limit)
          AND (o.state = 'pending' OR o.state = 'claimed' AND o.leased_until <= :now)
        FOR UPDATE OF o SKIP LOCKED
    )
    UPDATE outbox AS o
    SET state = 'claimed', attempts = o.attempts + 1, leased_until = :leased_until
    FROM due WHERE o.id = due.id
    RETURNING o.id, o.attempts AS attempt, o.profile, o.action, o.peer, o.url, o.message_id,
              o.transaction_id, o.body, o.request_signature, o.created_at, o.expires_at,
              o.sender_authorization, o.relay
    """
)
_UNLISTED: Final = ("body", "authorizations", "answer_body", "sender_authorization", "relay")
_LOOK_AT: Final = 256  # rows a claim looks at; bounds its cost under a backlog
_IDENTITY: Final = ("message_id", "action", "relay")
_IS_OURS: Final = outbox.c.relay == ""

_DROP_LAPSED: Final = text(
    """
    UPDATE outbox
    SET state = 'dead', finished_at = :now, last_error = coalesce(last_error, 'it lapsed before it was sent')
    WHERE id IN (
        SELECT id FROM outbox WHERE state = 'pending' AND relay <> '' AND expires_at <= :now
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
    """
)

_NOTE_AUTHORIZATIONS: Final = text(
    """
    UPDATE outbox AS o SET authorizations = array_append(o.authorizations, sent.header)
    FROM unnest(cast(:ids AS bigint[]), cast(:headers AS text[])) AS sent(id, header)
    WHERE o.id = sent.id
    """
)
_RECORD: Final = text(
    """
    UPDATE outbox AS o
    SET state = r.state, due_at = r.due_at, finished_at = r.finished_at, leased_until = NULL,
        last_status = r.status, last_error = r.error, answer_body = r.answer_body,
        answer_signature = r.answer_signature, answer_verdict = r.answer_verdict
    FROM unnest(cast(:ids AS bigint[]), cast(:attempts AS int[]), cast(:states AS text[]),
                cast(:due AS timestamptz[]), cast(:finished AS timestamptz[]),
                cast(:statuses AS int[]), cast(:errors AS text[]), cast(:answers AS bytea[]),
                cast(:signatures AS text[]), cast(:verdicts AS text[]))
         AS r(id, attempt, state, due_at, finished_at, status, error, answer_body, answer_signature,
              answer_verdict)
    WHERE o.id = r.id AND o.attempts = r.attempt AND o.state = 'claimed'
    RETURNING o.id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a peer answered, the signature it answered under, and whether that held."""

    body: bytes
    signature: str | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try: the state the message goes to, and when it is due if that is pending."""

    message: ClaimedOutgoing
    state: OutboxState
    at: datetime
    due_at: datetime
    status: int | None = None
    error: str | None = None
    evidence: Evidence | None = None


class Outbox:
    """The outbox within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, message: Outgoing) -> None:
        """Add `message`; it leaves if and when the transaction commits."""
        await self._connection.execute(insert(outbox).values(**_values(message)))
        await self._announce()

    async def pass_on(self, messages: Sequence[Outgoing]) -> None:
        """Add what is passed on for its sender; one that was added before is left as it is."""
        if not messages:
            return
        statement = upsert(outbox).on_conflict_do_nothing(index_elements=_IDENTITY)
        await self._connection.execute(statement, [_values(message) for message in messages])
        await self._announce()

    async def is_passed_on(self, *, message_id: str, action: str, relay: str) -> bool:
        """Say whether that message was ever to be passed on from the one to the other of `relay`."""
        row = await self._connection.execute(
            select(outbox.c.id).where(
                outbox.c.message_id == message_id, outbox.c.action == action, outbox.c.relay == relay
            )
        )
        return row.first() is not None

    async def drop_lapsed(self, *, now: datetime) -> int:
        """Give up what waits to be passed on and has lapsed; return how much that was.

        Peers that are left alone keep it waiting, and nobody takes it any more.
        """
        result: CursorResult[Any] = await self._connection.execute(_DROP_LAPSED, {"now": now})
        return result.rowcount

    async def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        per_peer: int = 8,
        under_way: Mapping[str, int] | None = None,
    ) -> list[ClaimedOutgoing]:
        """Take up to `limit` messages that are due under a lease, one a conversation, fair to all peers.

        `under_way` says how many the caller is sending to whom: they count towards `per_peer`. Of a
        peer that failed last time one at a time is taken, to see whether it is there again: were all
        of its messages tried at once, a few peers that say nothing would hold up everybody.
        """
        busy = under_way or {}
        values = {"now": now, "leased_until": now + lease, "limit": limit, "per_peer": per_peer}
        values |= {"busy_peers": list(busy), "under_way": list(busy.values()), "look_at": _LOOK_AT}
        rows = await self._connection.execute(_CLAIM, values)
        claimed = [ClaimedOutgoing(**row) for row in rows.mappings()]
        return sorted(claimed, key=lambda message: message.id)

    async def note_authorizations(self, headers: Mapping[int, str]) -> None:
        """Keep the signature headers, by message, that are about to be sent: callbacks bind to them."""
        await self._connection.execute(
            _NOTE_AUTHORIZATIONS, {"ids": list(headers), "headers": list(headers.values())}
        )

    async def record(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Record what came of each try; return the ids whose lease was still held."""
        open_states = (OutboxState.PENDING,)
        rows = await self._connection.execute(
            _RECORD,
            {
                "ids": [outcome.message.id for outcome in outcomes],
                "attempts": [outcome.message.attempt for outcome in outcomes],
                "states": [outcome.state.value for outcome in outcomes],
                "due": [outcome.due_at for outcome in outcomes],
                "finished": [None if o.state in open_states else o.at for o in outcomes],
                "statuses": [outcome.status for outcome in outcomes],
                "errors": [outcome.error for outcome in outcomes],
                "answers": [o.evidence.body if o.evidence else None for o in outcomes],
                "signatures": [o.evidence.signature if o.evidence else None for o in outcomes],
                "verdicts": [o.evidence.verdict if o.evidence else None for o in outcomes],
            },
        )
        return set(rows.scalars())

    async def find_given_up(self, ids: Sequence[int]) -> list[ClaimedOutgoing]:
        """Return those of our own messages that are dead or refused, the oldest first."""
        names = [field.name for field in fields(Outgoing)]
        rows = await self._connection.execute(
            select(outbox.c.id, outbox.c.attempts.label("attempt"), *(outbox.c[name] for name in names))
            .where(
                outbox.c.id.in_(ids), _IS_OURS, outbox.c.state.in_([OutboxState.DEAD, OutboxState.REFUSED])
            )
            .order_by(outbox.c.id)
        )
        return [ClaimedOutgoing(**row) for row in rows.mappings()]

    async def replay(self, message: ClaimedOutgoing, *, now: datetime) -> bool:
        """Send a message that was given up again, as it is now; False if it is no longer given up."""
        result: CursorResult[Any] = await self._connection.execute(
            update(outbox)
            .where(outbox.c.id == message.id, outbox.c.state.in_([OutboxState.DEAD, OutboxState.REFUSED]))
            .values(
                state=OutboxState.PENDING,
                body=message.body,
                due_at=now,
                expires_at=message.expires_at,
                finished_at=None,
            )
        )
        await self._announce()
        return result.rowcount == 1

    async def list_given_up(self) -> list[dict[str, Any]]:
        """Return the messages that are dead or refused, oldest first, without their bodies."""
        columns = [column for column in outbox.c if column.name not in _UNLISTED]
        rows = await self._connection.execute(
            select(*columns)
            .where(outbox.c.state.in_([OutboxState.DEAD, OutboxState.REFUSED]))
            .order_by(outbox.c.id)
        )
        return [dict(row) for row in rows.mappings()]

    async def has_open(self) -> bool:
        """Say whether any message still waits to be delivered."""
        waiting = select(outbox.c.id).where(outbox.c.state.in_([OutboxState.PENDING, OutboxState.CLAIMED]))
        return (await self._connection.execute(waiting.limit(1))).first() is not None

    async def find_body(self, *, message_id: str, action: str) -> bytes | None:
        """Return the bytes of a message of ours, None if there is none of that id and action."""
        row = await self._connection.execute(
            select(outbox.c.body).where(
                outbox.c.message_id == message_id, outbox.c.action == action, _IS_OURS
            )
        )
        return row.scalar_one_or_none()

    async def find_authorizations(self, *, message_id: str, action: str) -> list[str]:
        """Return the headers under which a message was sent, the newest last; empty if it never was."""
        row = await self._connection.execute(
            select(outbox.c.authorizations).where(
                outbox.c.message_id == message_id, outbox.c.action == action, _IS_OURS
            )
        )
        return row.scalar_one_or_none() or []

    async def _announce(self) -> None:
        await self._connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})


def _values(message: Outgoing) -> dict[str, Any]:
    values = {field: getattr(message, field) for field in message.__dataclass_fields__}
    return values | {"due_at": message.created_at}
