"""Utility servers that are followed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "meter_feeds",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("hinted_at", _INSTANT),
        sa.Column("hinted_whole", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("leased_until", _INSTANT),
        sa.Column("lease", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        sa.Column("polled_at", _INSTANT),
        sa.Column("clock_difference", sa.Integer),
    )
    op.create_table(
        "meter_feed_registers",
        sa.Column("feed", sa.Text, sa.ForeignKey("meter_feeds.name"), primary_key=True),
        sa.Column("device_lfdi", sa.Text, primary_key=True),
        sa.Column("meter_mrid", sa.Text, primary_key=True),
        sa.Column("register_mrid", sa.Text, primary_key=True),
        sa.Column("longest_set", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("newest_reading", sa.BigInteger),
        sa.Column("looked_back_at", _INSTANT),
        sa.Column("look_from", sa.BigInteger),
        sa.Column("hinted_at", _INSTANT),
        sa.Column("changed_by_news", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
    )
    op.create_table(
        "meter_feed_pages",
        sa.Column("feed", sa.Text, sa.ForeignKey("meter_feeds.name"), primary_key=True),
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("seen_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_meter_feed_pages_seen_at", "meter_feed_pages", ["feed", "seen_at"])
    op.create_table(
        "meter_subscriptions",
        sa.Column("feed", sa.Text, sa.ForeignKey("meter_feeds.name"), primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("device_lfdi", sa.Text),
        sa.Column("meter_mrid", sa.Text),
        sa.Column("register_mrid", sa.Text),
        sa.Column("secret_sha256", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("is_confirmed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("former_secret_sha256", sa.LargeBinary, unique=True),
        sa.Column("location", sa.Text),
        sa.Column("renew_at", _INSTANT, nullable=False),
        sa.Column("notified_at", _INSTANT),
        sa.Column("last_error", sa.Text),
    )


def downgrade() -> None:
    for table in ("meter_subscriptions", "meter_feed_pages", "meter_feed_registers", "meter_feeds"):
        op.drop_table(table)
