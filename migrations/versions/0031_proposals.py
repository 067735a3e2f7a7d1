"""Changes of contracts that one side proposes to the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TABLE = "contract_proposals"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        _TABLE,
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("quantity_wh", sa.BigInteger),
        sa.Column("window_start", instant),
        sa.Column("window_end", instant),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("proposed_at", instant, nullable=False),
        sa.Column("lapses_at", instant, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("answered_at", instant),
        sa.Column("answer", sa.Text),
        sa.PrimaryKeyConstraint("number", name=f"pk_{_TABLE}"),
        sa.UniqueConstraint("id", name=f"uq_{_TABLE}_id"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=f"fk_{_TABLE}_contract_id_contracts"),
        sa.CheckConstraint("side IN ('BUYER', 'SELLER')", name=op.f(f"ck_{_TABLE}_side")),
        sa.CheckConstraint("quantity_wh > 0", name=op.f(f"ck_{_TABLE}_quantity")),
        sa.CheckConstraint("window_end > window_start", name=op.f(f"ck_{_TABLE}_window")),
    )
    op.create_index(f"ix_{_TABLE}_contract_id", _TABLE, ["contract_id", "number"])
    is_open = sa.text("status = 'OPEN'")
    op.create_index(f"uq_{_TABLE}_open", _TABLE, ["contract_id"], unique=True, postgresql_where=is_open)
    op.create_index(f"ix_{_TABLE}_waiting", _TABLE, ["lapses_at"], postgresql_where=is_open)


def downgrade() -> None:
    op.drop_table(_TABLE)
