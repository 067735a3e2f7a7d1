"""The tables behind the plain API: searches, what was found, purchases, and what was asked of sellers."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    false,
    text,
)

from storage.metadata import metadata

# JSON, not JSONB: it keeps whatever text a seller sends.
_RECORD: Final = JSON(none_as_null=True)


class RequestState(StrEnum):
    """How far something that was asked of a seller has come."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # it never reached the seller
    UNREADABLE = "unreadable"  # an answer came that cannot be understood


class OrderStatus(StrEnum):
    """How far an order has come, in plain words."""

    REQUESTED = "requested"  # the seller has not said anything yet
    HELD = "held"  # the energy is kept for the buyer for a while; nothing is binding
    ACTIVE = "active"  # bought: the contract binds both
    COMPLETED = "completed"  # delivered and settled
    CANCELLED = "cancelled"
    FAILED = "failed"  # it came to no contract


class DeliveryState(StrEnum):
    """How far an event has come on its way to a webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up; it can be sent again by hand


market_searches: Final = Table(
    "market_searches",
    metadata,
    Column("id", Text, primary_key=True),  # the transaction that sellers know it by
    Column("account", Text, nullable=False),
    Column("asked", _RECORD, nullable=False),  # the form as the app filled it in
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("closes_at", DateTime(timezone=True), nullable=False),  # no answer is waited for after it
)

market_offers: Final = Table(
    "market_offers",
    metadata,
    Column("search_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),  # the same in every search that finds the offer
    Column("account", Text, nullable=False),
    Column("bpp_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price", Numeric, nullable=False),  # major units a kWh
    Column("available_wh", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("connector", Text),  # the plug's type; null: no charging station
    Column("produced_from", DateTime(timezone=True), nullable=False),
    Column("produced_until", DateTime(timezone=True), nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("offer", _RECORD, nullable=False),  # as the app is told of it
    Column("names", _RECORD, nullable=False),  # what the seller calls it
    Index(None, "account", "id", "found_at"),
)

market_purchases: Final = Table(
    "market_purchases",
    metadata,
    Column("id", Text, primary_key=True),  # of the quote, of the order, and of the transaction
    Column("account", Text, nullable=False),
    Column("asked", _RECORD, nullable=False),
    Column("offer", _RECORD, nullable=False),
    Column("names", _RECORD, nullable=False),
    Column("further", _RECORD),  # offer and names of each line after the first; null: there is none
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ordered_at", DateTime(timezone=True)),  # null: it is only a quote
    Column("confirm_wanted", Boolean, nullable=False, server_default=false()),  # as soon as it is held
    Column("status", Text),  # of the order; null: it is only a quote
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index(None, "account", "ordered_at", "id"),
)

market_requests: Final = Table(
    "market_requests",
    metadata,
    Column("id", Text, primary_key=True),  # the message id
    Column("number", BigInteger, Identity(), nullable=False),
    Column("thread_id", Text, nullable=False),  # the search or the purchase that it belongs to
    Column("action", Text, nullable=False),
    Column("bpp_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("problem", _RECORD),  # why it came to nothing, in plain words
    Column("result", _RECORD),  # what the seller said, in plain words
    Index(None, "thread_id", "number"),
)

market_events: Final = Table(
    "market_events",
    metadata,
    Column("sequence", BigInteger, Identity(), primary_key=True),
    Column("account", Text, nullable=False),
    Column("thread_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("data", _RECORD, nullable=False),
    Index(None, "account", "sequence"),
    Index(None, "thread_id", "sequence"),
)

market_idempotency: Final = Table(
    "market_idempotency",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of the method, the path and the body
    Column("reference", Text, nullable=False),  # what came of it
    Column("at", DateTime(timezone=True), nullable=False),
)

market_webhooks: Final = Table(
    "market_webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),  # of events; none: all
    Column("secret", LargeBinary, nullable=False),  # sealed
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),  # nothing is posted from then on
    Index("ix_market_webhooks_live", "account", postgresql_where=text("ended_at IS NULL")),
)

market_deliveries: Final = Table(
    "market_deliveries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("webhook_id", Text, nullable=False),
    Column("event", BigInteger, nullable=False),  # its sequence
    Column("state", Text, nullable=False, server_default=DeliveryState.PENDING.value),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False),  # while it is being sent: the end of the lease
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("ended_at", DateTime(timezone=True)),
    Index(None, "webhook_id", "id"),
    Index("ix_market_deliveries_due", "due_at", postgresql_where=text("state = 'pending'")),
)
