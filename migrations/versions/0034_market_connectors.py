"""Offers of charging stations are found by their plug through the plain API, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("market_offers", sa.Column("connector", sa.Text))


def downgrade() -> None:
    op.drop_column("market_offers", "connector")
