"""The table of published catalogues."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from storage.metadata import metadata

published_catalogues: Final = Table(
    "published_catalogues",
    metadata,
    Column("bpp_id", Text, primary_key=True),  # who published it
    Column("catalogue_id", Text, primary_key=True),
    Column("bpp_url", Text, nullable=False),
    Column("profile", Text, nullable=False),  # the generation that it is written in
    Column("body", JSONB, nullable=False),  # the catalogue as it was published
    Column("version", Integer, nullable=False),  # how often it was published
    Column("items", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),  # false: withdrawn
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),  # by its sender's clock; null: before it was kept
    Column("message_id", Text, nullable=False),  # of the message that told it last
    Column("change", BigInteger, Identity(), nullable=False),  # grows with every publication
    Index(None, "change", unique=True),
)
