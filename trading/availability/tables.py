"""The tables of the stock: what there is of each resource and when, and which contract holds what of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.append_only import make_append_only
from storage.metadata import metadata

stock: Final = Table(
    "stock",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("basis", Text, nullable=False),  # what its buckets follow from
    Column("most_held_percent", Numeric),  # of each bucket, by one platform, unconfirmed; null: unbounded
    CheckConstraint("most_held_percent > 0 AND most_held_percent <= 100", name="most_held"),
    CheckConstraint("basis IN ('WHOLE', 'PROFILE', 'FORECAST', 'CLOSED')", name="basis"),
)
"""A row for each resource that was ever offered, which whoever changes its buckets or holds locks."""

stock_buckets: Final = Table(
    "stock_buckets",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("resource_id", Text, ForeignKey("stock.resource_id"), nullable=False),
    Column("starts", DateTime(timezone=True)),  # null, as is the end: whenever it is produced
    Column("ends", DateTime(timezone=True)),
    Column("available_wh", BigInteger, nullable=False),  # offered in it
    Column("reserved_wh", BigInteger, nullable=False, server_default="0"),  # held or sold
    Column("is_offered", Boolean, nullable=False, server_default="true"),  # false: kept for what is sold
    CheckConstraint("(starts IS NULL) = (ends IS NULL) AND ends > starts", name="interval"),
    CheckConstraint("available_wh >= 0 AND (is_offered OR available_wh = 0)", name="available"),
    CheckConstraint("reserved_wh >= 0", name="reserved"),
    UniqueConstraint(
        "resource_id", "starts", "ends", postgresql_nulls_not_distinct=True, name="uq_stock_buckets_interval"
    ),
    Index("ix_stock_buckets_ends", "ends", postgresql_where=text("starts IS NOT NULL")),
    Index(
        "ix_stock_buckets_reserved",
        "resource_id",
        postgresql_where=text("starts IS NULL AND reserved_wh <> 0"),
    ),
)

holds: Final = Table(
    "holds",
    metadata,
    Column("contract_id", Text, ForeignKey("contracts.id"), primary_key=True),
    Column("resource_id", Text, ForeignKey("stock.resource_id"), nullable=False),
    Column("watt_hours", BigInteger, nullable=False),  # in all of its parts
    Column("expires_at", DateTime(timezone=True)),  # null once it is sold
    CheckConstraint("watt_hours > 0", name="watt_hours"),
    Index("ix_holds_resource_id", "resource_id", "expires_at"),
    Index("ix_holds_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
)

hold_parts: Final = Table(
    "hold_parts",
    metadata,
    Column("contract_id", Text, ForeignKey("holds.contract_id"), nullable=False),
    Column("bucket_id", BigInteger, ForeignKey("stock_buckets.id"), nullable=False),
    Column("watt_hours", BigInteger, nullable=False),
    PrimaryKeyConstraint("contract_id", "bucket_id"),
    CheckConstraint("watt_hours > 0", name="watt_hours"),
    Index("ix_hold_parts_bucket_id", "bucket_id"),
)

stock_forecasts: Final = Table(
    "stock_forecasts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("resource_id", Text, ForeignKey("stock.resource_id"), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("source IN ('UPLOAD', 'METER')", name="source"),
    Index("ix_stock_forecasts_resource_id", "resource_id", "id"),
    Index("ix_stock_forecasts_issued_at", "issued_at"),
)

stock_forecast_values: Final = Table(
    "stock_forecast_values",
    metadata,
    Column("forecast_id", BigInteger, ForeignKey("stock_forecasts.id"), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("starts", DateTime(timezone=True), nullable=False),
    Column("ends", DateTime(timezone=True), nullable=False),
    Column("watt_hours", BigInteger, nullable=False),
    PrimaryKeyConstraint("forecast_id", "starts"),
    CheckConstraint("ends > starts", name="interval"),
    CheckConstraint("watt_hours >= 0", name="watt_hours"),
    Index("ix_stock_forecast_values_resource_id", "resource_id", "starts"),
)

make_append_only(stock_forecasts, stock_forecast_values)
