"""What was published to discovery services, and what they made of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publications",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("refusal", JSONB),
        sa.PrimaryKeyConstraint("message_id", name="pk_publications"),
    )
    op.create_table(
        "publication_results",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("catalogue_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("items", sa.Integer),
        sa.Column("errors", JSONB, nullable=False),
        sa.Column("warnings", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "catalogue_id", name="pk_publication_results"),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["publications.message_id"],
            name="fk_publication_results_message_id_publications",
        ),
    )


def downgrade() -> None:
    op.drop_table("publication_results")
    op.drop_table("publications")
