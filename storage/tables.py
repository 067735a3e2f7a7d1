"""The tables of message traffic: what came in, what goes out, and how each peer is doing."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from storage.metadata import metadata


class InboxState(StrEnum):
    """How far a received message has come."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    HANDLED = "handled"
    FAILED = "failed"


class OutboxState(StrEnum):
    """How far a message to a peer has come."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    REFUSED = "refused"  # the peer answered with a final no
    DEAD = "dead"  # given up: nobody answered in time


def _ddl(statement: str) -> DDL:
    return DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped


_OPEN_INBOX: Final = text("state IN ('received', 'claimed')")
_OPEN_OUTBOX: Final = text("state IN ('pending', 'claimed')")

inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("dedup_key", LargeBinary, nullable=False),  # 16 bytes: BLAKE2b of sender, message id, action
    Column("profile", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the very bytes that were signed
    Column("body_digest", Text, nullable=False),  # base64 of the BLAKE2b-512 of body, as it was signed
    Column("authorization", Text, nullable=False),  # the sender's signature header, verbatim
    Column("gateway", Text),  # subscriber id of the gateway that passed it on; null when it came by itself
    Column("gateway_url", Text),  # where that gateway takes messages
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default=InboxState.RECEIVED.value),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_until", DateTime(timezone=True)),
    Column("handled_at", DateTime(timezone=True)),
    Column("error", Text),
    UniqueConstraint("dedup_key"),
    Index("ix_inbox_transaction_id", "transaction_id", "id"),
    Index("ix_inbox_open", "id", postgresql_where=_OPEN_INBOX),
)
# Bodies stay as they are, beside their row: compressing them, or keeping them elsewhere, would cost
# the hot path more than everything else that PostgreSQL does for a message.
event.listen(inbox, "after_create", _ddl("ALTER TABLE inbox ALTER body SET STORAGE EXTERNAL"))
event.listen(inbox, "after_create", _ddl("ALTER TABLE inbox SET (toast_tuple_target = 8160)"))

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("profile", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("peer", Text, nullable=False),  # subscriber id of the receiver
    Column("url", Text, nullable=False),  # where it is posted, path included
    Column("message_id", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the very bytes that are signed when sent
    Column("request_signature", Text),  # what a callback repeats of the signature that it answers
    Column("sender_authorization", Text),  # of a message that is passed on: its sender's header, verbatim
    Column("relay", Text, nullable=False, server_default=""),  # from whom to whom; empty for our own
    Column("authorizations", ARRAY(Text), nullable=False, server_default="{}"),  # one a try, as sent
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default=OutboxState.PENDING.value),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("last_status", Integer),  # HTTP status of the last answer; null when there was none
    Column("last_error", Text),
    Column("answer_body", LargeBinary),  # what the peer answered last, as evidence
    Column("answer_signature", Text),  # its Signature header, verbatim
    Column("answer_verdict", Text),  # whether that signature held
    UniqueConstraint("message_id", "action", "relay"),
    Index("ix_outbox_open", "peer", "transaction_id", "id", postgresql_where=_OPEN_OUTBOX),
    Index("ix_outbox_due", "due_at", "id", postgresql_where=_OPEN_OUTBOX),
    Index("ix_outbox_transaction_id", "transaction_id"),
)

peers: Final = Table(
    "peers",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("blocked_until", DateTime(timezone=True)),
    Column("last_error", Text),
    Column("profile", Text),  # the wire that it last spoke
    Column("clock_skew", Interval),  # its clock less ours, the way of the message included
    Column("heard_at", DateTime(timezone=True)),
)

# A queue's size swings; claims are planned well only if PostgreSQL looks at it often.
for _queue in (inbox, outbox):
    event.listen(
        _queue,
        "after_create",
        _ddl(
            f"ALTER TABLE {_queue.name} SET (autovacuum_analyze_scale_factor = 0.02, "
            "autovacuum_vacuum_scale_factor = 0.02)"
        ),
    )
