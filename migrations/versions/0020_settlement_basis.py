"""The digest of what decides a settled cycle's amount: a look at a contract computes only what is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("settlement_cycles", "settlement_runs"):
        op.add_column(table, sa.Column("basis", sa.LargeBinary))


def downgrade() -> None:
    for table in ("settlement_runs", "settlement_cycles"):
        op.drop_column(table, "basis")
