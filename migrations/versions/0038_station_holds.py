"""Which process holds a station's connection, and until when that counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stations", sa.Column("held_by", sa.Text))
    op.add_column("stations", sa.Column("held_until", sa.DateTime(timezone=True)))
    # whoever held a connection before has ended by now
    op.execute(
        "UPDATE stations SET held_by = '', held_until = connected_at"
        " WHERE connected_at IS NOT NULL AND protocol LIKE 'ocpp%'"
    )


def downgrade() -> None:
    op.drop_column("stations", "held_until")
    op.drop_column("stations", "held_by")
