"""The tables of a node that belong to no role."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text

from storage.metadata import metadata

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),  # 32 bytes: BLAKE2b-256 of the key
    Column("created_at", DateTime(timezone=True), nullable=False),
)
