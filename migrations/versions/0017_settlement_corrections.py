"""Later runs of settled cycles, corrections of issued bills, and finished contracts found by their meters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_GUARD_RUN = """
CREATE OR REPLACE FUNCTION settlement_guard_run() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM 1 FROM (
        SELECT 1 AS run, amount_minor, delivered_wh FROM settlement_cycles
        WHERE id = NEW.cycle AND status = 'SETTLED'
        UNION ALL SELECT run, amount_minor, delivered_wh FROM settlement_runs WHERE cycle = NEW.cycle
    ) AS before
    WHERE run = NEW.run - 1 AND amount_minor = NEW.amount_minor - NEW.delta_minor
      AND delivered_wh = NEW.delivered_wh - NEW.delta_wh;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % of settlement cycle % does not go on from the run before it',
            NEW.run, NEW.cycle USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $body$
"""
_GUARD_CARRIED = """
CREATE OR REPLACE FUNCTION settlement_guard_carried() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.amount_minor + (SELECT coalesce(sum(amount_minor), 0) FROM carried_corrections
                           WHERE correction = NEW.correction)
       > (SELECT amount_minor FROM bill_corrections WHERE id = NEW.correction) THEN
        RAISE EXCEPTION 'more of correction % would be carried than there is', NEW.correction
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $body$
"""
_SIDES = ("source", "target")


def upgrade() -> None:
    _create_runs()
    _create_corrections()
    _create_carried()
    for side in _SIDES:
        op.create_index(
            f"ix_contracts_finished_{side}_mrid",
            "contracts",
            [f"{side}_mrid", "window_end"],
            postgresql_where=sa.text("refresh_at IS NULL AND confirmed_at IS NOT NULL"),
        )


def _create_runs() -> None:
    table = "settlement_runs"
    op.create_table(
        table,
        sa.Column("cycle", sa.Uuid, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("delivered_wh", sa.BigInteger, nullable=False),
        sa.Column("delta_minor", sa.BigInteger, nullable=False),
        sa.Column("delta_wh", sa.BigInteger, nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.Column("explanation", JSONB, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("cycle", "run", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["cycle"], ["settlement_cycles.id"], name=f"fk_{table}_cycle_settlement_cycles"
        ),
        sa.CheckConstraint("amount_minor >= 0 AND delivered_wh >= 0", name=op.f(f"ck_{table}_forward")),
        sa.CheckConstraint("run > 1", name=op.f(f"ck_{table}_later")),
    )
    _make_append_only(table)
    op.execute(_GUARD_RUN)
    op.execute(
        "CREATE TRIGGER settlement_runs_guard BEFORE INSERT ON settlement_runs "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_run()"
    )


def _create_corrections() -> None:
    table = "bill_corrections"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("bill", sa.Uuid, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("reverses", sa.Integer),
        sa.Column("explanation", JSONB, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("bill", "run", name=f"uq_{table}_bill_run"),
        sa.UniqueConstraint("bill", "reverses", name=f"uq_{table}_bill_reverses"),
        sa.ForeignKeyConstraint(["bill"], ["billing_cycles.id"], name=f"fk_{table}_bill_billing_cycles"),
        sa.ForeignKeyConstraint(
            ["bill", "reverses"],
            ["bill_corrections.bill", "bill_corrections.run"],
            name=f"fk_{table}_bill_reverses_bill_corrections",
        ),
        sa.CheckConstraint("kind IN ('ADJUSTMENT', 'CREDIT_NOTE')", name=op.f(f"ck_{table}_kind")),
        sa.CheckConstraint("amount_minor > 0", name=op.f(f"ck_{table}_amount")),
        sa.CheckConstraint("run > 1 AND reverses < run", name=op.f(f"ck_{table}_later")),
    )
    _make_append_only(table)


def _create_carried() -> None:
    table = "carried_corrections"
    op.create_table(
        table,
        sa.Column("correction", sa.Uuid, nullable=False),
        sa.Column("billing_cycle", sa.Uuid, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("correction", "billing_cycle", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["correction"], ["bill_corrections.id"], name=f"fk_{table}_correction_bill_corrections"
        ),
        sa.ForeignKeyConstraint(
            ["billing_cycle"], ["billing_cycles.id"], name=f"fk_{table}_billing_cycle_billing_cycles"
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f(f"ck_{table}_amount")),
    )
    _make_append_only(table)
    op.execute(_GUARD_CARRIED)
    op.execute(
        "CREATE TRIGGER carried_corrections_guard BEFORE INSERT ON carried_corrections "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_carried()"
    )


def _make_append_only(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for side in _SIDES:
        op.drop_index(f"ix_contracts_finished_{side}_mrid", "contracts")
    for table in ("carried_corrections", "bill_corrections", "settlement_runs"):
        op.drop_table(table)
    op.execute("DROP FUNCTION settlement_guard_carried")
    op.execute("DROP FUNCTION settlement_guard_run")
