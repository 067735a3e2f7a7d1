"""A seller may propose another price for a contract."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract_proposals", sa.Column("price_per_kwh", sa.Text))


def downgrade() -> None:
    op.drop_column("contract_proposals", "price_per_kwh")
