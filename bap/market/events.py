"""What has happened to searches, quotes and orders: one numbered line for each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, func, insert, select

from bap.market.tables import market_events
from bap.transactions import Transactions
from kernel.clock import format_instant
from storage.unit_of_work import UnitOfWork

Json = dict[str, Any]


class EventType(StrEnum):
    """What has changed."""

    SEARCH = "search.updated"
    QUOTE = "quote.updated"
    ORDER = "order.updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of something that belongs to an account."""

    sequence: int
    account: str
    thread_id: str
    type: EventType
    at: datetime
    data: Json

    def to_json(self) -> Json:
        """Return it as apps are told."""
        return {
            "type": self.type.value,
            "timestamp": format_instant(self.at),
            "data": {"id": self.thread_id} | self.data,
        }


async def record_event(
    uow: UnitOfWork, *, account: str, thread_id: str, type_: EventType, data: Json, now: datetime
) -> Event:
    """Number a change; it becomes visible in the order of the numbers."""
    await Transactions(uow).queue_up()
    put = await uow.connection.execute(
        insert(market_events)
        .values(account=account, thread_id=thread_id, type=type_, at=now, data=data)
        .returning(market_events)
    )
    return _read(put.mappings().one())


async def list_events(
    uow: UnitOfWork, *, account: str, thread_id: str | None, after: int, limit: int
) -> list[Event]:
    """Return what happened after event number `after`, the first first."""
    table = market_events.c
    query = select(market_events).where(table.account == account, table.sequence > after)
    if thread_id is not None:
        query = query.where(table.thread_id == thread_id)
    rows = await uow.connection.execute(query.order_by(table.sequence).limit(limit))
    return [_read(row) for row in rows.mappings()]


async def last_event(uow: UnitOfWork, *, account: str) -> int:
    """Return the number of the account's latest event, nought when there is none."""
    latest = select(func.coalesce(func.max(market_events.c.sequence), 0))
    found = await uow.connection.execute(latest.where(market_events.c.account == account))
    return int(found.scalar_one())


def _read(row: RowMapping) -> Event:
    return Event(**{**row, "type": EventType(row["type"])})
