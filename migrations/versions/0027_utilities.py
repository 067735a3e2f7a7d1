"""Distribution utilities: what they are asked about contracts, and the trades that a utility lets pass."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("contracts", sa.Column("grid", JSONB))
    _questions("utility_questions")
    op.create_table("utility_meters", sa.Column("mrid", sa.Text, primary_key=True))
    _trades("utility_trades")


def _questions(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("utility_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked", JSONB, nullable=False),
        sa.Column("waiting_sender", sa.Text),
        sa.Column("waiting_message_id", sa.Text),
        sa.Column("waiting_action", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("answered_at", _TIME),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("answer", JSONB),
        sa.Column("error", JSONB),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=f"fk_{table}_contract_id_contracts"),
        sa.UniqueConstraint("message_id", name=op.f(f"uq_{table}_message_id")),
    )
    op.create_index(f"ix_{table}_contract_id", table, ["contract_id", "id"])
    op.create_index(
        f"ix_{table}_due_at", table, ["due_at", "id"], postgresql_where=sa.text("due_at IS NOT NULL")
    )


def _trades(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("request", JSONB, nullable=False),
        sa.Column("buyer_mrid", sa.Text),
        sa.Column("seller_mrid", sa.Text),
        sa.Column("quantity_wh", sa.BigInteger, nullable=False),
        sa.Column("window_start", _TIME, nullable=False),
        sa.Column("window_end", _TIME, nullable=False),
        sa.Column("wheeling", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("hold_until", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("platform", "order_id", name=op.f(f"uq_{table}_platform_order_id")),
        sa.CheckConstraint("quantity_wh >= 0", name=op.f(f"ck_{table}_quantity")),
        sa.CheckConstraint("window_end > window_start", name=op.f(f"ck_{table}_window")),
    )
    for side in ("buyer", "seller"):
        op.create_index(f"ix_{table}_{side}_mrid", table, [f"{side}_mrid", "window_end"])


def downgrade() -> None:
    op.drop_table("utility_trades")
    op.drop_table("utility_meters")
    op.drop_table("utility_questions")
    op.drop_column("contracts", "grid")
