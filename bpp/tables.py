"""The tables of ratings, links, tickets, catalogue versions, what was published, and silent back offices."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
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

catalog_versions: Final = Table(
    "catalog_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("catalogue_id", Text, nullable=False),
    Column("document", Text, nullable=False),  # JSON, numbers exact
    Column("digest", Text, nullable=False),  # SHA-256 of the document, hexadecimal
    Column("origin", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("number > 0", name="number"),
)

back_office_silences: Final = Table(
    "back_office_silences",
    metadata,
    Column("office", Text, primary_key=True),
    Column("door", Text, primary_key=True),  # what it is silent about: questions or events
    Column("silences", Integer, nullable=False),  # in a row
    Column("rests_until", DateTime(timezone=True)),  # left alone until then, or on trial
)

tracking_links: Final = Table(
    "tracking_links",
    metadata,
    Column("link", Text, primary_key=True),  # what nobody can guess
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False, unique=True),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

tickets: Final = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("bap_id", Text, nullable=False),  # whose buyer asks
    Column("category", Text, nullable=False),  # of what it is about
    Column("target_id", Text, nullable=False),
    Column("contract_id", Text, ForeignKey("contracts.id")),  # where it is about one
    Column("channels", Text, nullable=False),  # by which the buyer was told to reach us, with commas
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),  # last
    Column("closed_at", DateTime(timezone=True)),
    Index(
        "uq_tickets_open",
        "bap_id",
        "category",
        "target_id",
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_tickets_opened_at", "opened_at", "id"),
)

ticket_answers: Final = Table(
    "ticket_answers",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("ticket_id", Text, ForeignKey("tickets.id"), nullable=False),
    Column("who", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=False),
    Index("ix_ticket_answers_ticket_id", "ticket_id", "number"),
)

publications: Final = Table(
    "publications",
    metadata,
    Column("message_id", Text, primary_key=True),  # of the catalog_publish, which its answer bears too
    Column("peer", Text, nullable=False),  # the discovery service's subscriber id
    Column("profile", Text, nullable=False),
    Column("version", Integer),  # of the catalogue; null where other software wrote the message
    Column("scope", Text, nullable=False),  # what of the catalogue it told
    Column("requested_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True)),
    Column("refusal", JSONB(none_as_null=True)),  # the error that stood instead of results
)

publication_results: Final = Table(
    "publication_results",
    metadata,
    Column("message_id", Text, ForeignKey("publications.message_id"), primary_key=True),
    Column("catalogue_id", Text, primary_key=True),  # as it was published
    Column("status", Text, nullable=False),
    Column("items", Integer),  # how many were taken; null where that was not said
    Column("errors", JSONB, nullable=False),  # [{code, message}]
    Column("warnings", JSONB, nullable=False),
)

make_append_only(catalog_versions)
