"""The tables of trading: contracts with their history."""

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
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

contracts: Final = Table(
    "contracts",
    metadata,
    Column("id", Text, primary_key=True),  # the order id, of a further line with its number
    Column("order_id", Text, nullable=False),
    Column("line", Integer, nullable=False, server_default="1"),
    Column("lines", Integer, nullable=False, server_default="1"),  # of the order in all
    Column("transaction_id", Text, nullable=False),
    Column("bap_id", Text, nullable=False),
    Column("bap_url", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("offer_id", Text, nullable=False),
    Column("offer_name", Text, nullable=False),
    Column("profile", Text, nullable=False, server_default="v2_rc"),  # the wire it was concluded on
    Column("source", JSONB, nullable=False),  # where the energy comes from, as it was sold
    Column("source_mrid", Text, nullable=False),  # canonical: 32 upper-case hex digits
    Column("target_meter", Text, nullable=False),  # as the buyer writes it
    Column("target_mrid", Text, nullable=False),
    Column("quantity_wh", BigInteger, nullable=False),
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("window_end", DateTime(timezone=True), nullable=False),
    Column("terms", JSONB, nullable=False),  # frozen; decimals as text
    Column("zone", Text, nullable=False),  # IANA zone whose days are settled
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("hold_until", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("refresh_at", DateTime(timezone=True)),  # when to look at it again; null: never
    Column("reported", Text, nullable=False),  # fingerprint of what the buyer was told last
    Column("standing", Text, nullable=False, server_default=""),  # fingerprint of the statuses in that
    Column("told_at", DateTime(timezone=True)),  # when the buyer was last told unasked
    Column("buyer_order", Text, nullable=False),  # JSON as the buyer sent it, numbers exact
    Column("grid", JSONB(none_as_null=True)),  # the utilities of the trade; null: none is asked
    CheckConstraint("quantity_wh > 0", name="quantity"),
    CheckConstraint("window_end > window_start", name="window"),
    CheckConstraint("line BETWEEN 1 AND lines", name="line"),
    Index(
        "uq_contracts_live_transaction",
        "bap_id",
        "transaction_id",
        "line",
        unique=True,
        postgresql_where=text("status <> 'TERMINATED'"),
    ),
    Index("ix_contracts_order_id", "order_id", "line", unique=True),
    Index("ix_contracts_buyer", "bap_id", "buyer_id"),
    Index("ix_contracts_refresh_at", "refresh_at", postgresql_where=text("refresh_at IS NOT NULL")),
    Index("ix_contracts_source_mrid", "source_mrid", postgresql_where=text("refresh_at IS NOT NULL")),
    Index("ix_contracts_target_mrid", "target_mrid", postgresql_where=text("refresh_at IS NOT NULL")),
    Index(
        "ix_contracts_source_claims",
        "source_mrid",
        "window_start",
        postgresql_where=text("confirmed_at IS NOT NULL"),
    ),
    Index(
        "ix_contracts_target_claims",
        "target_mrid",
        "window_start",
        postgresql_where=text("confirmed_at IS NOT NULL"),
    ),
    Index(
        "ix_contracts_source_shares",
        "source_mrid",
        "window_start",
        postgresql_where=text("terms ? 'share_percent'"),
    ),
    *(
        Index(
            f"ix_contracts_finished_{side}_mrid",
            f"{side}_mrid",
            "window_end",
            postgresql_where=text("refresh_at IS NULL AND confirmed_at IS NOT NULL"),
        )
        for side in ("source", "target")
    ),
    Index("ix_contracts_created_at", "created_at", "id"),
)

contract_events: Final = Table(
    "contract_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),  # a subscriber id, or ours
    Column("event", Text, nullable=False),
    Column("status", Text, nullable=False),  # after the event
    Column("reason", Text),
    Column("message_id", Text),  # of the message that brought it about
    Column("fingerprint", Text, nullable=False),  # SHA-256 of the contract as it was afterwards
    Index("ix_contract_events_contract_id", "contract_id", "id"),
)

news_followers: Final = Table(
    "news_followers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
)

contract_news: Final = Table(
    "contract_news",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("provider_id", Text, nullable=False),  # of the contract
    Column("event", Text, nullable=False),
    Column("status", Text, nullable=False),  # after the event
    Column("reason", Text),
    Column("bill", Text),  # the cycle of the bill that was issued, paid or corrected, if that is the news
    Column("correction", Integer),  # the number of that correction
    Column("at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),  # when it is told, or told again
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("ix_contract_news_due_at", "due_at", "id"),
    Index("ix_contract_news_provider_id", "provider_id", "due_at", "id"),
    Index("ix_contract_news_contract_id", "contract_id", "id"),
)

contract_curtailments: Final = Table(
    "contract_curtailments",
    metadata,
    Column("contract_id", Text, ForeignKey("contracts.id"), primary_key=True),
    Column("since", DateTime(timezone=True), primary_key=True),
    Column("quantity_wh", BigInteger, nullable=False),  # cut from what was contracted, in all so far
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("quantity_wh > 0", name="quantity"),
)

contract_cancellations: Final = Table(
    "contract_cancellations",
    metadata,
    Column("contract_id", Text, ForeignKey("contracts.id"), primary_key=True),
    Column("side", Text, nullable=False),  # who ended it
    Column("at", DateTime(timezone=True), nullable=False),
    Column("agreed_start", DateTime(timezone=True), nullable=False),  # of the window as it was agreed
    Column("agreed_end", DateTime(timezone=True), nullable=False),
    Column("currency", Text, nullable=False),
    Column("value_minor", BigInteger, nullable=False),  # what the order was to cost
    Column("owed_minor", BigInteger, nullable=False),  # to the other side
    Column("reason_code", Text, nullable=False),  # as the wire has it; empty where none was named
    Column("reason", Text, nullable=False),
    CheckConstraint("side IN ('BUYER', 'SELLER')", name="side"),
    CheckConstraint("owed_minor >= 0", name="owed"),
)

contract_promotions: Final = Table(
    "contract_promotions",
    metadata,
    Column("contract_id", Text, ForeignKey("contracts.id"), primary_key=True),
    Column("title", Text, primary_key=True),  # of the promotion among those of its offer
    Column("code_sha256", LargeBinary),  # of the code that it was ordered with; null: without one
    Column("minimum_wh", BigInteger),  # what the contract keeps at least for it
)

contract_proposals: Final = Table(
    "contract_proposals",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("side", Text, nullable=False),  # who proposes
    Column("quantity_wh", BigInteger),  # null: it stays
    Column("window_start", DateTime(timezone=True)),  # null: the window stays
    Column("window_end", DateTime(timezone=True)),
    Column("price_per_kwh", Text),  # an exact decimal, major units; null: it stays
    Column("words", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("lapses_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("answered_at", DateTime(timezone=True)),
    Column("answer", Text),
    CheckConstraint("side IN ('BUYER', 'SELLER')", name="side"),
    CheckConstraint("quantity_wh > 0", name="quantity"),
    CheckConstraint("window_end > window_start", name="window"),
    Index("ix_contract_proposals_contract_id", "contract_id", "number"),
    Index(
        "uq_contract_proposals_open",
        "contract_id",
        unique=True,
        postgresql_where=text("status = 'OPEN'"),
    ),
    Index("ix_contract_proposals_waiting", "lapses_at", postgresql_where=text("status = 'OPEN'")),
)

utility_allocations: Final = Table(
    "utility_allocations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("utility_id", Text, nullable=False),  # a subscriber id
    Column("message_id", Text, nullable=False),  # of the utility's own on_update
    Column("said_at", DateTime(timezone=True), nullable=False),
    Column("delivered_wh", BigInteger),  # in all up to then; null: it says nothing of that
    Column("by_period", JSONB, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("ix_utility_allocations_contract_id", "contract_id", "id"),
)

make_append_only(contract_events, contract_curtailments, contract_cancellations, utility_allocations)
