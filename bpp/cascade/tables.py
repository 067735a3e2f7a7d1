"""The tables of what utilities are asked, and of consents that wait for them."""

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

from storage.append_only import make_append_only
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
    Column("cut", JSONB(none_as_null=True)),  # what it is told was cut of the trade; null: it is asked
    UniqueConstraint("message_id"),
    Index("ix_utility_questions_contract_id", "contract_id", "id"),
    Index("ix_utility_questions_answered", text("(answer ->> 'order_id')")),
    Index("ix_utility_questions_due_at", "due_at", "id", postgresql_where=text("due_at IS NOT NULL")),
)

proposal_consents: Final = Table(
    "proposal_consents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("proposal_id", Text, ForeignKey("contract_proposals.id"), nullable=False),
    Column("who", Text, nullable=False),  # who accepts it in the seller's name
    Column("words", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
)

make_append_only(proposal_consents)
