"""News of a bill's correction name it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contract_news", sa.Column("correction", sa.Integer))


def downgrade() -> None:
    op.drop_column("contract_news", "correction")
