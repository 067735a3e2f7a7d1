"""The tables of a utility: its customers' meters, the trades that it let pass, and what it said of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.metadata import metadata

utility_meters: Final = Table(
    "utility_meters",
    metadata,
    Column("mrid", Text, primary_key=True),  # whoever reckons with a meter's limit locks its row
)

utility_trades: Final = Table(
    "utility_trades",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),  # the seller's platform that asked
    Column("order_id", Text, nullable=False),  # its name of the trade
    Column("transaction_id", Text, nullable=False),
    Column("request", JSONB, nullable=False),  # the trade as it was put before us
    Column("buyer_mrid", Text),  # null: no customer of ours
    Column("seller_mrid", Text),  # null: no customer of ours
    Column(
        "quantity_wh", BigInteger, nullable=False
    ),  # of a trade that ended on its way, the part until then
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("window_end", DateTime(timezone=True), nullable=False),
    Column("wheeling", JSONB, nullable=False),  # the charges as they were quoted
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("hold_until", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    UniqueConstraint("platform", "order_id"),
    CheckConstraint("quantity_wh >= 0", name="quantity"),
    CheckConstraint("window_end > window_start", name="window"),
    Index("ix_utility_trades_buyer_mrid", "buyer_mrid", "window_end"),
    Index("ix_utility_trades_seller_mrid", "seller_mrid", "window_end"),
)

utility_statements: Final = Table(
    "utility_statements",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),  # of the on_update that says so, or the update that did
    Column("cut_wh", BigInteger),  # cut from the trade in all so far; null: nothing is said of that
    Column("cut_since", DateTime(timezone=True)),
    Column("cut_reason", Text),
    Column("delivered_wh", BigInteger),  # in all so far; null: nothing is said of that
    Column("by_period", JSONB, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("said_at", DateTime(timezone=True), nullable=False),
    Column("refusal", JSONB(none_as_null=True)),  # why the platform does not take it; null: nothing is known
    Column("is_heard", Boolean, nullable=False, server_default=false()),  # the platform's own word, of a cut
    UniqueConstraint("message_id"),
    ForeignKeyConstraint(["platform", "order_id"], ["utility_trades.platform", "utility_trades.order_id"]),
    CheckConstraint("cut_wh > 0", name="cut"),
    Index("ix_utility_statements_order_id", "platform", "order_id", "id"),
)
