"""Cycles and bills in a real PostgreSQL: settled once, and kept for good."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.money import Money
from settlement.bills import BillStatus
from settlement.cycles import CycleStatus
from settlement.events import find_broken, find_events
from settlement.recording import RecordResult, record_outcome
from settlement.settle import SettlementOutcome, settle_contract
from settlement.store import find_bills, find_cycles, find_delivered, find_standing
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, between, readings
from trading.terms import SettlementType

NOTHING = RecordResult(newly_settled=[], issued=[], revised=[], corrections=[], too_late=[])
NOW = WINDOW.end + timedelta(minutes=30)
LATER = parse_instant("2024-11-02T00:00:00Z")
TWO_DAYS = between("2024-10-04T12:00:00Z", "2024-10-05T12:00:00Z")


def published(*, now: datetime = NOW, target: tuple[str, ...] = TARGET_KWH) -> SettlementOutcome:
    return settle_contract(agree(), exported=readings(SOURCE_KWH), imported=readings(target), now=now)


def two_days(*, now: str, kwh: tuple[str, str] = ("4.444", "5.555")) -> SettlementOutcome:
    flowed = readings(kwh, start=TWO_DAYS.start, every=timedelta(hours=12))
    agreement = replace(agree(window=TWO_DAYS, discount="5"), contract_id="contract-2")
    return settle_contract(agreement, exported=flowed, imported=flowed, now=parse_instant(now))


async def record(
    outcome: SettlementOutcome, uow_factory: UnitOfWorkFactory, *, now: datetime = LATER
) -> RecordResult:
    async with uow_factory() as uow:
        return await record_outcome(outcome, uow=uow, now=now)


async def everything(uow_factory: UnitOfWorkFactory) -> list[tuple[Any, ...]]:
    """Return every row with the transaction that wrote it."""
    async with uow_factory() as uow:
        rows = [
            tuple(row)
            for table in ("settlement_cycles", "billing_cycles", "billed_cycles", "settlement_events")
            for row in await uow.connection.execute(text(f"SELECT xmin, * FROM {table} ORDER BY 2, 3"))  # noqa: S608
        ]
    assert rows
    return rows


async def test_an_outcome_is_found_again_as_it_was_recorded(uow_factory: UnitOfWorkFactory) -> None:
    outcome = published()
    result = await record(outcome, uow_factory)
    assert result == replace(NOTHING, newly_settled=list(outcome.cycles), issued=list(outcome.bills))
    async with uow_factory() as uow:
        assert await find_cycles("contract-1", uow=uow) == list(outcome.cycles)
        (bill,) = await find_bills("contract-1", uow=uow)
    assert bill == outcome.bills[0]
    assert [str(line.amount.amount) for line in bill.lines] == ["1.50", "2.50"]
    assert str(bill.total.amount) == "4.00"


async def test_a_contract_that_was_never_recorded_has_nothing(uow_factory: UnitOfWorkFactory) -> None:
    await record(published(), uow_factory)
    async with uow_factory() as uow:
        assert await find_cycles("contract-9", uow=uow) == []
        assert await find_bills("contract-9", uow=uow) == []


async def test_recording_an_outcome_again_touches_no_row(uow_factory: UnitOfWorkFactory) -> None:
    await record(published(), uow_factory)
    rows = await everything(uow_factory)
    again = await record(published(), uow_factory, now=NOW + timedelta(days=1))
    assert again == NOTHING
    assert await everything(uow_factory) == rows


async def test_many_runs_at_once_settle_a_contract_once(uow_factory: UnitOfWorkFactory) -> None:
    outcome = two_days(now="2024-10-05T12:00:00Z")
    results = await asyncio.gather(*(record(outcome, uow_factory) for _ in range(8)))
    assert sorted(len(result.newly_settled) for result in results) == [0] * 7 + [2]
    assert all(not result.revised for result in results)
    async with uow_factory() as uow:
        assert await find_cycles("contract-2", uow=uow) == list(outcome.cycles)
        assert await find_bills("contract-2", uow=uow) == list(outcome.bills)


async def test_a_cycle_is_kept_pending_until_its_day_is_closed(uow_factory: UnitOfWorkFactory) -> None:
    open_days = two_days(now="2024-10-04T13:00:00Z")
    assert (await record(open_days, uow_factory)).newly_settled == []
    half = two_days(now="2024-10-05T00:00:00Z")
    assert (await record(half, uow_factory)).newly_settled == [half.cycles[0]]
    async with uow_factory() as uow:
        assert await find_cycles("contract-2", uow=uow) == list(half.cycles)
        assert await find_bills("contract-2", uow=uow) == list(half.bills)
    whole = two_days(now="2024-10-05T12:00:00Z")
    assert (await record(whole, uow_factory)).newly_settled == [whole.cycles[1]]
    async with uow_factory() as uow:
        assert await find_cycles("contract-2", uow=uow) == list(whole.cycles)
        assert await find_bills("contract-2", uow=uow) == list(whole.bills)


async def test_a_revision_that_changes_neither_delivery_nor_amount_needs_no_correction(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(published(), uow_factory)
    more = published(target=("0.3", "0.5", "0.7", "9.9"))
    assert more != published()
    assert await record(more, uow_factory) == NOTHING


async def test_a_settled_cycle_is_not_opened_again_by_a_gap(uow_factory: UnitOfWorkFactory) -> None:
    await record(published(), uow_factory)
    result = await record(published(target=TARGET_KWH[:3]), uow_factory)
    assert result == NOTHING
    async with uow_factory() as uow:
        assert await find_cycles("contract-1", uow=uow) == list(published().cycles)


async def test_a_failed_cycle_is_tried_again(uow_factory: UnitOfWorkFactory) -> None:
    await record(published(now=WINDOW.start), uow_factory)
    async with uow_factory() as uow:
        await uow.connection.execute(text("UPDATE settlement_cycles SET status = 'FAILED'"))
        (failed,) = await find_cycles("contract-1", uow=uow)
    assert failed.status is CycleStatus.FAILED
    assert len((await record(published(), uow_factory)).newly_settled) == 1
    async with uow_factory() as uow:
        assert await find_cycles("contract-1", uow=uow) == list(published().cycles)


async def test_what_fails_halfway_leaves_nothing(uow_factory: UnitOfWorkFactory) -> None:
    with pytest.raises(ZeroDivisionError):
        await record_and_fail(uow_factory)
    async with uow_factory() as uow:
        assert await find_cycles("contract-1", uow=uow) == []


async def record_and_fail(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await record_outcome(published(), uow=uow, now=NOW)
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE settlement_cycles SET amount_minor = 1", "is settled: UPDATE refused"),
        ("UPDATE settlement_cycles SET explanation = '{}'", "is settled: UPDATE refused"),
        ("UPDATE settlement_cycles SET status = 'PENDING'", "is settled: UPDATE refused"),
        ("UPDATE settlement_cycles SET run = 2", "is settled: UPDATE refused"),
        ("DELETE FROM settlement_cycles", "DELETE refused"),
        ("TRUNCATE settlement_cycles CASCADE", "TRUNCATE refused"),
        ("UPDATE billing_cycles SET total_minor = 1", "only its status moves"),
        ("UPDATE billing_cycles SET lines = '[]'", "only its status moves"),
        ("UPDATE billing_cycles SET lines = '[]', status = 'PAID'", "only its status moves"),
        ("UPDATE billing_cycles SET currency = 'INR'", "only its status moves"),
        ("DELETE FROM billing_cycles", "DELETE refused"),
        ("TRUNCATE billing_cycles CASCADE", "TRUNCATE refused"),
        ("UPDATE settlement_cycles SET lines = '[]'", "is settled: UPDATE refused"),
        ("DELETE FROM billed_cycles", "append-only"),
        ("UPDATE settlement_events SET reason = ''", "append-only"),
        ("DELETE FROM settlement_events", "append-only"),
    ],
)
async def test_what_is_settled_cannot_be_edited(
    uow_factory: UnitOfWorkFactory, statement: str, reason: str
) -> None:
    await record(published(), uow_factory)
    rows = await everything(uow_factory)
    with pytest.raises(DBAPIError, match=reason):
        await run(statement, uow_factory=uow_factory)
    assert await everything(uow_factory) == rows


async def run(*statements: str, uow_factory: UnitOfWorkFactory, **values: str) -> None:
    async with uow_factory() as uow:
        for statement in statements:
            await uow.connection.execute(text(statement), values)


async def move(table: str, steps: list[str], uow_factory: UnitOfWorkFactory) -> None:
    """Move every row of `table` from status to status."""
    for step in steps:
        await run(f"UPDATE {table} SET status = :step", uow_factory=uow_factory, step=step)  # noqa: S608


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [
        (["PAID"], True),
        (["OVERDUE"], True),
        (["OVERDUE", "PAID"], True),
        (["PENDING"], True),
        (["PAID", "OVERDUE"], False),
        (["PAID", "PENDING"], False),
        (["OVERDUE", "PENDING"], False),
        (["LOST"], False),
    ],
)
async def test_a_bill_moves_by_its_table(
    uow_factory: UnitOfWorkFactory, steps: list[str], *, allowed: bool
) -> None:
    await record(published(), uow_factory)
    if not allowed:
        with pytest.raises(DBAPIError, match="a bill does not go from"):
            await move("billing_cycles", steps, uow_factory)
        return
    await move("billing_cycles", steps, uow_factory)
    async with uow_factory() as uow:
        (bill,) = await find_bills("contract-1", uow=uow)
    assert bill == replace(published().bills[0], status=BillStatus(steps[-1]))


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [(["FAILED"], True), (["FAILED", "PENDING"], True), (["LOST"], False)],
)
async def test_an_open_cycle_moves_by_its_table(
    uow_factory: UnitOfWorkFactory, steps: list[str], *, allowed: bool
) -> None:
    await record(published(now=WINDOW.start), uow_factory)
    if not allowed:
        with pytest.raises(DBAPIError, match="a settlement cycle does not go from"):
            await move("settlement_cycles", steps, uow_factory)
        return
    await move("settlement_cycles", steps, uow_factory)
    async with uow_factory() as uow:
        (cycle,) = await find_cycles("contract-1", uow=uow)
    assert cycle.status == steps[-1]


async def test_a_failed_cycle_is_not_settled_without_being_tried_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(published(now=WINDOW.start), uow_factory)
    with pytest.raises(DBAPIError, match="does not go from FAILED to SETTLED"):
        await run(
            "UPDATE settlement_cycles SET status = 'FAILED'",
            "UPDATE settlement_cycles SET status = 'SETTLED', settled_at = now(), explanation = '{}', "
            "lines = '[]'",
            uow_factory=uow_factory,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement_cycles SET amount_minor = 400",
        "UPDATE settlement_cycles SET delivered_wh = 1",
        "UPDATE settlement_cycles SET explanation = '{}'",
        "UPDATE settlement_cycles SET settled_at = now()",
    ],
)
async def test_an_open_cycle_is_at_nought(uow_factory: UnitOfWorkFactory, statement: str) -> None:
    await record(published(now=WINDOW.start), uow_factory)
    with pytest.raises(DBAPIError, match="ck_settlement_cycles_settled"):
        await run(statement, uow_factory=uow_factory)


@pytest.mark.parametrize("lines", ["[]", '[{"title": "Energy Cost", "minor": 399}]'])
async def test_a_bill_whose_lines_do_not_add_up_is_refused(
    uow_factory: UnitOfWorkFactory, lines: str
) -> None:
    await record(two_days(now="2024-10-05T00:00:00Z"), uow_factory)
    copied = (
        "INSERT INTO billing_cycles (id, contract_id, cycle_id, period_start, period_end, status, "
        "total_minor, currency, lines, issued_at) SELECT gen_random_uuid(), contract_id, 'bill-x', "
        "period_start, period_end, 'PENDING', 400, currency, CAST(:lines AS jsonb), now() "
        "FROM settlement_cycles WHERE status = 'PENDING'"
    )
    with pytest.raises(DBAPIError, match="the lines of bill-x do not add up to its total"):
        await run(copied, uow_factory=uow_factory, lines=lines)


async def test_amounts_in_any_currency_are_kept_exactly(uow_factory: UnitOfWorkFactory) -> None:
    for currency, price, wheeling, total in (
        ("JPY", "15.25", "250", "403"),
        ("KWD", "0.01235", "2.505", "2.629"),
    ):
        agreement = replace(
            agree(currency=currency, price=price, wheeling=wheeling), contract_id=f"contract-{currency}"
        )
        outcome = settle_contract(
            agreement, exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH), now=NOW
        )
        await record(outcome, uow_factory)
        async with uow_factory() as uow:
            (bill,) = await find_bills(agreement.contract_id, uow=uow)
        assert bill.total == Money.of(total, agreement.terms.currency)


async def test_what_a_contract_delivered_is_the_sum_of_its_settled_cycles(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(two_days(now="2024-10-05T00:00:00Z"), uow_factory)
    async with uow_factory() as uow:
        assert await find_delivered("contract-2", uow=uow) == Energy(4_444)
        assert await find_delivered("contract-9", uow=uow) == Energy(0)
        standing = await find_standing("contract-2", uow=uow)
    assert [(cycle.status, cycle.explanation, cycle.lines) for cycle in standing] == [
        (CycleStatus.SETTLED, None, ()),
        (CycleStatus.PENDING, None, ()),
    ]


async def test_every_change_is_on_record_and_sealed(uow_factory: UnitOfWorkFactory) -> None:
    await record(two_days(now="2024-10-05T00:00:00Z"), uow_factory, now=NOW)
    await record(two_days(now="2024-10-05T12:00:00Z"), uow_factory)
    async with uow_factory() as uow:
        events = await find_events("contract-2", uow=uow)
        assert await find_events("contract-1", uow=uow) == []
    changes = [(event.change.subject, event.change.event, event.change.new_status) for event in events]
    assert changes == [
        ("settle-2024-10-04-001", "POSTED", "SETTLED"),
        ("settle-2024-10-05-001", "POSTED", "SETTLED"),
        ("bill-2024-10-001", "ISSUED", "PENDING"),
    ]
    assert {(event.actor, event.reason) for event in events} == {("settlement", "its period is closed")}
    assert [event.at for event in events] == [NOW, LATER, LATER]
    assert find_broken(events) is None
    assert find_broken([events[0], replace(events[1], reason="because"), events[2]]) == replace(
        events[1], reason="because"
    )
    assert find_broken([events[0], events[2]]) == events[2]
    assert find_broken(events[1:]) == events[1]


async def test_a_bill_of_nought_is_issued_and_covered(uow_factory: UnitOfWorkFactory) -> None:
    outcome = settle_contract(agree(), exported=[], imported=[], now=WINDOW.end + timedelta(days=1))
    await record(outcome, uow_factory)
    async with uow_factory() as uow:
        events = await find_events("contract-1", uow=uow)
        (bill,) = await find_bills("contract-1", uow=uow)
    assert bill.status is BillStatus.PAID
    assert [event.change.event for event in events] == ["POSTED", "ISSUED", "COVERED"]


async def test_a_contract_with_very_many_cycles_is_kept_and_billed(uow_factory: UnitOfWorkFactory) -> None:
    month = between("2024-10-01T00:00:00Z", "2024-11-01T00:00:00Z")
    hours = readings(["0.1"] * 744, start=month.start, every=timedelta(hours=1))
    agreement = agree(window=month, kwh="1000", settles=SettlementType.REAL_TIME, wheeling=None)
    outcome = settle_contract(agreement, exported=hours, imported=hours, now=month.end)
    assert len((await record(outcome, uow_factory)).newly_settled) == 2_976
    async with uow_factory() as uow:
        (bill,) = await find_bills("contract-1", uow=uow)
        assert await find_standing("contract-1", uow=uow) == [
            replace(cycle, lines=(), explanation=None) for cycle in outcome.cycles
        ]
    assert bill == outcome.bills[0]
    assert await record(outcome, uow_factory) == NOTHING
