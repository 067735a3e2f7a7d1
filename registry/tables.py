"""The tables of a registry: how each key stands now, and every change there ever was."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

subscriptions: Final = Table(
    "registry_subscriptions",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("type", Text, nullable=False),  # BAP, BPP or BG
    Column("domain", Text, nullable=False),
    Column("location", JSONB),  # as the subscriber gave it
    Column("signing_public_key", Text, nullable=False),  # base64 of 32 bytes, Ed25519
    Column("encr_public_key", Text),  # base64, X25519, raw or DER
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True)),  # null: open
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("ix_registry_subscriptions_domain", "domain", "type"),
)

# Append-only: rows are neither changed nor deleted.
history: Final = Table(
    "registry_history",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("subscriber_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),  # the name of the token that was shown
    Column("changed_from", Text),  # the caller's network address
    Column("content", JSONB, nullable=False),  # the subscription from then on
    Index("ix_registry_history_subscriber_id", "subscriber_id", "key_id", "id"),
)

make_append_only(history)
