"""Searches look at the intervals that are not over, however many there were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_TABLE = "stock_buckets"


def upgrade() -> None:
    op.create_index(
        f"ix_{_TABLE}_ends", _TABLE, ["ends"], postgresql_where=sa.text("starts IS NOT NULL")
    )
    of_whole = sa.text("starts IS NULL AND reserved_wh <> 0")
    op.create_index(f"ix_{_TABLE}_reserved", _TABLE, ["resource_id"], postgresql_where=of_whole)
    op.drop_index(f"ix_{_TABLE}_told", table_name=_TABLE)


def downgrade() -> None:
    told = sa.text("reserved_wh <> 0 OR starts IS NOT NULL")
    op.create_index(f"ix_{_TABLE}_told", _TABLE, ["resource_id"], postgresql_where=told)
    op.drop_index(f"ix_{_TABLE}_reserved", table_name=_TABLE)
    op.drop_index(f"ix_{_TABLE}_ends", table_name=_TABLE)
