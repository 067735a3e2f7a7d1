"""The shared records of trades, as their platforms and utilities write them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_PARTIES = ("platform_id_buyer", "platform_id_seller", "discom_id_buyer", "discom_id_seller")


def upgrade() -> None:
    _create_records()
    _create_versions()


def _create_records() -> None:
    table = "trade_records"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("order_item_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _PARTIES),
        sa.Column("buyer_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("trade_time", sa.DateTime(timezone=True)),
        sa.Column("delivery_start", sa.DateTime(timezone=True)),
        sa.Column("delivery_end", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint(
            "transaction_id", "order_item_id", name=f"uq_{table}_transaction_id_order_item_id"
        ),
    )
    for name in (*_PARTIES, "created_at"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def _create_versions() -> None:
    table = "trade_record_versions"
    op.create_table(
        table,
        sa.Column("record", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("row_digest", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("client_reference", sa.Text),
        sa.Column("request_digest", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("record", "version", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["record"], ["trade_records.id"], name=f"fk_{table}_record_trade_records"),
        sa.UniqueConstraint(
            "record", "caller", "client_reference", name=f"uq_{table}_record_caller_client_reference"
        ),
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("trade_record_versions")
    op.drop_table("trade_records")
