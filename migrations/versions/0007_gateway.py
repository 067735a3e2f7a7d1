"""Messages that a gateway passes on, and through which gateway a message came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("gateway", sa.Text))
    op.add_column("inbox", sa.Column("gateway_url", sa.Text))
    op.add_column("outbox", sa.Column("sender_authorization", sa.Text))
    op.add_column("outbox", sa.Column("relay", sa.Text, nullable=False, server_default=""))
    op.drop_constraint(op.f("uq_outbox_message_id_action"), "outbox")
    op.create_unique_constraint(
        op.f("uq_outbox_message_id_action_relay"), "outbox", ["message_id", "action", "relay"]
    )
    op.add_column("bap_calls", sa.Column("to_all", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("bap_calls", "to_all")
    op.execute("DELETE FROM outbox WHERE relay <> ''")
    op.drop_constraint(op.f("uq_outbox_message_id_action_relay"), "outbox")
    op.create_unique_constraint(op.f("uq_outbox_message_id_action"), "outbox", ["message_id", "action"])
    for table, column in (
        ("outbox", "relay"),
        ("outbox", "sender_authorization"),
        ("inbox", "gateway_url"),
        ("inbox", "gateway"),
    ):
        op.drop_column(table, column)
