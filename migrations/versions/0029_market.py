"""Searches, quotes and orders of the plain API, for apps that know no wire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
RECORD = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _create_searches()
    _create_purchases()
    _create_events()


def _create_searches() -> None:
    op.create_table(
        "market_searches",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("asked", RECORD, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("closes_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_searches"),
    )
    op.create_table(
        "market_offers",
        sa.Column("search_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("bpp_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("available_wh", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("produced_from", INSTANT, nullable=False),
        sa.Column("produced_until", INSTANT, nullable=False),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("offer", RECORD, nullable=False),
        sa.Column("names", RECORD, nullable=False),
        sa.PrimaryKeyConstraint("search_id", "id", name="pk_market_offers"),
    )
    op.create_index("ix_market_offers_account_id_found_at", "market_offers", ["account", "id", "found_at"])


def _create_purchases() -> None:
    op.create_table(
        "market_purchases",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("asked", RECORD, nullable=False),
        sa.Column("offer", RECORD, nullable=False),
        sa.Column("names", RECORD, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ordered_at", INSTANT),
        sa.Column("confirm_wanted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("status", sa.Text),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_purchases"),
    )
    op.create_index(
        "ix_market_purchases_account_ordered_at_id", "market_purchases", ["account", "ordered_at", "id"]
    )
    op.create_table(
        "market_requests",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("bpp_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("problem", RECORD),
        sa.Column("result", RECORD),
        sa.PrimaryKeyConstraint("id", name="pk_market_requests"),
    )
    op.create_index("ix_market_requests_thread_id_number", "market_requests", ["thread_id", "number"])


def _create_events() -> None:
    op.create_table(
        "market_events",
        sa.Column("sequence", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("data", RECORD, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_market_events"),
    )
    op.create_index("ix_market_events_account_sequence", "market_events", ["account", "sequence"])
    op.create_index("ix_market_events_thread_id_sequence", "market_events", ["thread_id", "sequence"])
    op.create_table(
        "market_idempotency",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("account", "key", name="pk_market_idempotency"),
    )


def downgrade() -> None:
    for table in ("idempotency", "events", "requests", "purchases", "offers", "searches"):
        op.drop_table(f"market_{table}")
