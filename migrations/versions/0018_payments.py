"""Payments, what rails said of them, and what they counted towards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STEPS = (
    "('AUTHORIZED', 'CAPTURED'), "
    "('AUTHORIZED', 'CHARGEBACK'), "
    "('AUTHORIZED', 'FAILED'), "
    "('AUTHORIZED', 'REFUNDED'), "
    "('AUTHORIZED', 'SETTLED'), "
    "('AUTHORIZED', 'VOIDED'), "
    "('CAPTURED', 'CHARGEBACK'), "
    "('CAPTURED', 'FAILED'), "
    "('CAPTURED', 'REFUNDED'), "
    "('CAPTURED', 'SETTLED'), "
    "('PENDING', 'AUTHORIZED'), "
    "('PENDING', 'CAPTURED'), "
    "('PENDING', 'CHARGEBACK'), "
    "('PENDING', 'FAILED'), "
    "('PENDING', 'REFUNDED'), "
    "('PENDING', 'SETTLED'), "
    "('PENDING', 'VOIDED'), "
    "('SETTLED', 'CHARGEBACK'), "
    "('SETTLED', 'FAILED'), "
    "('SETTLED', 'REFUNDED')"
)
_GUARD = f"""
CREATE OR REPLACE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'what payments holds stays: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    ELSIF to_jsonb(NEW) - 'status' <> to_jsonb(OLD) - 'status' THEN
        RAISE EXCEPTION 'of payment % only the status moves', OLD.id USING ERRCODE = 'restrict_violation';
    ELSIF (OLD.status, NEW.status) NOT IN ({_STEPS}) THEN
        RAISE EXCEPTION 'a payment does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $body$
"""
_BILL = ["bill"], ["billing_cycles.id"]
_PAYMENT = ["payment"], ["payments.id"]


def upgrade() -> None:
    _create_payments()
    _create_parts()
    _create_events()
    _create_allocations()
    _create_returned()
    _create_alerts()


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("payer", "payee", "collected_by")),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("currency", "status")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.CheckConstraint("amount_minor >= 0 AND payer <> payee", name=op.f("ck_payments_moves")),
        sa.CheckConstraint("collected_by IN ('BAP', 'BPP')", name=op.f("ck_payments_collector")),
    )
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER payments_guard BEFORE UPDATE ON payments "
        "FOR EACH ROW EXECUTE FUNCTION payments_guard()"
    )
    op.execute(
        "CREATE TRIGGER payments_keep BEFORE DELETE OR TRUNCATE ON payments "
        "FOR EACH STATEMENT EXECUTE FUNCTION payments_guard()"
    )


def _create_parts() -> None:
    table = "payment_parts"
    op.create_table(
        table,
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("payment", "bill")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("payer", "payee")),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("payment", "bill", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(*_PAYMENT, name=f"fk_{table}_payment_payments"),
        sa.ForeignKeyConstraint(*_BILL, name=f"fk_{table}_bill_billing_cycles"),
        sa.CheckConstraint("amount_minor > 0 AND payer <> payee", name=op.f(f"ck_{table}_moves")),
    )
    _make_append_only(table)


def _create_events() -> None:
    table = "payment_events"
    op.create_table(
        table,
        *(sa.Column(name, sa.Text, nullable=False) for name in ("rail", "event_id")),
        sa.Column("payment", sa.Uuid, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("said", "verdict", "digest")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("at", "received_at")),
        sa.PrimaryKeyConstraint("rail", "event_id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(*_PAYMENT, name=f"fk_{table}_payment_payments"),
    )
    op.create_index(f"ix_{table}_payment", table, ["payment"])
    _make_append_only(table)


def _create_allocations() -> None:
    table = "payment_allocations"
    op.create_table(
        table,
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("payment", "bill")),
        sa.Column("is_returned", sa.Boolean, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("payment", "bill", "is_returned", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(*_PAYMENT, name=f"fk_{table}_payment_payments"),
        sa.ForeignKeyConstraint(*_BILL, name=f"fk_{table}_bill_billing_cycles"),
        sa.CheckConstraint("amount_minor > 0", name=op.f(f"ck_{table}_amount")),
    )
    op.create_index(f"ix_{table}_bill", table, ["bill"])
    _make_append_only(table)


def _create_returned() -> None:
    table = "returned_payment_bills"
    op.create_table(
        table,
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("bill", "payment", "paid_bill")),
        sa.PrimaryKeyConstraint("bill", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(*_BILL, name=f"fk_{table}_bill_billing_cycles"),
        sa.ForeignKeyConstraint(*_PAYMENT, name=f"fk_{table}_payment_payments"),
        sa.ForeignKeyConstraint(
            ["paid_bill"], ["billing_cycles.id"], name=f"fk_{table}_paid_bill_billing_cycles"
        ),
    )
    _make_append_only(table)


def _create_alerts() -> None:
    table = "payment_alerts"
    op.create_table(
        table,
        sa.Column("payment", sa.Uuid, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("audience", "subject", "message")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("payment", "audience", "subject", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(*_PAYMENT, name=f"fk_{table}_payment_payments"),
    )
    _make_append_only(table)


def _make_append_only(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in (
        "payment_alerts",
        "returned_payment_bills",
        "payment_allocations",
        "payment_events",
        "payment_parts",
        "payments",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION payments_guard")
