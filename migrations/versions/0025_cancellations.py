"""How binding contracts were ended: by whom, why, and what that costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TABLE = "contract_cancellations"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        _TABLE,
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("agreed_start", instant, nullable=False),
        sa.Column("agreed_end", instant, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("value_minor", sa.BigInteger, nullable=False),
        sa.Column("owed_minor", sa.BigInteger, nullable=False),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("contract_id", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=f"fk_{_TABLE}_contract_id_contracts"),
        sa.CheckConstraint("side IN ('BUYER', 'SELLER')", name=op.f(f"ck_{_TABLE}_side")),
        sa.CheckConstraint("owed_minor >= 0", name=op.f(f"ck_{_TABLE}_owed")),
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
