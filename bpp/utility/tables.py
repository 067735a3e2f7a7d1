"""The tables of a utility: the meters of its customers, and the trades that it let pass."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
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
