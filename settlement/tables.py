"""The tables of settlement: cycles and bills, which stand once they are settled and issued.

Triggers hold to that below everything else: a status moves only by its table, a settled cycle and a
bill's lines never change, a cycle is on one bill at most, a run goes on from the one before it, nothing
is taken away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from settlement.bills import NEXT_BILL_STATUS
from settlement.cycles import NEXT_CYCLE_STATUS
from storage.append_only import make_append_only
from storage.metadata import metadata

settlement_cycles: Final = Table(
    "settlement_cycles",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from contract, cycle and run
    Column("contract_id", Text, nullable=False),
    Column("cycle_id", Text, nullable=False),  # settle-YYYY-MM-DD-NNN, by the local date
    Column("run", Integer, nullable=False),
    Column("period_start", DateTime(timezone=True), nullable=False),  # the whole period
    Column("period_end", DateTime(timezone=True), nullable=False),
    Column("metered_start", DateTime(timezone=True), nullable=False),  # its part of the window
    Column("metered_end", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # minor units of the currency
    Column("currency", Text, nullable=False),
    Column("delivered_wh", BigInteger, nullable=False),
    Column("lines", JSONB(none_as_null=True)),  # what the amount is the sum of, in order
    Column("explanation", JSONB(none_as_null=True)),  # what it was computed from
    Column("basis", LargeBinary),  # the digest of what decides the amount; see settlement.basis
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    UniqueConstraint("contract_id", "cycle_id"),
    Index("ix_settlement_cycles_open", "metered_end", postgresql_where=text("status <> 'SETTLED'")),
    CheckConstraint("amount_minor >= 0 AND delivered_wh >= 0", name="forward"),
    CheckConstraint(
        "CASE status WHEN 'SETTLED' "
        "THEN settled_at IS NOT NULL AND explanation IS NOT NULL AND lines IS NOT NULL "
        "ELSE settled_at IS NULL AND explanation IS NULL AND lines IS NULL "
        "AND amount_minor = 0 AND delivered_wh = 0 END",
        name="settled",
    ),
)

billing_cycles: Final = Table(
    "billing_cycles",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from contract and cycle
    Column("contract_id", Text, nullable=False),
    Column("cycle_id", Text, nullable=False),  # bill-YYYY-MM-NNN, by the local month
    Column("period_start", DateTime(timezone=True), nullable=False),
    Column("period_end", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),  # minor units of the currency
    Column("currency", Text, nullable=False),
    Column("lines", JSONB, nullable=False),  # in order: kind, title, and minor as a whole number
    Column("explanation", JSONB(none_as_null=True)),  # what the lines were gathered from
    Column("issued_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("contract_id", "cycle_id"),
)

billed_cycles: Final = Table(
    "billed_cycles",
    metadata,
    Column("settlement_cycle", Uuid, ForeignKey("settlement_cycles.id"), primary_key=True),
    Column("billing_cycle", Uuid, ForeignKey("billing_cycles.id"), nullable=False, index=True),
)

settlement_events: Final = Table(
    "settlement_events",
    metadata,
    Column("contract_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1, without a gap
    Column("subject", Text, nullable=False),  # the id of a settlement cycle or of a bill
    Column("event", Text, nullable=False),
    Column("old_status", Text),  # None of what begins to be
    Column("new_status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("hash", Text, nullable=False),  # over all of this and the hash of the number before
)

settlement_runs: Final = Table(
    "settlement_runs",
    metadata,
    Column("cycle", Uuid, ForeignKey("settlement_cycles.id"), primary_key=True),
    Column("run", Integer, primary_key=True),  # from 2; the first is the cycle itself
    Column("amount_minor", BigInteger, nullable=False),  # minor units of the cycle's currency
    Column("delivered_wh", BigInteger, nullable=False),
    Column("delta_minor", BigInteger, nullable=False),  # what it differs from the run before
    Column("delta_wh", BigInteger, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("explanation", JSONB, nullable=False),
    Column("basis", LargeBinary),  # as a cycle's
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_minor >= 0 AND delivered_wh >= 0", name="forward"),
    CheckConstraint("run > 1", name="later"),
)

bill_corrections: Final = Table(
    "bill_corrections",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from contract, bill and run
    Column("bill", Uuid, ForeignKey("billing_cycles.id"), nullable=False),
    Column("run", Integer, nullable=False),  # from 2; the first is the bill itself
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # minor units of the bill's currency
    Column("reverses", Integer),  # the run of the correction that this one takes back
    Column("explanation", JSONB, nullable=False),  # the runs of cycles that it comes from
    Column("issued_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("bill", "run"),
    UniqueConstraint("bill", "reverses"),
    ForeignKeyConstraint(["bill", "reverses"], ["bill_corrections.bill", "bill_corrections.run"]),
    CheckConstraint("kind IN ('ADJUSTMENT', 'CREDIT_NOTE', 'PENALTY_CREDIT')", name="kind"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("run > 1 AND reverses < run", name="later"),
)

carried_corrections: Final = Table(
    "carried_corrections",
    metadata,
    Column("correction", Uuid, ForeignKey("bill_corrections.id"), primary_key=True),
    Column("billing_cycle", Uuid, ForeignKey("billing_cycles.id"), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),  # the part that this bill takes up
    CheckConstraint("amount_minor > 0", name="amount"),
)
make_append_only(billed_cycles, settlement_events, settlement_runs, bill_corrections, carried_corrections)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"('{old}', '{new}')" for old, new in sorted(pairs))


_CYCLE_STEPS: Final = _pairs((old, new) for (old, _), new in NEXT_CYCLE_STATUS.items())
_BILL_STEPS: Final = _pairs((old, new) for (old, _), new in NEXT_BILL_STATUS.items())
_REFUSED: Final = "USING ERRCODE = 'restrict_violation'"

KEEP_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION settlement_keep() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'what % holds stays: % refused', TG_TABLE_NAME, TG_OP {_REFUSED};
END $body$
"""

