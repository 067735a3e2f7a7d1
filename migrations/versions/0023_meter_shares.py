"""Contracts with a fixed share of a meter are found by it, without looking at those that have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_contracts_source_shares",
        "contracts",
        ["source_mrid", "window_start"],
        postgresql_where=sa.text("terms ? 'share_percent'"),
    )


def downgrade() -> None:
    op.drop_index("ix_contracts_source_shares", table_name="contracts")
