"""The table of a participant's own keys; what is secret in it is sealed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, DateTime, Integer, LargeBinary, Table, Text

from storage.metadata import metadata

key_sets: Final = Table(
    "key_sets",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("signing_public_key", LargeBinary, nullable=False),  # 32 bytes, Ed25519
    Column("encryption_public_key", LargeBinary, nullable=False),  # 32 bytes, X25519
    Column("sealed_signing_key", LargeBinary, nullable=False),  # the seed, as the key manager sealed it
    Column("sealed_encryption_key", LargeBinary, nullable=False),
    Column("sealed_by", Text, nullable=False),  # the name of that key manager
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True)),  # null: open
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_why", Text),
    Column("revision", Integer, nullable=False, server_default="1"),  # goes up with every change
    Column("announced_at", DateTime(timezone=True)),  # when the registry last took it; null: never
    Column("announced_revision", Integer),  # as which revision the registry knows it
    CheckConstraint("valid_until >= valid_from", name="window"),
    CheckConstraint("(revoked_at IS NULL) = (revoked_why IS NULL)", name="revoked"),
    CheckConstraint("(announced_at IS NULL) = (announced_revision IS NULL)", name="announced"),
    CheckConstraint("signing_public_key <> encryption_public_key", name="two_keys"),
)
