"""The ledger of a session at a stall that is sold by the minute: who set the pace since when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charging_sessions", sa.Column("ledger", JSONB))


def downgrade() -> None:
    op.drop_column("charging_sessions", "ledger")
