"""How each peer is doing: kept in the database, so that a restart does not hammer a dead one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.backoff import Backoff
from storage.tables import peers

_FRESH_FOR: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerHealth:
    """A peer's failures in a row and until when it is left alone; its wire and its clock when last heard.

    `clock_skew` is positive when the peer's clock is ahead; the way of the message makes it smaller.
    """

    subscriber_id: str
    failures: int
    blocked_until: datetime | None
    last_error: str | None
    profile: str | None = None
    clock_skew: timedelta | None = None
    heard_at: datetime | None = None


async def record_failure(
    connection: AsyncConnection,
    *,
    subscriber_id: str,
    error: str,
    tried_at: datetime,
    now: datetime,
    backoff: Backoff,
    jitter: float = 0.0,
) -> None:
    """Leave the peer alone for longer than last time.

    A failure of a message that was sent before the peer was blocked does not count again.
    """
    row = (
        await connection.execute(
            select(peers).where(peers.c.subscriber_id == subscriber_id).with_for_update()
        )
    ).one_or_none()
    if row is not None and row.blocked_until is not None and row.blocked_until > tried_at:
        return
    failures = 1 + (0 if row is None else row.failures)
    values = {
        "failures": failures,
        "blocked_until": now + backoff.after(failures, jitter=jitter),
        "last_error": error,
    }
    statement = insert(peers).values(subscriber_id=subscriber_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[peers.c.subscriber_id], set_=values)
    )


async def record_heard(connection: AsyncConnection, *, subscriber_id: str) -> None:
    """Forget the peer's failures: it was heard, so it is there."""
    await connection.execute(
        update(peers)
        .where(peers.c.subscriber_id == subscriber_id, peers.c.failures > 0)
        .values(failures=0, blocked_until=None, last_error=None)
    )


async def record_message(
    connection: AsyncConnection, *, subscriber_id: str, profile: str, clock_skew: timedelta, at: datetime
) -> None:
    """Keep which wire the peer spoke at `at` and how far its clock was from ours; its failures are over.

    What is known already and fresh enough is not written again, nor locked: messages of one peer are
    handled side by side.
    """
    if await _is_known(connection, subscriber_id, profile=profile, at=at):
        return
    statement = insert(peers).values(
        subscriber_id=subscriber_id, profile=profile, clock_skew=clock_skew, heard_at=at
    )
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[peers.c.subscriber_id],
            set_={
                "profile": new.profile,
                "clock_skew": new.clock_skew,
                "heard_at": new.heard_at,
                "failures": 0,
                "blocked_until": None,
                "last_error": None,
            },
        )
    )


async def _is_known(connection: AsyncConnection, subscriber_id: str, *, profile: str, at: datetime) -> bool:
    """Say whether a message at `at` on that wire is no news of a peer that is well."""
    known = await connection.execute(
        select(peers.c.subscriber_id).where(
            peers.c.subscriber_id == subscriber_id,
            peers.c.failures == 0,
            or_(
                and_(peers.c.profile == profile, peers.c.heard_at >= at - _FRESH_FOR),
                peers.c.heard_at > at,
            ),
        )
    )
    return known.first() is not None


async def find_wire(connection: AsyncConnection, subscriber_id: str) -> str | None:
    """Return the name of the profile that the peer last spoke, None if it was never heard."""
    rows = await connection.execute(select(peers.c.profile).where(peers.c.subscriber_id == subscriber_id))
    return rows.scalar_one_or_none()


async def list_peers(connection: AsyncConnection, *, limit: int = 1_000) -> list[PeerHealth]:
    """Return what is known of every peer, by its id."""
    rows = await connection.execute(select(peers).order_by(peers.c.subscriber_id).limit(limit))
    return [PeerHealth(**row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's public name
