"""Which wire each peer, contract and order is on; what peers answered, as evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FIRST_WIRE = "v2_rc"  # the only one that was spoken before


def upgrade() -> None:
    op.add_column("peers", sa.Column("profile", sa.Text))
    op.add_column("peers", sa.Column("clock_skew", sa.Interval))
    op.add_column("peers", sa.Column("heard_at", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("answer_body", sa.LargeBinary))
    op.add_column("outbox", sa.Column("answer_signature", sa.Text))
    op.add_column("outbox", sa.Column("answer_verdict", sa.Text))
    for table in ("contracts", "bap_transactions"):
        op.add_column(table, sa.Column("profile", sa.Text, nullable=False, server_default=_FIRST_WIRE))


def downgrade() -> None:
    for table in ("contracts", "bap_transactions"):
        op.drop_column(table, "profile")
    for column in ("answer_verdict", "answer_signature", "answer_body"):
        op.drop_column("outbox", column)
    for column in ("heard_at", "clock_skew", "profile"):
        op.drop_column("peers", column)
