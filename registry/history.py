"""Every change, with who, from where, when and why, before and after: kept for good.

The numbers are in the order of the commits, so whoever follows them misses nothing.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import RowMapping

from kernel.clock import format_instant
from registry.author import Author
from registry.request import SubscriptionRequest
from registry.subscription import Subscription
from registry.tables import history
from registry.verdict import Verdict
from storage.unit_of_work import UnitOfWork

CHANGES_CHANNEL: Final = "degnode_registry_changes"

# One writer at a time until it commits: else a later number could be seen before an earlier one.
_IN_ORDER: Final = text("SELECT pg_advisory_xact_lock(7246801)")


class Change(StrEnum):
    """What happened."""

    ENTERED = "entered"
    CHANGED = "changed"
    KEY_ADDED = "key added"
    REVOKED = "revoked"
    READMITTED = "readmitted"  # the operator has lifted its bar
    ASKED = "asked"
    PROVEN = "proven"
    APPROVED = "approved"
    FAILED = "failed"
    REJECTED = "rejected"


_DECISIONS: Final = (Change.APPROVED, Change.READMITTED, Change.REJECTED)


async def record_change(
    uow: UnitOfWork,
    after: Subscription,
    *,
    before: Subscription | None,
    change: Change,
    author: Author,
    now: datetime,
    why: str | None = None,
) -> None:
    """Write down a change of what is found, and tell those who wait for one."""
    row = {
        "content": after.to_wire(now=now),
        "before": None if before is None else before.to_wire(now=now),
        "in_force": True,
    }
    await _record(uow, after, row, change=change, author=author, now=now, why=why)
    await uow.announce(CHANGES_CHANNEL)


async def record_request_change(
    uow: UnitOfWork,
    request: SubscriptionRequest,
    *,
    change: Change,
    author: Author,
    now: datetime,
    why: str | None = None,
) -> None:
    """Write down what happened to a wish; what is found does not change by that."""
    asked = {"status": request.status.value, "request_id": str(request.id), "revision": request.revision}
    row = {"content": request.to_row()["wanted"] | asked, "in_force": False}
    await _record(uow, request.wanted, row, change=change, author=author, now=now, why=why)


async def _record(
    uow: UnitOfWork,
    about: Subscription,
    row: dict[str, Any],
    *,
    change: Change,
    author: Author,
    now: datetime,
    why: str | None,
) -> None:
    await uow.connection.execute(_IN_ORDER)
    await uow.connection.execute(
        insert(history).values(
            **row,
            subscriber_id=about.subscriber_id,
            key_id=about.key_id,
            action=change.value,
            changed_by=author.name,
            changed_from=author.address,
            changed_at=now,
            why=why,
        )
    )


async def find_changes(uow: UnitOfWork, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` changes of what is found, those right after number `after`."""
    rows = await uow.connection.execute(
        select(history.c.id, history.c.subscriber_id, history.c.key_id, history.c.changed_at)
        .where(history.c.id > after, history.c.in_force)
        .order_by(history.c.id)
        .limit(limit)
    )
    return [
        {
            "number": row.id,
            "subscriber_id": row.subscriber_id,
            "key_id": row.key_id,
            "at": format_instant(row.changed_at),
        }
        for row in rows
    ]


async def find_verdict(uow: UnitOfWork, subscriber_id: str) -> Verdict | None:
    """Return the operator's last word on what this name asks for, None if it binds nobody any more.

    A yes is used up by whatever is entered or ended after it; a bar that was lifted ends a no.
    """
    of_this_name = history.c.subscriber_id == subscriber_id
    rows = await uow.connection.execute(
        select(history.c.id, history.c.action, history.c.content)
        .where(of_this_name, history.c.action.in_(_DECISIONS))
        .order_by(history.c.id.desc())
        .limit(1)
    )
    last = rows.one_or_none()
    if last is None or last.action not in (Change.APPROVED, Change.REJECTED):
        return None
    if last.action == Change.APPROVED and await uow.connection.scalar(
        select(history.c.id).where(of_this_name, history.c.id > last.id, history.c.in_force).limit(1)
    ):
        return None
    asked = last.content.get("request_id")
    return Verdict(
        is_yes=last.action == Change.APPROVED,
        request_id=None if asked is None else UUID(asked),
        revision=last.content.get("revision"),
    )


async def find_asked(
    uow: UnitOfWork, request: SubscriptionRequest, *, revision: int
) -> dict[str, Any] | None:
    """Return what the request asked for in another revision of it, None if that is not known."""
    content: dict[str, Any] | None = await uow.connection.scalar(
        select(history.c.content)
        .where(
            history.c.subscriber_id == request.wanted.subscriber_id,
            history.c.action == Change.ASKED,
            history.c.content["request_id"].astext == str(request.id),
            history.c.content["revision"].astext == str(revision),
        )
        .order_by(history.c.id.desc())
        .limit(1)
    )
    return content


async def last_change(uow: UnitOfWork) -> int:
    """Return the number of the last change of what is found; 0 where there was none."""
    found = await uow.connection.scalar(select(func.max(history.c.id)).where(history.c.in_force))
    return found or 0


async def find_history(
    uow: UnitOfWork, *, subscriber_id: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return up to `limit` entries in full, of one subscriber or of all, those right after `after`."""
    query = select(history).where(history.c.id > after).order_by(history.c.id).limit(limit)
    if subscriber_id is not None:
        query = query.where(history.c.subscriber_id == subscriber_id)
    return [_entry(row) for row in (await uow.connection.execute(query)).mappings()]


def _entry(row: RowMapping) -> dict[str, Any]:
    return {
        "number": row["id"],
        "subscriber_id": row["subscriber_id"],
        "key_id": row["key_id"],
        "action": row["action"],
        "who": row["changed_by"],
        "from": row["changed_from"],
        "at": format_instant(row["changed_at"]),
        "why": row["why"],
        "before": row["before"],
        "after": row["content"],
        "in_force": row["in_force"],
    }
