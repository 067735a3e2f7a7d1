"""What utilities say of trades unasked: on a platform what they allocate, on a utility all that it said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_ALLOCATED = "utility_allocations"
_SAID = "utility_statements"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        _ALLOCATED,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("utility_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("said_at", instant, nullable=False),
        sa.Column("delivered_wh", sa.BigInteger),
        sa.Column("by_period", JSONB, nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_ALLOCATED}"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=f"fk_{_ALLOCATED}_contract_id_contracts"),
    )
    op.create_index(f"ix_{_ALLOCATED}_contract_id", _ALLOCATED, ["contract_id", "id"])
    op.execute(
        f"CREATE TRIGGER {_ALLOCATED}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_ALLOCATED} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        _SAID,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("cut_wh", sa.BigInteger),
        sa.Column("cut_since", instant),
        sa.Column("cut_reason", sa.Text),
        sa.Column("delivered_wh", sa.BigInteger),
        sa.Column("by_period", JSONB, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("said_at", instant, nullable=False),
        sa.Column("refusal", JSONB(none_as_null=True)),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_SAID}"),
        sa.UniqueConstraint("message_id", name=f"uq_{_SAID}_message_id"),
        sa.ForeignKeyConstraint(
            ["platform", "order_id"],
            ["utility_trades.platform", "utility_trades.order_id"],
            name=f"fk_{_SAID}_platform_order_id_utility_trades",
        ),
        sa.CheckConstraint("cut_wh > 0", name=op.f(f"ck_{_SAID}_cut")),
    )
    op.create_index(f"ix_{_SAID}_order_id", _SAID, ["platform", "order_id", "id"])


def downgrade() -> None:
    op.drop_table(_SAID)
    op.drop_table(_ALLOCATED)
