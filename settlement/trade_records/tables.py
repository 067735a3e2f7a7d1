"""The tables of trades' records: each record as it stands, and every state that it ever had."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, Uuid

from storage.append_only import make_append_only
from storage.metadata import metadata

trade_records: Final = Table(
    "trade_records",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from the two that follow
    Column("transaction_id", Text, nullable=False),
    Column("order_item_id", Text, nullable=False),
    Column("platform_id_buyer", Text, nullable=False, index=True),
    Column("platform_id_seller", Text, nullable=False, index=True),
    Column("discom_id_buyer", Text, nullable=False, index=True),
    Column("discom_id_seller", Text, nullable=False, index=True),
    Column("buyer_id", Text, nullable=False),
    Column("seller_id", Text, nullable=False),
    Column("trade_time", DateTime(timezone=True)),
    Column("delivery_start", DateTime(timezone=True)),
    Column("delivery_end", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),  # which of its states this is
    UniqueConstraint("transaction_id", "order_item_id"),
    Index("ix_trade_records_created_at", "created_at"),
)

trade_record_versions: Final = Table(
    "trade_record_versions",
    metadata,
    Column("record", Uuid, ForeignKey("trade_records.id"), primary_key=True),
    Column("version", Integer, primary_key=True),  # from 1, without a gap
    Column("content", Text, nullable=False),  # canonical JSON; its bytes are digested
    Column("row_digest", Text, nullable=False),  # over the content and the digest of the version before
    Column("role", Text, nullable=False),
    Column("caller", Text, nullable=False),  # the subscriber that signed the request
    Column("client_reference", Text),
    Column("request_digest", Text, nullable=False),  # tells a repetition from another request
    Column("note", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("record", "caller", "client_reference"),
)

make_append_only(trade_record_versions)
