"""What there is of a resource is told by intervals, and what a contract holds by parts of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_buckets()
    _make_parts()
    op.execute("INSERT INTO stock_buckets (resource_id, available_wh, reserved_wh) SELECT * FROM stock")
    op.execute(
        "INSERT INTO hold_parts (contract_id, bucket_id, watt_hours) "
        "SELECT h.contract_id, b.id, h.watt_hours FROM holds AS h JOIN stock_buckets AS b USING (resource_id)"
    )
    op.add_column("stock", sa.Column("basis", sa.Text, nullable=False, server_default="WHOLE"))
    op.alter_column("stock", "basis", server_default=None)
    kinds = "basis IN ('WHOLE', 'PROFILE', 'FORECAST', 'CLOSED')"
    op.create_check_constraint(op.f("ck_stock_basis"), "stock", kinds)
    op.drop_column("stock", "available_wh")
    op.drop_column("stock", "reserved_wh")
    op.create_index(
        "ix_holds_expires_at", "holds", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL")
    )


def _make_buckets() -> None:
    instant, name = sa.DateTime(timezone=True), "stock_buckets"
    op.create_table(
        name,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("starts", instant),
        sa.Column("ends", instant),
        sa.Column("available_wh", sa.BigInteger, nullable=False),
        sa.Column("reserved_wh", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("is_offered", sa.Boolean, nullable=False, server_default="true"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["resource_id"], ["stock.resource_id"], name=f"fk_{name}_resource_id_stock"),
        sa.CheckConstraint(
            "(starts IS NULL) = (ends IS NULL) AND ends > starts", name=op.f(f"ck_{name}_interval")
        ),
        sa.CheckConstraint(
            "available_wh >= 0 AND (is_offered OR available_wh = 0)", name=op.f(f"ck_{name}_available")
        ),
        sa.CheckConstraint("reserved_wh >= 0", name=op.f(f"ck_{name}_reserved")),
        sa.UniqueConstraint(
            "resource_id", "starts", "ends", name=f"uq_{name}_interval", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(
        f"ix_{name}_told",
        name,
        ["resource_id"],
        postgresql_where=sa.text("reserved_wh <> 0 OR starts IS NOT NULL"),
    )


def _make_parts() -> None:
    name = "hold_parts"
    op.create_table(
        name,
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("bucket_id", sa.BigInteger, nullable=False),
        sa.Column("watt_hours", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("contract_id", "bucket_id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["contract_id"], ["holds.contract_id"], name=f"fk_{name}_contract_id_holds"),
        sa.ForeignKeyConstraint(["bucket_id"], ["stock_buckets.id"], name=f"fk_{name}_bucket_id_stock_buckets"),
        sa.CheckConstraint("watt_hours > 0", name=op.f(f"ck_{name}_watt_hours")),
    )
    op.create_index(f"ix_{name}_bucket_id", name, ["bucket_id"])


def downgrade() -> None:
    op.drop_index("ix_holds_expires_at", table_name="holds")
    op.add_column("stock", sa.Column("available_wh", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("stock", sa.Column("reserved_wh", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "UPDATE stock AS s SET available_wh = b.available_wh, reserved_wh = b.reserved_wh FROM ("
        "SELECT resource_id, sum(available_wh) AS available_wh, sum(reserved_wh) AS reserved_wh "
        "FROM stock_buckets GROUP BY resource_id) AS b WHERE b.resource_id = s.resource_id"
    )
    op.alter_column("stock", "available_wh", server_default=None)
    op.drop_constraint(op.f("ck_stock_basis"), "stock")
    op.drop_column("stock", "basis")
    op.create_check_constraint(op.f("ck_stock_available"), "stock", "available_wh >= 0")
    op.create_check_constraint(op.f("ck_stock_reserved"), "stock", "reserved_wh >= 0")
    op.drop_table("hold_parts")
    op.drop_table("stock_buckets")
