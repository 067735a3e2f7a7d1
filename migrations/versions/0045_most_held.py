"""How much of a resource one platform may hold without buying it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stock", sa.Column("most_held_percent", sa.Numeric))
    op.create_check_constraint(
        op.f("ck_stock_most_held"), "stock", "most_held_percent > 0 AND most_held_percent <= 100"
    )


def downgrade() -> None:
    op.drop_column("stock", "most_held_percent")
