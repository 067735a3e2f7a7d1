"""Settlement cycles of any length, bills that gather them, and a sealed record of what happened to both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BEFORE = (
    "CASE status WHEN 'SETTLED' THEN settled_at IS NOT NULL AND explanation IS NOT NULL "
    "ELSE settled_at IS NULL AND explanation IS NULL AND amount_minor = 0 AND delivered_wh = 0 END"
)
_AFTER = (
    "CASE status WHEN 'SETTLED' "
    "THEN settled_at IS NOT NULL AND explanation IS NOT NULL AND lines IS NOT NULL "
    "ELSE settled_at IS NULL AND explanation IS NULL AND lines IS NULL "
    "AND amount_minor = 0 AND delivered_wh = 0 END"
)
_LINES_OF_BILLS = """
    UPDATE settlement_cycles AS c SET lines = b.lines
    FROM billing_cycles AS b WHERE b.settlement_cycle = c.id
"""
"""Until now each settled cycle had a bill of its own: what is on that are its lines."""


def upgrade() -> None:
    op.add_column("settlement_cycles", sa.Column("lines", JSONB(none_as_null=True)))
    op.execute("ALTER TABLE settlement_cycles DISABLE TRIGGER settlement_cycles_guard")
    op.execute(_LINES_OF_BILLS)
    op.execute("ALTER TABLE settlement_cycles ENABLE TRIGGER settlement_cycles_guard")
    op.drop_constraint(op.f("ck_settlement_cycles_settled"), "settlement_cycles", type_="check")
    op.create_check_constraint(op.f("ck_settlement_cycles_settled"), "settlement_cycles", _AFTER)
    _create_billed_cycles()
    op.execute("INSERT INTO billed_cycles SELECT settlement_cycle, id FROM billing_cycles")
    op.drop_column("billing_cycles", "settlement_cycle")
    op.add_column("billing_cycles", sa.Column("explanation", JSONB(none_as_null=True)))
    _create_events()


def _create_billed_cycles() -> None:
    op.create_table(
        "billed_cycles",
        sa.Column("settlement_cycle", sa.Uuid, nullable=False),
        sa.Column("billing_cycle", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("settlement_cycle", name="pk_billed_cycles"),
        sa.ForeignKeyConstraint(
            ["settlement_cycle"],
            ["settlement_cycles.id"],
            name="fk_billed_cycles_settlement_cycle_settlement_cycles",
        ),
        sa.ForeignKeyConstraint(
            ["billing_cycle"], ["billing_cycles.id"], name="fk_billed_cycles_billing_cycle_billing_cycles"
        ),
    )
    op.create_index("ix_billed_cycles_billing_cycle", "billed_cycles", ["billing_cycle"])
    _make_append_only("billed_cycles")


def _create_events() -> None:
    op.create_table(
        "settlement_events",
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("old_status", sa.Text),
        sa.Column("new_status", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("contract_id", "number", name="pk_settlement_events"),
    )
    _make_append_only("settlement_events")


def _make_append_only(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Go back to a bill for each cycle; possible as long as no bill has gathered several."""
    op.drop_table("settlement_events")
    op.drop_column("billing_cycles", "explanation")
    op.add_column("billing_cycles", sa.Column("settlement_cycle", sa.Uuid))
    op.execute("ALTER TABLE billing_cycles DISABLE TRIGGER billing_cycles_guard")
    op.execute(
        "UPDATE billing_cycles AS b SET settlement_cycle = g.settlement_cycle "
        "FROM billed_cycles AS g WHERE g.billing_cycle = b.id"
    )
    op.execute("ALTER TABLE billing_cycles ENABLE TRIGGER billing_cycles_guard")
    op.drop_table("billed_cycles")
    op.alter_column("billing_cycles", "settlement_cycle", nullable=False)
    op.create_unique_constraint(
        "uq_billing_cycles_settlement_cycle", "billing_cycles", ["settlement_cycle"]
    )
    op.create_foreign_key(
        "fk_billing_cycles_settlement_cycle_settlement_cycles",
        "billing_cycles",
        "settlement_cycles",
        ["settlement_cycle"],
        ["id"],
    )
    op.drop_constraint(op.f("ck_settlement_cycles_settled"), "settlement_cycles", type_="check")
    op.drop_column("settlement_cycles", "lines")
    op.create_check_constraint(op.f("ck_settlement_cycles_settled"), "settlement_cycles", _BEFORE)
