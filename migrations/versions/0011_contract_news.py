"""What the buyer of a contract knows of its statuses, and when it was last told unasked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contracts", sa.Column("standing", sa.Text, nullable=False, server_default=""))
    op.add_column("contracts", sa.Column("told_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("contracts", "told_at")
    op.drop_column("contracts", "standing")
