"""What arrives, as server-sent events: replayed from the records, then as it comes.

A callback is one event under its sequence number. A request that comes back undelivered is an event
`undelivered` without a number, told once a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi.sse import format_sse_event
from sqlalchemy import func, select

from bap.events import EventHub, Pulse
from bap.exact_json import dump
from bap.tables import CallState, Direction, bap_calls, bap_messages
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

_MOST_AT_ONCE: Final = 50
_CLOCKS_APART: Final = timedelta(minutes=1)  # between the nodes that share a database, and their commits
UNDELIVERED_EVENT: Final = "undelivered"


@dataclass(slots=True, kw_only=True)
class EventStream:
    """The events of one transaction, or of all, after sequence number `after`.

    `since` bounds the undelivered requests that are told of. A comment is sent after
    `heartbeat_seconds` of silence, so that nobody in between closes the connection; the first bears
    the number to go on after, should the connection break off before any event.
    """

    uow_factory: UnitOfWorkFactory
    hub: EventHub
    transaction_id: str | None
    after: int
    since: datetime | None = None
    heartbeat_seconds: float = 15.0
    _told: set[str] = field(default_factory=set, init=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield events until the hub is closed or nobody reads them."""
        with self.hub.subscribe(self.transaction_id) as subscription:
            yield format_sse_event(comment="listening", id=str(self.after))
            pulse = Pulse(seconds=self.heartbeat_seconds)
            while not subscription.is_closed:
                async with self.uow_factory() as uow:
                    events = [*await self._arrivals(uow), *await self._undelivered(uow)]
                for event in events:
                    yield event
                if events:
                    pulse.told()
                elif await pulse.is_due(subscription):
                    yield format_sse_event(comment="still here")

    async def _arrivals(self, uow: UnitOfWork) -> list[bytes]:
        table = bap_messages.c
        query = select(bap_messages).where(table.direction == Direction.IN, table.sequence > self.after)
        if self.transaction_id is not None:
            query = query.where(table.transaction_id == self.transaction_id)
        rows = await uow.connection.execute(query.order_by(table.sequence).limit(_MOST_AT_ONCE))
        events = []
        for row in rows.mappings():
            self.after = row["sequence"]
            content = {key: row["document"][key] for key in ("message", "error") if key in row["document"]}
            data = _identity(row) | {"context": row["document"]["context"]} | content
            events.append(format_sse_event(event=row["action"], data_str=dump(data), id=str(self.after)))
        return events

    async def _undelivered(self, uow: UnitOfWork) -> list[bytes]:
        table = bap_calls.c
        query = select(bap_calls).where(table.state == CallState.UNDELIVERED)
        if self.transaction_id is not None:
            query = query.where(table.transaction_id == self.transaction_id)
        if self.since is not None:
            query = query.where(table.ended_at >= self.since)
        rows = await uow.connection.execute(query.order_by(table.ended_at))
        new = [row for row in rows.mappings() if row["message_id"] not in self._told]
        self._told.update(row["message_id"] for row in new)
        if new and self.since is not None:
            self.since = max(self.since, new[-1]["ended_at"] - _CLOCKS_APART)
        return [
            format_sse_event(
                event=UNDELIVERED_EVENT, data_str=dump(_identity(row) | {"peer_error": row["error"]})
            )
            for row in new
        ]


async def last_sequence(uow: UnitOfWork) -> int:
    """Return the number of the latest arrival, nought when there is none."""
    latest = select(func.coalesce(func.max(bap_messages.c.sequence), 0))
    found = await uow.connection.execute(latest.where(bap_messages.c.direction == Direction.IN))
    return int(found.scalar_one())


def _identity(row: Any) -> dict[str, str]:  # noqa: ANN401  a row of either table
    return {name: row[name] for name in ("transaction_id", "message_id", "action")}
