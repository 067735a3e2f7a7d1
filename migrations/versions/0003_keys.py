"""A participant's own keys: sealed, with validity, revocation and what the registry knows of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_sets",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("signing_public_key", sa.LargeBinary, nullable=False),
        sa.Column("encryption_public_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_signing_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_encryption_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_by", sa.Text, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_why", sa.Text),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("announced_at", sa.DateTime(timezone=True)),
        sa.Column("announced_revision", sa.Integer),
        sa.PrimaryKeyConstraint("subscriber_id", "key_id", name="pk_key_sets"),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_key_sets_window")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_why IS NULL)", name=op.f("ck_key_sets_revoked")
        ),
        sa.CheckConstraint(
            "(announced_at IS NULL) = (announced_revision IS NULL)", name=op.f("ck_key_sets_announced")
        ),
        sa.CheckConstraint(
            "signing_public_key <> encryption_public_key", name=op.f("ck_key_sets_two_keys")
        ),
    )


def downgrade() -> None:
    op.drop_table("key_sets")
