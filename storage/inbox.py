"""Messages from peers, as dispatch sees them: claimed under a lease, one conversation at a time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import CursorResult, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import InboxState, inbox

INBOX_CHANNEL: Final = "degnode_inbox"


def dedup_key(*, sender: str, message_id: str, action: str) -> bytes:
    """Return the 16 bytes that name a received message: by its sender, its id and its action."""
    return blake2b("\x00".join((sender, message_id, action)).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A received message under a lease: the bytes as they came, and the header that signed them.

    `gateway` is the subscriber id of the gateway that passed it on, if one did, and `gateway_url`
    where that one takes messages.
    """

    id: int
    attempt: int
    profile: str
    action: str
    sender: str
    message_id: str
    transaction_id: str
    body: bytes
    authorization: str
    received_at: datetime
    gateway: str | None = None
    gateway_url: str | None = None


_KEPT: Final = tuple(field.name for field in fields(ClaimedMessage))

# The oldest open message of each conversation.
_CLAIM: Final = text(
    """
    WITH due AS (
        SELECT i.id FROM inbox AS i
        WHERE i.state IN ('received', 'claimed')
          AND (i.leased_until IS NULL OR i.leased_until <= :now)
          AND (SELECT NOT EXISTS (
              SELECT 1 FROM inbox AS earlier
              WHERE earlier.transaction_id = i.transaction_id AND earlier.id < i.id
                AND earlier.state IN ('received', 'claimed')))
        ORDER BY i.id
        LIMIT :limit
        FOR UPDATE OF i SKIP LOCKED
    )
    UPDATE inbox AS i
    SET state = 'claimed', attempts = i.attempts + 1, leased_until = :leased_until
    FROM due WHERE i.id = due.id
    RETURNING i.id, i.attempts AS attempt, i.profile, i.action, i.sender, i.message_id,
              i.transaction_id, i.body, i."authorization", i.received_at, i.gateway, i.gateway_url
    """
)


class Inbox:
    """The inbox within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[ClaimedMessage]:
        """Take up to `limit` messages, the oldest of each conversation, under a lease."""
        rows = await self._connection.execute(
            _CLAIM, {"now": now, "leased_until": now + lease, "limit": limit}
        )
        claimed = [ClaimedMessage(**row) for row in rows.mappings()]
        return sorted(claimed, key=lambda message: message.id)

    async def find_authorization(self, *, message_id: str, action: str, sender: str) -> str | None:
        """Return the header that a received message was signed with, None if it never came."""
        row = await self._connection.execute(
            select(inbox.c.authorization).where(
                inbox.c.dedup_key == dedup_key(sender=sender, message_id=message_id, action=action)
            )
        )
        return row.scalar_one_or_none()

    async def find_message(self, *, message_id: str, action: str, sender: str) -> ClaimedMessage | None:
        """Return a message that was handled before, to be answered now; None if it never came."""
        columns = [
            inbox.c.attempts.label("attempt") if name == "attempt" else inbox.c[name] for name in _KEPT
        ]
        row = await self._connection.execute(
            select(*columns).where(
                inbox.c.dedup_key == dedup_key(sender=sender, message_id=message_id, action=action)
            )
        )
        found = row.mappings().one_or_none()
        return None if found is None else ClaimedMessage(**found)

    async def find_gateway(self, *, message_id: str, action: str, sender: str) -> tuple[str, str] | None:
        """Return the gateway that passed a received message on, and its URL; None if none did."""
        row = await self._connection.execute(
            select(inbox.c.gateway, inbox.c.gateway_url).where(
                inbox.c.dedup_key == dedup_key(sender=sender, message_id=message_id, action=action)
            )
        )
        found = row.one_or_none()
        return None if found is None or None in found else (found.gateway, found.gateway_url)

    async def mark_handled(
        self, message: ClaimedMessage, *, now: datetime, refusal: str | None = None
    ) -> bool:
        """Close the message, with the refusal it met if any; False when the lease had been lost meanwhile."""
        return await self._change(
            message, {"state": InboxState.HANDLED, "handled_at": now, "leased_until": None, "error": refusal}
        )

    async def put_back(self, message: ClaimedMessage, *, due_at: datetime, error: str) -> bool:
        """Leave the message to be claimed again from `due_at` on."""
        return await self._change(
            message, {"state": InboxState.RECEIVED, "leased_until": due_at, "error": error}
        )

    async def mark_failed(self, message: ClaimedMessage, *, now: datetime, error: str) -> bool:
        """Give the message up, so that its conversation can go on."""
        return await self._change(
            message, {"state": InboxState.FAILED, "handled_at": now, "leased_until": None, "error": error}
        )

    async def _change(self, message: ClaimedMessage, values: dict[str, Any]) -> bool:
        result: CursorResult[Any] = await self._connection.execute(
            update(inbox)
            .where(
                inbox.c.id == message.id,
                inbox.c.attempts == message.attempt,
                inbox.c.state == InboxState.CLAIMED,
            )
            .values(**values)
        )
        return result.rowcount == 1
