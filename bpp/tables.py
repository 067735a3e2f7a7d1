"""The table of ratings."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, DateTime, Numeric, Table, Text

from storage.metadata import metadata

ratings: Final = Table(
    "ratings",
    metadata,
    Column("bap_id", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("target_id", Text, primary_key=True),
    Column("score", Numeric(6, 4), nullable=False),  # out of five
    Column("value", Text, nullable=False),  # as it was sent: value, worst and best of its own scale
    Column("feedback", Text, nullable=False),  # JSON as it was sent
    Column("rated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("score BETWEEN 0 AND 5", name="score"),
)
