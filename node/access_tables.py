"""The tables of who may do what: API keys, rules on peers, their rates, and the record of acts."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),  # the open part of the key
    Column("name", Text, nullable=False),  # its holder, who may have several keys in turn
    Column("digest", LargeBinary, nullable=False, unique=True),  # 32 bytes: BLAKE2b-256 of the whole key
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True)),  # not valid from then on; null: it does not expire
    Column("last_used_at", DateTime(timezone=True)),  # to the minute or so
    Column("revoked_at", DateTime(timezone=True)),
    Column("revoked_why", Text),
    CheckConstraint("(revoked_at IS NULL) = (revoked_why IS NULL)", name="revoked"),
    Index(None, "name"),
)

peer_rules: Final = Table(
    "peer_rules",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("effect", Text, nullable=False),  # allow or refuse
    Column("field", Text, nullable=False),  # subscriber, role, domain or network
    Column("pattern", Text, nullable=False),  # a whole name, its end after `*.`, or its beginning before `:*`
    Column("rate", Float),  # messages a second; null: as for everybody
    Column("why", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("effect IN ('allow', 'refuse')", name="effect"),
    CheckConstraint("field IN ('subscriber', 'role', 'domain', 'network')", name="field"),
    CheckConstraint("rate IS NULL OR (rate > 0 AND effect = 'allow' AND field = 'subscriber')", name="rate"),
    UniqueConstraint("field", "pattern"),
)

peer_rates: Final = Table(  # what each peer may still send; lost in a crash, and then everybody starts anew
    "peer_rates",
    metadata,
    Column("subscriber_id", Text, primary_key=True),
    Column("tokens", Float, nullable=False),  # messages that it might send at `since`
    Column("granted", Float, nullable=False),  # messages that the last lease was for
    Column("since", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)

audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("from_address", Text),  # null: from the command line, or by the node itself
    Column("what", Text, nullable=False),  # like api_key.revoked
    Column("target", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),  # never a secret
    Column("after", JSONB(none_as_null=True)),
    Column("why", Text),
    Index(None, "what", "number"),
    Index(None, "target", "number"),
)

make_append_only(audit_log)
