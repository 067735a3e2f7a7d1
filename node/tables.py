"""The tables of a node that belong to no role."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

import node.access_tables  # noqa: F401  so that the catalogue has them, too
from storage.metadata import metadata

known_keys: Final = Table(  # of peers, as their registry told them; for the time when nobody can be asked
    "known_keys",
    metadata,
    Column("network", Text, primary_key=True),  # the registry's URL: another registry, other keys
    Column("subscriber_id", Text, primary_key=True),  # empty for a key that is named by its record
    Column("key_id", Text, primary_key=True),
    Column("owner_id", Text, nullable=False),  # whose key it is, and how the owner calls it
    Column("owner_key_id", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),  # relied on up to here, then only in grace
)

distrusted_keys: Final = Table(  # of peers, whatever their registry says
    "distrusted_keys",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
)

change_feeds: Final = Table(  # how far each registry's changes have been followed
    "change_feeds",
    metadata,
    Column("network", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# What a registry may ask while it takes this participant in, and with which keys it must do so.
subscriptions_under_way: Final = Table(
    "subscriptions_under_way",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),  # of the key set that it challenges
    Column("registry_url", Text, nullable=False),
    Column("registry_keys", ARRAY(Text), nullable=False),  # base64, Ed25519; none: its calls go unsigned
    Column("registry_encryption_key", Text),  # base64, X25519; null: a sealed box needs none
    Column("challenge_scheme", Text, nullable=False),
    Column("site_request_id", Text),  # what the page for ONDC-style registries signs
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),  # no challenge is answered from then on
    Column("answers_left", Integer, nullable=False),
    CheckConstraint("answers_left >= 0", name="answers"),
)
