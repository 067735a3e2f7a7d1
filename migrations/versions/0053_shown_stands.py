"""The first stand that a station told of a charging where only what its meter signed counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("station_transactions", sa.Column("shown_wh", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("station_transactions", "shown_wh")
