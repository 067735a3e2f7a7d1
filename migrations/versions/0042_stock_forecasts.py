"""Forecasts of what there will be of resources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_HEADS = "stock_forecasts"
_VALUES = "stock_forecast_values"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        _HEADS,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("issued_at", instant, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_HEADS}"),
        sa.ForeignKeyConstraint(["resource_id"], ["stock.resource_id"], name=f"fk_{_HEADS}_resource_id_stock"),
        sa.CheckConstraint("source IN ('UPLOAD', 'METER')", name=op.f(f"ck_{_HEADS}_source")),
    )
    op.create_index(f"ix_{_HEADS}_resource_id", _HEADS, ["resource_id", "id"])
    op.create_index(f"ix_{_HEADS}_issued_at", _HEADS, ["issued_at"])
    op.create_table(
        _VALUES,
        sa.Column("forecast_id", sa.BigInteger, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("starts", instant, nullable=False),
        sa.Column("ends", instant, nullable=False),
        sa.Column("watt_hours", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", "starts", name=f"pk_{_VALUES}"),
        sa.ForeignKeyConstraint(
            ["forecast_id"], [f"{_HEADS}.id"], name=f"fk_{_VALUES}_forecast_id_{_HEADS}"
        ),
        sa.CheckConstraint("ends > starts", name=op.f(f"ck_{_VALUES}_interval")),
        sa.CheckConstraint("watt_hours >= 0", name=op.f(f"ck_{_VALUES}_watt_hours")),
    )
    op.create_index(f"ix_{_VALUES}_resource_id", _VALUES, ["resource_id", "starts"])
    for table in (_HEADS, _VALUES):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table(_VALUES)
    op.drop_table(_HEADS)
