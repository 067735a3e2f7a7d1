"""The table of what utilities are asked."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.metadata import metadata

utility_questions: Final = Table(
    "utility_questions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("utility_id", Text, nullable=False),  # a subscriber id
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked", JSONB, nullable=False),  # the trade that is put before the utility
    Column("waiting_sender", Text),  # whose request waits for the answer; null: nobody's does
    Column("waiting_message_id", Text),
    Column("waiting_action", Text),
    Column("message_id", Text),  # of our own request; null until it is sent
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # when something is to be done about it; null: nothing
    Column("expires_at", DateTime(timezone=True), nullable=False),  # until when an answer is waited for
    Column("answered_at", DateTime(timezone=True)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("answer", JSONB(none_as_null=True)),  # what the utility grants
    Column("error", JSONB(none_as_null=True)),  # why not
    UniqueConstraint("message_id"),
    Index("ix_utility_questions_contract_id", "contract_id", "id"),
    Index("ix_utility_questions_due_at", "due_at", "id", postgresql_where=text("due_at IS NOT NULL")),
)
