"""What the sandbox payment rail is told to do next, and what it has done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sandbox_behaviours",
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("behaviour", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sandbox_behaviours"),
    )
    op.create_table(
        "sandbox_orders",
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("id", "payment")),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sandbox_orders"),
    )
    op.execute(
        "CREATE TRIGGER sandbox_orders_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sandbox_orders "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("sandbox_orders")
    op.drop_table("sandbox_behaviours")
