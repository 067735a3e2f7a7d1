"""Posting events to apps: claimed, sent with no transaction open, and tried again after a while.

Each server has its events one after the other, and none waits for another's.

A claim is a lease: an event whose sender died is sent again when the lease is over. So an app may be told
twice, under the same `webhook-id`, and never not at all before its tries are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import and_, func, select, update

from bap.exact_json import dump
from bap.market.events import Event, EventType
from bap.market.tables import DeliveryState, market_deliveries, market_events, market_webhooks
from bap.market.webhook_signature import sign_post
from bap.market.webhooks import end_webhook
from kernel.clock import Clock
from kernel.errors import NodeError
from kernel.plain_text import one_line
from keystore.ports import KeyManager
from node.transport import Transport
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
"""How long is waited after each try that failed; after the last there is no other."""

_LEASE: Final = timedelta(minutes=2)
_AT_ONCE: Final = 50
_AT_ONCE_EACH: Final = 5  # to one server, one after the other: all of them within a lease
_GONE: Final = 410
_LONGEST_ERROR: Final = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An event to be posted, and where; the attempt's number goes with the lease."""

    id: int
    attempt: int
    webhook_id: str
    url: str
    secret: bytes
    event: Event

    @property
    def message_id(self) -> str:
        """The same however often it is sent."""
        return f"evt_{self.webhook_id}_{self.event.sequence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of a try."""

    status: int | None = None
    error: str | None = None

    @property
    def was_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPost:
    """Posts what is due."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    key_manager: KeyManager
    open_transport: Callable[[], Transport]

    async def step(self) -> bool:
        """Post some of what is due; return whether there was anything."""
        claimed = await self._claim()
        if not claimed:
            return False
        async with self.open_transport() as transport:
            await asyncio.gather(*(self._post_in_order(those, transport) for those in _by_webhook(claimed)))
        return True

    async def _post_in_order(self, deliveries: list[Claimed], transport: Transport) -> None:
        """Post what is due to one server; if it does not answer, it is left alone for a while."""
        for position, delivery in enumerate(deliveries):
            posted = await self._post(delivery, transport)
            await self._record(delivery, posted)
            if posted.status is None:
                await self._put_off(deliveries[position + 1 :])
                return

    async def _put_off(self, deliveries: list[Claimed]) -> None:
        """Give back what was claimed and not tried."""
        table, due_at = market_deliveries.c, self.clock.now() + WAITS[0]
        async with self.uow_factory() as uow:
            for delivery in deliveries:
                await uow.connection.execute(
                    update(market_deliveries)
                    .where(table.id == delivery.id, table.attempts == delivery.attempt)
                    .where(table.state == DeliveryState.PENDING)
                    .values(attempts=delivery.attempt - 1, due_at=due_at)
                )

    async def _claim(self) -> list[Claimed]:
        now, table = self.clock.now(), market_deliveries.c
        is_due = and_(table.state == DeliveryState.PENDING, table.due_at <= now)
        order = (table.due_at, table.id)
        place = func.row_number().over(partition_by=table.webhook_id, order_by=order).label("place")
        queued = select(table.id, table.due_at, place).where(is_due).subquery()
        first = (
            select(queued.c.id)
            .where(queued.c.place <= _AT_ONCE_EACH)
            .order_by(queued.c.due_at, queued.c.id)
            .limit(_AT_ONCE)
        )
        due = (
            select(table.id)
            .where(table.id.in_(first.scalar_subquery()), is_due)
            .with_for_update(skip_locked=True)
        )
        async with self.uow_factory() as uow:
            rows = await uow.connection.execute(
                update(market_deliveries)
                .where(table.id.in_(due.scalar_subquery()))
                .where(market_webhooks.c.id == table.webhook_id)
                .where(market_events.c.sequence == table.event)
                .values(attempts=table.attempts + 1, due_at=now + _LEASE)
                .returning(
                    table.id.label("delivery"),
                    table.attempts,
                    table.webhook_id,
                    market_webhooks.c.url,
                    market_webhooks.c.secret,
                    *market_events.c,
                )
            )
            found = rows.mappings().all()
        return sorted(
            (
                Claimed(
                    id=row["delivery"],
                    attempt=row["attempts"],
                    webhook_id=row["webhook_id"],
                    url=row["url"],
                    secret=row["secret"],
                    event=Event(
                        **{name: row[name] for name in Event.__dataclass_fields__ if name != "type"},
                        type=EventType(row["type"]),
                    ),
                )
                for row in found
            ),
            key=lambda delivery: delivery.event.sequence,
        )

    async def _post(self, delivery: Claimed, transport: Transport) -> Posted:
        body = dump(delivery.event.to_json()).encode()
        try:
            secret = await self.key_manager.open(delivery.secret, label=secret_label(delivery.webhook_id))
            headers = sign_post(body, secret=secret, message_id=delivery.message_id, at=self.clock.now())
            answer = await transport.post(delivery.url, body, headers=headers)
        except (OSError, NodeError) as error:
            return Posted(error=one_line(str(error))[:_LONGEST_ERROR])
        error_text = None if 200 <= answer.status < 300 else f"it answered {answer.status}"
        return Posted(status=answer.status, error=error_text)

    async def _record(self, delivery: Claimed, posted: Posted) -> None:
        now = self.clock.now()
        log.info(
            "webhook.posted",
            webhook=delivery.webhook_id,
            event_number=delivery.event.sequence,
            attempt=delivery.attempt,
            status=posted.status,
        )
        async with self.uow_factory() as uow:
            table = market_deliveries.c
            await uow.connection.execute(
                update(market_deliveries)
                .where(table.id == delivery.id, table.attempts == delivery.attempt)
                .where(table.state == DeliveryState.PENDING)
                .values(
                    **_next(posted, attempt=delivery.attempt, now=now),
                    last_status=posted.status,
                    last_error=posted.error,
                )
            )
            if posted.status == _GONE:
                await end_webhook(uow, delivery.webhook_id, now=now)


def _by_webhook(claimed: list[Claimed]) -> list[list[Claimed]]:
    together: dict[str, list[Claimed]] = {}
    for delivery in claimed:
        together.setdefault(delivery.webhook_id, []).append(delivery)
    return list(together.values())


def secret_label(webhook_id: str) -> str:
    """Return what a webhook's secret is sealed under."""
    return f"webhook:{webhook_id}"


def _next(posted: Posted, *, attempt: int, now: datetime) -> dict[str, object]:
    """Return how a delivery stands after a try."""
    if posted.was_taken:
        return {"state": DeliveryState.DELIVERED, "ended_at": now}
    if attempt > len(WAITS):
        return {"state": DeliveryState.FAILED, "ended_at": now}
    return {"due_at": now + WAITS[attempt - 1]}
