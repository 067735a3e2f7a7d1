"""What sellers' platforms publish to a discovery service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "published_catalogues",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("bpp_id", "catalogue_id", "bpp_url", "profile")),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True)),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("change", sa.BigInteger, sa.Identity(), nullable=False),
        sa.PrimaryKeyConstraint("bpp_id", "catalogue_id", name="pk_published_catalogues"),
    )
    op.create_index(
        "ix_published_catalogues_change", "published_catalogues", ["change"], unique=True
    )


def downgrade() -> None:
    op.drop_table("published_catalogues")
