"""What was cut from contracts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = "contract_curtailments"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity_wh", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("contract_id", "since", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=f"fk_{_TABLE}_contract_id_contracts"),
        sa.CheckConstraint("quantity_wh > 0", name=op.f(f"ck_{_TABLE}_quantity")),
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
