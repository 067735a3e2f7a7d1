"""The tables of payments: what a rail said stands, and a status moves only by its steps."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    event,
)

from settlement.payments.states import NEXT_PAYMENT_STATUS
from storage.append_only import make_append_only
from storage.metadata import metadata

payments: Final = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from what makes it this payment
    Column("payer", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("collected_by", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # minor units of the currency
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_minor >= 0 AND payer <> payee", name="moves"),
    CheckConstraint("collected_by IN ('BAP', 'BPP')", name="collector"),
)

payment_parts: Final = Table(  # the bills that it is to pay; none: the payer's deposit
    "payment_parts",
    metadata,
    Column("payment", Uuid, ForeignKey("payments.id"), primary_key=True),
    Column("bill", Uuid, ForeignKey("billing_cycles.id"), primary_key=True),
    Column("payer", Text, nullable=False),  # of the bill
    Column("payee", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    CheckConstraint("amount_minor > 0 AND payer <> payee", name="moves"),
)

payment_events: Final = Table(
    "payment_events",
    metadata,
    Column("rail", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),  # the rail's
    Column("payment", Uuid, ForeignKey("payments.id"), nullable=False, index=True),
    Column("said", Text, nullable=False),  # the status
    Column("verdict", Text, nullable=False),
    Column("digest", Text, nullable=False),  # SHA-256 of all that the rail said
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
)

payment_allocations: Final = Table(
    "payment_allocations",
    metadata,
    Column("payment", Uuid, ForeignKey("payments.id"), primary_key=True),
    Column("bill", Uuid, ForeignKey("billing_cycles.id"), primary_key=True),
    Column("is_returned", Boolean, primary_key=True),  # true: it takes the other back
    Column("amount_minor", BigInteger, nullable=False),
    Index("ix_payment_allocations_bill", "bill"),
    CheckConstraint("amount_minor > 0", name="amount"),
)

returned_payment_bills: Final = Table(  # bills of what came back after their bill was paid
    "returned_payment_bills",
    metadata,
    Column("bill", Uuid, ForeignKey("billing_cycles.id"), primary_key=True),
    Column("payment", Uuid, ForeignKey("payments.id"), nullable=False),
    Column("paid_bill", Uuid, ForeignKey("billing_cycles.id"), nullable=False),
)

payment_alerts: Final = Table(
    "payment_alerts",
    metadata,
    Column("payment", Uuid, ForeignKey("payments.id"), primary_key=True),
    Column("audience", Text, primary_key=True),  # OPERATOR, or the payer
    Column("subject", Text, primary_key=True),  # the rail's order or event
    Column("message", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

sandbox_behaviours: Final = Table(  # how the sandbox rail treats its next orders, each once
    "sandbox_behaviours",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("behaviour", Text, nullable=False),
)

sandbox_orders: Final = Table(  # what the sandbox rail has done
    "sandbox_orders",
    metadata,
    Column("id", Uuid, primary_key=True),  # the order's
    Column("payment", Uuid, nullable=False),
    Column("status", Text, nullable=False),  # what the payment came to by it
    Column("at", DateTime(timezone=True), nullable=False),
)

make_append_only(payment_parts, payment_events, payment_allocations, returned_payment_bills, payment_alerts)
make_append_only(sandbox_orders)

_STEPS: Final = ", ".join(f"('{old}', '{new}')" for old, new in sorted(NEXT_PAYMENT_STATUS))
_REFUSED: Final = "USING ERRCODE = 'restrict_violation'"

GUARD_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'what payments holds stays: % refused', TG_OP {_REFUSED};
    ELSIF to_jsonb(NEW) - 'status' <> to_jsonb(OLD) - 'status' THEN
        RAISE EXCEPTION 'of payment % only the status moves', OLD.id {_REFUSED};
    ELSIF (OLD.status, NEW.status) NOT IN ({_STEPS}) THEN
        RAISE EXCEPTION 'a payment does not go from % to %', OLD.status, NEW.status {_REFUSED};
    END IF;
    RETURN NEW;
END $body$
"""
TRIGGERS: Final = (
    "CREATE TRIGGER payments_guard BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION payments_guard()",
    "CREATE TRIGGER payments_keep BEFORE DELETE OR TRUNCATE ON payments "
    "FOR EACH STATEMENT EXECUTE FUNCTION payments_guard()",
)


def _guard(_: Table, connection: Connection, **__: object) -> None:
    for statement in (GUARD_FUNCTION, *TRIGGERS):
        connection.exec_driver_sql(statement)


event.listen(payments, "after_create", _guard)
