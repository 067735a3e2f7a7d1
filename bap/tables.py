"""The buyer's tables: its calls, the messages of each transaction, and how each one stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    false,
    text,
)

from storage.metadata import metadata


class CallState(StrEnum):
    """How far a request of ours has come."""

    SENT = "sent"  # put in the outbox; the callback is awaited
    ANSWERED = "answered"  # the callback came
    UNDELIVERED = "undelivered"  # the peer refused it or could not be reached; the outbox says which


class Direction(StrEnum):
    """Which way a message went."""

    OUT = "out"
    IN = "in"


# JSON, not JSONB: a document stays as it was written, its keys in order and its numbers digit by digit.
_DOCUMENT: Final = JSON(none_as_null=True)

bap_calls: Final = Table(
    "bap_calls",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("bpp_id", Text, nullable=False),
    Column("bpp_url", Text, nullable=False),
    Column("to_all", Boolean, nullable=False, server_default=false()),  # bpp_id is a gateway; any may answer
    Column("requested_by", Text, nullable=False),  # the name of the API key
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),  # no answer is worth waiting for after it
    Column("state", Text, nullable=False, server_default=CallState.SENT.value),
    Column("ended_at", DateTime(timezone=True)),  # when it was answered or came back undelivered
    Column("error", _DOCUMENT),  # {code, message, details} of the peer; null unless undelivered
    Index("ix_bap_calls_transaction_id", "transaction_id", "bpp_id"),
    Index("ix_bap_calls_undelivered", "ended_at", postgresql_where=text("state = 'undelivered'")),
)

bap_messages: Final = Table(
    "bap_messages",
    metadata,
    Column("sequence", BigInteger, Identity(), primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),  # when it was written here
    Column("document", _DOCUMENT, nullable=False),  # the whole message, context included
    Column("error", _DOCUMENT),  # {code, message, details} of a callback that carries a refusal
    Index("ix_bap_messages_transaction_id", "transaction_id", "sequence"),
    Index("ix_bap_messages_message_id", "message_id"),
)

bap_transactions: Final = Table(
    "bap_transactions",
    metadata,
    Column("transaction_id", Text, primary_key=True),
    Column("bpp_id", Text, nullable=False),
    Column("bpp_url", Text, nullable=False),
    Column("order_id", Text),
    Column("order", _DOCUMENT),  # as the seller's platform stated it last
    Column("profile", Text, nullable=False, server_default="v2_rc"),  # the wire that the order is written in
    Column("order_status", Text),
    Column("contract_status", Text),
    Column("order_stated_at", DateTime(timezone=True)),  # the context's timestamp
    Column("contract_updated_at", DateTime(timezone=True)),  # the contract's own lastUpdated
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("ix_bap_transactions_updated_at", "updated_at", "transaction_id"),
)
