"""An order of several lines: each line is a contract, and all of them share the order's id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_LIVE = sa.text("status <> 'TERMINATED'")


def upgrade() -> None:
    op.add_column("contracts", sa.Column("order_id", sa.Text))
    op.execute("UPDATE contracts SET order_id = id")
    op.alter_column("contracts", "order_id", nullable=False)
    for name in ("line", "lines"):
        op.add_column("contracts", sa.Column(name, sa.Integer, nullable=False, server_default="1"))
    op.create_check_constraint(op.f("ck_contracts_line"), "contracts", "line BETWEEN 1 AND lines")
    op.create_index("ix_contracts_order_id", "contracts", ["order_id", "line"], unique=True)
    _index(["bap_id", "transaction_id", "line"])


def downgrade() -> None:
    _index(["bap_id", "transaction_id"])
    op.drop_index("ix_contracts_order_id", "contracts")
    op.drop_constraint(op.f("ck_contracts_line"), "contracts")
    for name in ("lines", "line", "order_id"):
        op.drop_column("contracts", name)


def _index(columns: list[str]) -> None:
    """Let a conversation have one contract that goes on for each combination of `columns`."""
    op.drop_index("uq_contracts_live_transaction", "contracts")
    op.create_index(
        "uq_contracts_live_transaction", "contracts", columns, unique=True, postgresql_where=_LIVE
    )
