"""Reading what is kept of transactions, for the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, Select, and_, func, or_, select

from bap.diagnosis import Progress, explain
from bap.order import Order
from bap.tables import CallState, Direction, bap_calls, bap_messages, bap_transactions
from bap.views import (
    BillView,
    DeliveryView,
    ErrorView,
    Json,
    LineView,
    MessageView,
    TransactionPage,
    TransactionSummary,
    TransactionView,
)
from kernel.clock import format_instant
from kernel.errors import NodeError
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.tables import InboxState, OutboxState, inbox, outbox, peers
from storage.unit_of_work import UnitOfWork

_SENDER_KEYS: Final = frozenset(profile.keys.bpp_id for profile in PROFILES.values())
_SUMMARY: Final = [column for column in bap_transactions.c if column.name not in ("order", "order_stated_at")]


class NoSuchTransaction(NodeError):
    """This node has no transaction of that id."""

    code, http_status, retryable = "CTX_TRANSACTION_ID_UNKNOWN", 404, False


async def get_transaction(
    uow: UnitOfWork, transaction_id: str, *, now: datetime, with_documents: bool = False
) -> TransactionView:
    """Return everything known of a transaction. Raises: NoSuchTransaction."""
    row = await _get_row(uow, transaction_id)
    order = None if row["order"] is None else Order(document=row["order"], profile=row["profile"])
    timeline = [
        *await _recorded(uow, transaction_id, now=now, with_documents=with_documents),
        *await _not_taken(uow, transaction_id),
    ]
    return TransactionView(
        **_summary(row),
        contract=None if order is None else order.contract,
        bill=None if order is None else BillView(**order.bill),
        delivery=None if order is None else order.delivery,
        proposal=None if order is None else order.proposal,
        lines=[] if order is None else _lines(order),
        order=None if order is None else order.document,
        messages=[view for _, view in sorted(timeline, key=lambda entry: entry[0])],
    )


def _lines(order: Order) -> list[LineView]:
    alone = order.lines
    if len(alone) == 1:
        return []
    return [
        LineView(
            line=number,
            contract=each.contract,
            bill=BillView(**each.bill),
            delivery=each.delivery,
            proposal=each.proposal,
        )
        for number, each in enumerate(alone, start=1)
    ]


async def check_transaction(uow: UnitOfWork, transaction_id: str) -> None:
    """Raises: NoSuchTransaction."""
    await _get_row(uow, transaction_id)


async def list_transactions(uow: UnitOfWork, *, limit: int, offset: int) -> TransactionPage:
    """Return a page of transactions, those heard of last first."""
    table = bap_transactions.c
    total = await uow.connection.execute(select(func.count()).select_from(bap_transactions))
    rows = await uow.connection.execute(
        select(*_SUMMARY).order_by(table.updated_at.desc(), table.transaction_id).limit(limit).offset(offset)
    )
    return TransactionPage(
        transactions=[TransactionSummary(**_summary(row)) for row in rows.mappings()],
        total=total.scalar_one(),
        limit=limit,
        offset=offset,
    )


async def _get_row(uow: UnitOfWork, transaction_id: str) -> RowMapping:
    table = bap_transactions
    found = None
    if transaction_id.isprintable():  # PostgreSQL takes no NUL
        rows = await uow.connection.execute(select(table).where(table.c.transaction_id == transaction_id))
        found = rows.mappings().one_or_none()
    if found is None:
        raise NoSuchTransaction(
            "there is no such transaction here",
            path="transaction_id",
            hint="GET /api/v1/transactions lists them all.",
        )
    return found


def _summary(row: RowMapping) -> dict[str, Any]:
    same = ("transaction_id", "bpp_id", "order_id", "order_status", "contract_status")
    return {name: row[name] for name in same} | {
        "bpp_uri": row["bpp_url"],
        "wire": row["profile"],
        "created_at": format_instant(row["created_at"]),
        "updated_at": format_instant(row["updated_at"]),
    }


def _timeline_query(transaction_id: str) -> Select[Any]:
    is_ours = and_(
        bap_calls.c.message_id == bap_messages.c.message_id, bap_messages.c.direction == Direction.OUT
    )
    is_posted = and_(outbox.c.message_id == bap_calls.c.message_id, outbox.c.action == bap_calls.c.action)
    return (
        select(
            bap_messages,
            bap_calls.c.bpp_id,
            bap_calls.c.state.label("call_state"),
            bap_calls.c.error.label("call_error"),
            bap_calls.c.expires_at,
            outbox.c.state.label("outbox_state"),
            outbox.c.attempts,
            outbox.c.due_at,
            outbox.c.last_status,
            outbox.c.last_error,
            outbox.c.url,
            peers.c.blocked_until,
        )
        .outerjoin(bap_calls, is_ours)
        .outerjoin(outbox, is_posted)
        .outerjoin(peers, peers.c.subscriber_id == outbox.c.peer)
        .where(bap_messages.c.transaction_id == transaction_id)
        .order_by(bap_messages.c.sequence)
    )


async def _recorded(
    uow: UnitOfWork, transaction_id: str, *, now: datetime, with_documents: bool
) -> list[tuple[datetime, MessageView]]:
    rows = await uow.connection.execute(_timeline_query(transaction_id))
    return [(row["at"], _message(row, now=now, with_documents=with_documents)) for row in rows.mappings()]


def _message(row: RowMapping, *, now: datetime, with_documents: bool) -> MessageView:
    is_ours = row["direction"] == Direction.OUT
    error = row["call_error"] if is_ours else row["error"]
    return MessageView(
        sequence=row["sequence"],
        direction=row["direction"],
        bpp_id=row["bpp_id"] if is_ours else _sender_of(row["document"]),
        action=row["action"],
        message_id=row["message_id"],
        at=format_instant(row["at"]),
        state=row["call_state"] if is_ours else "taken",
        explanation=_explanation(row, now=now) if is_ours else _what_came(row),
        delivery=None if row["outbox_state"] is None else _delivery(row),
        error=None if error is None else ErrorView(**error),
        document=row["document"] if with_documents else None,
    )


def _explanation(row: RowMapping, *, now: datetime) -> str:
    if row["outbox_state"] is None:  # swept away after its time
        return f"{row['call_state']}; how it was delivered is no longer on record"
    progress = Progress(
        action=Action(row["action"]),
        peer=row["bpp_id"],
        call=CallState(row["call_state"]),
        expires_at=row["expires_at"],
        outbox=OutboxState(row["outbox_state"]),
        attempts=row["attempts"],
        due_at=row["due_at"],
        last_error=row["last_error"],
        blocked_until=row["blocked_until"],
    )
    return explain(progress, now=now)


def _delivery(row: RowMapping) -> DeliveryView:
    return DeliveryView(
        state=row["outbox_state"],
        attempts=row["attempts"],
        last_status=row["last_status"],
        last_error=row["last_error"],
        due_at=format_instant(row["due_at"]),
        url=row["url"],
    )


def _sender_of(document: Json) -> str | None:
    """Return which platform a callback came from; its context says so in one of two ways."""
    context = document["context"]
    return next((context[key] for key in _SENDER_KEYS if key in context), None)


def _what_came(row: RowMapping) -> str:
    return "arrived" if row["error"] is None else "arrived, and carries the peer's refusal"


_NOT_TAKEN: Final = {
    InboxState.RECEIVED: ("waiting", "arrived and not looked at yet"),
    InboxState.CLAIMED: ("waiting", "arrived and being handled"),
    InboxState.HANDLED: ("refused", "arrived and was not taken: "),
    InboxState.FAILED: ("failed", "arrived, but this node failed on it: "),
}


async def _not_taken(uow: UnitOfWork, transaction_id: str) -> list[tuple[datetime, MessageView]]:
    """Return the callbacks that have arrived and are not, or never will be, among the messages."""
    columns = ("sender", "action", "message_id", "received_at", "state", "error")
    rows = await uow.connection.execute(
        select(*(inbox.c[name] for name in columns)).where(
            inbox.c.transaction_id == transaction_id,
            or_(inbox.c.state != InboxState.HANDLED, inbox.c.error.is_not(None)),
        )
    )
    views = []
    for row in rows.mappings():
        state, words = _NOT_TAKEN[InboxState(row["state"])]
        reason = row["error"] if words.endswith(" ") and row["error"] else ""
        view = MessageView(
            sequence=None,
            direction=Direction.IN,
            bpp_id=row["sender"],
            action=row["action"],
            message_id=row["message_id"],
            at=format_instant(row["received_at"]),
            state=state,
            explanation=words + reason,
            delivery=None,
            error=None,
            document=None,
        )
        views.append((row["received_at"], view))
    return views