GUARD_CYCLE_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION settlement_guard_cycle() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF OLD.status = 'SETTLED' THEN
        RAISE EXCEPTION 'settlement cycle % of % is settled: % refused',
            OLD.cycle_id, OLD.contract_id, TG_OP {_REFUSED};
    ELSIF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({_CYCLE_STEPS}) THEN
        RAISE EXCEPTION 'a settlement cycle does not go from % to %', OLD.status, NEW.status {_REFUSED};
    END IF;
    RETURN NEW;
END $body$
"""

GUARD_BILL_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION settlement_guard_bill() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.total_minor IS DISTINCT FROM
           (SELECT sum((line ->> 'minor')::bigint) FROM jsonb_array_elements(NEW.lines) AS line) THEN
            RAISE EXCEPTION 'the lines of % do not add up to its total', NEW.cycle_id {_REFUSED};
        END IF;
    ELSIF to_jsonb(NEW) - 'status' <> to_jsonb(OLD) - 'status' THEN
        RAISE EXCEPTION 'bill % of % is issued: only its status moves',
            OLD.cycle_id, OLD.contract_id {_REFUSED};
    ELSIF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN ({_BILL_STEPS}) THEN
        RAISE EXCEPTION 'a bill does not go from % to %', OLD.status, NEW.status {_REFUSED};
    END IF;
    RETURN NEW;
END $body$
"""  # noqa: S608  nothing but constants

GUARD_RUN_FUNCTION: Final = f"""
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
            NEW.run, NEW.cycle {_REFUSED};
    END IF;
    RETURN NEW;
END $body$
"""  # noqa: S608  nothing but constants

GUARD_CARRIED_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION settlement_guard_carried() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.amount_minor + (SELECT coalesce(sum(amount_minor), 0) FROM carried_corrections
                           WHERE correction = NEW.correction)
       > (SELECT amount_minor FROM bill_corrections WHERE id = NEW.correction) THEN
        RAISE EXCEPTION 'more of correction % would be carried than there is', NEW.correction {_REFUSED};
    END IF;
    RETURN NEW;
END $body$
"""  # noqa: S608  nothing but constants

FUNCTIONS: Final = (
    KEEP_FUNCTION,
    GUARD_CYCLE_FUNCTION,
    GUARD_BILL_FUNCTION,
    GUARD_RUN_FUNCTION,
    GUARD_CARRIED_FUNCTION,
)
TRIGGERS: Final = {
    settlement_cycles.name: (
        "CREATE TRIGGER settlement_cycles_guard BEFORE UPDATE ON settlement_cycles "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_cycle()",
        "CREATE TRIGGER settlement_cycles_keep BEFORE DELETE OR TRUNCATE ON settlement_cycles "
        "FOR EACH STATEMENT EXECUTE FUNCTION settlement_keep()",
    ),
    billing_cycles.name: (
        "CREATE TRIGGER billing_cycles_guard BEFORE INSERT OR UPDATE ON billing_cycles "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_bill()",
        "CREATE TRIGGER billing_cycles_keep BEFORE DELETE OR TRUNCATE ON billing_cycles "
        "FOR EACH STATEMENT EXECUTE FUNCTION settlement_keep()",
    ),
    settlement_runs.name: (
        "CREATE TRIGGER settlement_runs_guard BEFORE INSERT ON settlement_runs "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_run()",
    ),
    carried_corrections.name: (
        "CREATE TRIGGER carried_corrections_guard BEFORE INSERT ON carried_corrections "
        "FOR EACH ROW EXECUTE FUNCTION settlement_guard_carried()",
    ),
}
"""What a migration creates after each table."""


def _guard(table: Table, connection: Connection, **_: object) -> None:
    for statement in (*FUNCTIONS, *TRIGGERS[table.name]):
        connection.exec_driver_sql(statement)


for _table in (settlement_cycles, billing_cycles, settlement_runs, carried_corrections):
    event.listen(_table, "after_create", _guard)
