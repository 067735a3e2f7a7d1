"""Cycles and daily bills of before bills gathered: readable as they were, and gone on from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from kernel.clock import parse_instant
from kernel.energy import Energy
from settlement.bills import BillStatus
from settlement.recording import record_outcome
from settlement.rows import cycle_key
from settlement.settle import settle_contract
from settlement.store import find_bills, find_cycles
from storage.database import Database, create_database
from storage.migrate import migrate, upgrade
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import agree, between, readings
from trading.charges import LineKind

WINDOW = between("2026-01-09T00:00:00Z", "2026-01-11T00:00:00Z")
_DAY_ONE = """
    INSERT INTO settlement_cycles (id, contract_id, cycle_id, run, period_start, period_end, metered_start,
        metered_end, status, amount_minor, currency, delivered_wh, explanation, created_at, settled_at)
    VALUES ('{cycle}', 'contract-1', 'settle-2026-01-09-001', 1, '2026-01-09Z', '2026-01-10Z', '2026-01-09Z',
        '2026-01-10Z', 'SETTLED', 325, 'USD', 5000, '{{"exported_wh": 5000}}', now(), now())
"""
_DAY_TWO = """
    INSERT INTO settlement_cycles (id, contract_id, cycle_id, run, period_start, period_end, metered_start,
        metered_end, status, amount_minor, currency, delivered_wh, created_at)
    VALUES ('{cycle}', 'contract-1', 'settle-2026-01-10-001', 1, '2026-01-10Z', '2026-01-11Z', '2026-01-10Z',
        '2026-01-11Z', 'PENDING', 0, 'USD', 0, now())
"""
_BILL_ONE = """
    INSERT INTO billing_cycles (id, contract_id, cycle_id, settlement_cycle, period_start, period_end, status,
        total_minor, currency, lines, issued_at)
    VALUES ('{bill}', 'contract-1', 'bill-2026-01-09-001', '{cycle}', '2026-01-09Z', '2026-01-10Z', 'PENDING',
        325, 'USD',
        '[{{"title": "Energy Cost", "minor": 75}}, {{"title": "Wheeling Charges", "minor": 250}}]',
        now())
"""


@pytest.fixture
async def old(postgres_url: str) -> AsyncIterator[Database]:
    """Yield a database in which a contract's first day was settled and billed before bills gathered."""
    database = Database.connect(await create_database(postgres_url, f"old_{uuid4().hex[:12]}"))
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(upgrade, "0013")
            for statement in (_DAY_ONE, _BILL_ONE, _DAY_TWO):
                cycle = cycle_key("contract-1", f"settle-2026-01-{10 if statement is _DAY_TWO else '09'}-001")
                await connection.execute(
                    text(statement.format(cycle=cycle, bill=uuid4()).replace(":", r"\:"))
                )
        await migrate(database)
        yield database
    finally:
        await database.close()


async def test_a_daily_bill_stays_readable(old: Database) -> None:
    async with UnitOfWorkFactory(old)() as uow:
        (bill,) = await find_bills("contract-1", uow=uow)
        first, second = await find_cycles("contract-1", uow=uow)
    assert (bill.cycle_id, bill.settlement_cycle_ids) == ("bill-2026-01-09-001", (first.cycle_id,))
    assert [(line.kind, line.amount.minor) for line in bill.lines] == [
        (LineKind.ENERGY, 75),
        (LineKind.WHEELING, 250),
    ]
    assert (bill.total.minor, bill.status, bill.explanation) == (325, BillStatus.PENDING, None)
    assert (first.lines, first.explanation) == (bill.lines, {"exported_wh": 5000})
    assert (second.is_settled, second.lines) == (False, ())


async def test_what_has_a_daily_bill_is_not_billed_again_with_its_month(old: Database) -> None:
    days = readings(["5", "4"], start=WINDOW.start, every=WINDOW.duration / 2)
    outcome = settle_contract(agree(window=WINDOW), exported=days, imported=days, now=WINDOW.end)
    async with UnitOfWorkFactory(old)() as uow:
        result = await record_outcome(outcome, uow=uow, now=parse_instant("2026-01-11T00:00:00Z"))
        assert [cycle.delivered for cycle in result.newly_settled] == [Energy(4_000)]
        assert result.revised == []
        daily, monthly = await find_bills("contract-1", uow=uow)
    assert {daily.cycle_id, monthly.cycle_id} == {"bill-2026-01-09-001", "bill-2026-01-001"}
    gathered = {bill.cycle_id: bill.settlement_cycle_ids for bill in (daily, monthly)}
    assert gathered["bill-2026-01-001"] == ("settle-2026-01-10-001",)
