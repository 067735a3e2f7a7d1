"""What a utility calls a trade is found by an index, whenever it says something of one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_INDEX = "ix_utility_questions_answered"
_TABLE = "utility_questions"


def upgrade() -> None:
    op.create_index(_INDEX, _TABLE, [sa.text("(answer ->> 'order_id')")])


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
