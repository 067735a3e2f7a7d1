"""Webhooks: where an account wants its events posted, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping, any_, func, insert, literal, or_, select, update

from bap.market.account import NotInAccount
from bap.market.amounts import Instant
from bap.market.events import Event, EventType
from bap.market.forms import Form
from bap.market.problem import MarketError
from bap.market.tables import DeliveryState, market_deliveries, market_events, market_webhooks
from kernel.clock import format_instant
from registry_client.destinations import DestinationRefused, check_url
from registry_client.reach import Reach
from storage.unit_of_work import UnitOfWork

WEBHOOKS_CHANNEL: Final = "degnode_webhooks"
MOST_WEBHOOKS: Final = 10
"""How many an account may have at a time."""


class WantedEvent(StrEnum):
    """What a webhook may be told of."""

    SEARCH = EventType.SEARCH.value
    QUOTE = EventType.QUOTE.value
    ORDER = EventType.ORDER.value


class WebhookRefused(MarketError):
    """Nothing is posted there."""

    code, http_status, retryable = "MARKET_WEBHOOK_REFUSED", 422, False
    kind = "invalid-request"


class TooManyWebhooks(MarketError):
    """The account has as many as it may have."""

    code, http_status, retryable = "MARKET_TOO_MANY_WEBHOOKS", 409, False


class WebhookForm(Form):
    """Where events are to be posted."""

    url: Annotated[str, Field(max_length=2048, description="An https address.")]
    events: list[WantedEvent] = Field(default_factory=list, description="Which; if none is named, all.")


class WebhookView(BaseModel):
    """Where events are posted."""

    id: str
    url: str
    events: list[str] = Field(description="Which; none: all.")
    created_at: Instant


class NewWebhookView(WebhookView):
    """A new webhook; its secret is shown only now."""

    secret: str | None = Field(description="whsec_…; null if this request was served before.")


class DeliveryLogEntry(BaseModel):
    """What became of an event on its way."""

    id: str
    event: str = Field(description="The event's number in the stream of events.")
    type: str
    state: str = Field(description="pending, delivered or failed.")
    attempts: int
    last_status: int | None = Field(None, description="The HTTP status that came last.")
    last_error: str | None = None
    next_try_at: Instant | None = None
    ended_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as it is kept; its secret is sealed."""

    id: str
    account: str
    url: str
    types: list[str]
    secret: bytes
    created_at: datetime
    ended_at: datetime | None

    def view(self) -> WebhookView:
        return WebhookView(
            id=self.id, url=self.url, events=self.types, created_at=format_instant(self.created_at)
        )


def check_destination(url: str, *, reach: Reach) -> None:
    """Let an address pass that this node posts to. Raises: WebhookRefused."""
    try:
        check_url(url, reach=reach)
    except DestinationRefused as error:
        raise WebhookRefused(
            error.message, path="body.url", hint="Give the https address of a server of yours."
        ) from error


async def add_webhook(
    uow: UnitOfWork, webhook_id: str, *, account: str, form: WebhookForm, secret: bytes, now: datetime
) -> None:
    """Keep where an account wants its events posted. Raises: TooManyWebhooks."""
    if len(await list_webhooks(uow, account=account)) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(f"the account has {MOST_WEBHOOKS} webhooks", hint="Delete one first.")
    await uow.connection.execute(
        insert(market_webhooks).values(
            id=webhook_id,
            account=account,
            url=form.url,
            types=sorted({wanted.value for wanted in form.events}),
            secret=secret,
            created_at=now,
        )
    )


async def list_webhooks(uow: UnitOfWork, *, account: str) -> list[Webhook]:
    """Return the account's webhooks, the oldest first."""
    table = market_webhooks.c
    rows = await uow.connection.execute(
        select(market_webhooks)
        .where(table.account == account, table.ended_at.is_(None))
        .order_by(table.created_at, table.id)
    )
    return [Webhook(**row) for row in rows.mappings()]


async def get_webhook(uow: UnitOfWork, webhook_id: str, *, account: str) -> Webhook:
    """Return a webhook of the account's. Raises: NotInAccount."""
    for webhook in await list_webhooks(uow, account=account):
        if webhook.id == webhook_id:
            return webhook
    raise NotInAccount("there is no such webhook in this account", path="webhook_id")


async def end_webhook(uow: UnitOfWork, webhook_id: str, *, now: datetime) -> None:
    """Post nothing there any more; what waits for it is given up."""
    await uow.connection.execute(
        update(market_webhooks).where(market_webhooks.c.id == webhook_id).values(ended_at=now)
    )
    table = market_deliveries.c
    await uow.connection.execute(
        update(market_deliveries)
        .where(table.webhook_id == webhook_id, table.state == DeliveryState.PENDING)
        .values(state=DeliveryState.FAILED, ended_at=now, last_error="the webhook was ended")
    )


async def put_deliveries(uow: UnitOfWork, event: Event) -> None:
    """Have an event posted to every webhook of its account that wants it, in this unit of work."""
    table = market_webhooks.c
    wanted = select(table.id, literal(event.sequence), literal(event.at)).where(
        table.account == event.account,
        table.ended_at.is_(None),
        or_(func.cardinality(table.types) == 0, literal(event.type.value) == any_(table.types)),
    )
    put = await uow.connection.execute(
        insert(market_deliveries)
        .from_select(["webhook_id", "event", "due_at"], wanted)
        .returning(market_deliveries.c.id)
    )
    if put.first() is not None:
        await uow.announce(WEBHOOKS_CHANNEL)


async def list_deliveries(uow: UnitOfWork, webhook_id: str, *, limit: int) -> list[DeliveryLogEntry]:
    """Return what was posted to a webhook, the latest first."""
    table = market_deliveries.c
    rows = await uow.connection.execute(
        select(market_deliveries, market_events.c.type)
        .join(market_events, market_events.c.sequence == table.event)
        .where(table.webhook_id == webhook_id)
        .order_by(table.id.desc())
        .limit(limit)
    )
    return [_tell(row) for row in rows.mappings()]


async def send_again(uow: UnitOfWork, webhook_id: str, delivery_id: int, *, now: datetime) -> None:
    """Have an event posted once more, as if it were new. Raises: NotInAccount."""
    table = market_deliveries.c
    changed = await uow.connection.execute(
        update(market_deliveries)
        .where(table.id == delivery_id, table.webhook_id == webhook_id)
        .values(state=DeliveryState.PENDING, attempts=0, due_at=now, ended_at=None)
        .returning(table.id)
    )
    if changed.first() is None:
        raise NotInAccount("there is no such delivery to this webhook", path="delivery_id")
    await uow.announce(WEBHOOKS_CHANNEL)


def _tell(row: RowMapping) -> DeliveryLogEntry:
    is_pending = row["state"] == DeliveryState.PENDING
    return DeliveryLogEntry(
        id=str(row["id"]),
        event=str(row["event"]),
        type=row["type"],
        state=row["state"],
        attempts=row["attempts"],
        last_status=row["last_status"],
        last_error=row["last_error"],
        next_try_at=format_instant(row["due_at"]) if is_pending else None,
        ended_at=None if row["ended_at"] is None else format_instant(row["ended_at"]),
    )
