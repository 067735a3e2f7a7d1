"""What was published is known by when it was sent: what was sent before it comes too late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

_TABLE = "published_catalogues"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("sent_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column(_TABLE, "sent_at")
