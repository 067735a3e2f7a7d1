"""When a charging's meter was last believed, and a quick way to the charging that runs at a connector."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("station_transactions", sa.Column("counted_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_station_transactions_open",
        "station_transactions",
        ["connector_id"],
        postgresql_where=sa.text("stopped_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_station_transactions_open", table_name="station_transactions")
    op.drop_column("station_transactions", "counted_at")
