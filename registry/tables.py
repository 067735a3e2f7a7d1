"""The tables of a registry: how each key stands now, who asks to come in, and every change there was."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

# Only what was proven once, or entered by the operator; a key that ended stays.
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
    Column("barred", Boolean, nullable=False, server_default=false()),  # the operator put it out
    Index("ix_registry_subscriptions_domain", "domain", "type"),
)

# A subscription, or a change of one, that is not proven or not approved yet; what became of it stays a while.
requests: Final = Table(
    "registry_requests",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from subscriber, key id and signing key
    Column("subscriber_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wanted", JSONB, nullable=False),  # the subscription as it is to be
    Column("spread", JSONB, nullable=False),  # names of the fields that go to its other keys, too
    Column("step", Text, nullable=False),  # what comes next
    Column("status", Text, nullable=False),  # how it stands in the words of the registry API
    Column("since", DateTime(timezone=True), nullable=False),  # of the status
    Column("reason", Text),
    Column("hint", Text),
    Column("attempts", Integer, nullable=False),  # in this step
    Column("next_try_at", DateTime(timezone=True)),  # null: nothing to do for the registry
    Column("needs_approval", Boolean, nullable=False),
    Column("authorised_by", Text),  # the id of the subscriber's valid key that asked; null: a newcomer
    Column("asked_by", Text, nullable=False),
    Column("asked_from", Text),  # the caller's network address
    Column("revision", Integer, nullable=False),  # goes up when something else is asked for
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("ix_registry_requests_subscriber_id", "subscriber_id"),
    Index("ix_registry_requests_next_try_at", "next_try_at"),
)

# Each counts once for its subscriber, as long as its signature could be shown again.
nonces: Final = Table(
    "registry_nonces",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("ix_registry_nonces_until", "until"),
)

# The token that was made because none was set; of it only the digest.
admin_keys: Final = Table(
    "registry_admin_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # BLAKE2b, 32 bytes
    Column("made_at", DateTime(timezone=True), nullable=False),
)

# Append-only: rows are neither changed nor deleted; the numbers are in the order of the commits.
history: Final = Table(
    "registry_history",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("subscriber_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("changed_by", Text, nullable=False),  # the name of a token, a key of the subscriber, the registry
    Column("changed_from", Text),  # the caller's network address
    Column("content", JSONB, nullable=False),  # the subscription from then on, or as it is asked for
    Column("action", Text, nullable=False, server_default="entered"),
    Column("why", Text),
    Column("before", JSONB),  # the subscription until then
    Column("in_force", Boolean, nullable=False, server_default=true()),  # false: only a request changed
    Index("ix_registry_history_subscriber_id", "subscriber_id", "key_id", "id"),
)

make_append_only(history)
