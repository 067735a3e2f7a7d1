"""What was cut of a trade is told to its utilities, and counts at those that did not cut it themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_ASKED = "utility_questions"
_SAID = "utility_statements"


def upgrade() -> None:
    op.add_column(_ASKED, sa.Column("cut", JSONB(none_as_null=True)))
    op.add_column(_SAID, sa.Column("is_heard", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute(f"DELETE FROM {_SAID} WHERE is_heard")
    op.drop_column(_SAID, "is_heard")
    op.drop_column(_ASKED, "cut")
