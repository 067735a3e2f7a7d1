"""What the plain API keeps of the further lines of a quote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("market_purchases", sa.Column("further", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("market_purchases", "further")
