"""A registry that is joined by proof: requests under way, nonces, its own token, history with reasons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "registry_subscriptions", sa.Column("barred", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column(
        "registry_history", sa.Column("action", sa.Text, nullable=False, server_default="entered")
    )
    op.add_column("registry_history", sa.Column("why", sa.Text))
    op.add_column("registry_history", sa.Column("before", JSONB))
    op.add_column(
        "registry_history", sa.Column("in_force", sa.Boolean, nullable=False, server_default=sa.true())
    )
    _create_requests()
    op.create_table(
        "registry_nonces",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "nonce", name="pk_registry_nonces"),
    )
    op.create_index("ix_registry_nonces_until", "registry_nonces", ["until"])
    op.create_table(
        "registry_admin_keys",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_registry_admin_keys"),
    )


def _create_requests() -> None:
    op.create_table(
        "registry_requests",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wanted", JSONB, nullable=False),
        sa.Column("spread", JSONB, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("hint", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("needs_approval", sa.Boolean, nullable=False),
        sa.Column("authorised_by", sa.Text),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_from", sa.Text),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_requests"),
    )
    op.create_index("ix_registry_requests_subscriber_id", "registry_requests", ["subscriber_id"])
    op.create_index("ix_registry_requests_next_try_at", "registry_requests", ["next_try_at"])


def downgrade() -> None:
    for table in ("registry_admin_keys", "registry_nonces", "registry_requests"):
        op.drop_table(table)
    for column in ("in_force", "before", "why", "action"):
        op.drop_column("registry_history", column)
    op.drop_column("registry_subscriptions", "barred")
