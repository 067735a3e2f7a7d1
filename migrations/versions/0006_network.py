"""What is known of peers' keys, which of them are distrusted, and how far registries were followed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _known_keys()
    _subscriptions_under_way()


def downgrade() -> None:
    for table in ("subscriptions_under_way", "change_feeds", "distrusted_keys", "known_keys"):
        op.drop_table(table)


def _known_keys() -> None:
    op.create_table(
        "known_keys",
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Text, nullable=False),
        sa.Column("owner_key_id", sa.Text, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("network", "subscriber_id", "key_id", name="pk_known_keys"),
    )
    op.create_table(
        "distrusted_keys",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "key_id", name="pk_distrusted_keys"),
    )
    op.create_table(
        "change_feeds",
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", name="pk_change_feeds"),
    )


def _subscriptions_under_way() -> None:
    op.create_table(
        "subscriptions_under_way",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("registry_url", sa.Text, nullable=False),
        sa.Column("registry_keys", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("registry_encryption_key", sa.Text),
        sa.Column("challenge_scheme", sa.Text, nullable=False),
        sa.Column("site_request_id", sa.Text),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answers_left", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "key_id", name="pk_subscriptions_under_way"),
        sa.CheckConstraint("answers_left >= 0", name=op.f("ck_subscriptions_under_way_answers")),
    )
