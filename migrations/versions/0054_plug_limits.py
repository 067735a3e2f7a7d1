"""What power plugs are limited to, and what of it stations were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "station_limits",
        sa.Column("connector_id", sa.Text, primary_key=True),
        sa.Column("watts", sa.BigInteger, nullable=False),
        sa.Column("grid_event", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("put_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_since", sa.DateTime(timezone=True)),
    )
    op.add_column("station_commands", sa.Column("limit_watts", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("station_commands", "limit_watts")
    op.drop_table("station_limits")
