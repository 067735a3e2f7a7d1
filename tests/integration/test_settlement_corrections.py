"""Revised readings in a real PostgreSQL: next runs of cycles, and corrections of bills."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money
from settlement.agreement import Matching
from settlement.bills import BillingCycle, BillStatus
from settlement.correcting import Reversal, find_corrections, reverse_correction
from settlement.corrections import CorrectionKind, refund_due
from settlement.events import find_broken, find_events
from settlement.recording import RecordResult, record_outcome
from settlement.runs import CORRECTION_HORIZON, as_appended
from settlement.settle import SettlementOutcome, settle_contract
from settlement.store import (
    find_bills,
    find_cycles,
    find_delivered,
    find_runs,
    find_standing,
    find_standing_runs,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import agree, between, readings
from tests.support.seller_world import PARTIES
from trading.charges import LineKind, Tax
from trading.terms import SettlementType

NOTHING = RecordResult(newly_settled=[], issued=[], revised=[], corrections=[], too_late=[])
TWO_DAYS = between("2026-01-09T00:00:00Z", "2026-01-11T00:00:00Z")
THREE_MONTHS = between("2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z")
"""One day of January, February, one day of March: a bill for each."""
DAY = timedelta(days=1)
AGREED = agree(window=TWO_DAYS, kwh="100", price="1.00", wheeling=None)
"""One currency unit per kWh: 1 kWh is 100 minor units."""
LONG = replace(AGREED, window=THREE_MONTHS, contract_id="contract-3")


def days(*kwh: str, window: Interval = TWO_DAYS, elapsed: int | None = None) -> SettlementOutcome:
    """Return what a contract comes to whose days brought that much on both sides, after the last of them."""
    agreement = AGREED if window == TWO_DAYS else LONG
    flowed = readings(kwh, start=window.start, every=DAY)
    now = window.start + (len(kwh) if elapsed is None else elapsed) * DAY
    return settle_contract(agreement, exported=flowed, imported=flowed, now=now)


async def record(outcome: SettlementOutcome, uow_factory: UnitOfWorkFactory) -> RecordResult:
    """Keep the outcome, at an instant at which all is over."""
    async with uow_factory() as uow:
        return await record_outcome(outcome, uow=uow, now=THREE_MONTHS.end)


async def bills_of(contract_id: str, uow_factory: UnitOfWorkFactory) -> list[BillingCycle]:
    async with uow_factory() as uow:
        return await find_bills(contract_id, uow=uow)


def lines(bill: BillingCycle) -> list[tuple[str, int]]:
    return [(line.title, line.amount.minor) for line in bill.lines]


async def test_a_cycle_that_is_not_billed_yet_is_billed_by_its_next_run(
    uow_factory: UnitOfWorkFactory,
) -> None:
    first = days("4", "5", elapsed=1)
    await record(first, uow_factory)
    result = await record(days("3", "5"), uow_factory)
    (revision,) = result.revised
    assert (revision.previous.run, revision.revised.run) == (1, 2)
    assert (revision.delta.minor, revision.delta_wh) == (-100, -1000)
    assert result.corrections == []
    (bill,) = await bills_of("contract-1", uow_factory)
    assert lines(bill) == [("Energy Cost", 800)]
    assert bill.explanation is not None
    assert [(cycle["run"], cycle["delivered_wh"]) for cycle in bill.explanation["cycles"]] == [
        (2, 3000),
        (1, 5000),
    ]
    async with uow_factory() as uow:
        assert await find_delivered("contract-1", uow=uow) == Energy(8000)
        assert await find_cycles("contract-1", uow=uow) == [revision.revised, days("3", "5").cycles[1]]
        runs = await find_runs("contract-1", uow=uow)
    assert [(run.cycle_id, run.run) for run in runs] == [
        ("settle-2026-01-09-001", 1),
        ("settle-2026-01-09-001", 2),
        ("settle-2026-01-10-001", 1),
    ]
    assert runs[0] == first.cycles[0]
    assert runs[1].explanation is not None
    assert runs[1].explanation["previous_run"] == {"run": 1, "amount_minor": 400, "delivered_wh": 4000}


async def test_peers_are_told_of_a_run_as_of_a_cycle_of_what_changed(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("4", "5"), uow_factory)
    await record(days("3", "5"), uow_factory)
    await record(days("6", "5"), uow_factory)
    async with uow_factory() as uow:
        told = as_appended(await find_standing_runs("contract-1", uow=uow))
    assert [(cycle.cycle_id, cycle.amount.minor, cycle.delivered.watt_hours) for cycle in told] == [
        ("settle-2026-01-09-001", 400, 4000),
        ("settle-2026-01-09-001-r2", 100, 1000),
        ("settle-2026-01-09-001-r3", 300, 3000),
        ("settle-2026-01-10-001", 500, 5000),
    ]
    assert all(cycle.is_settled for cycle in told)


async def test_less_than_was_billed_is_a_credit_note_and_a_refund_where_no_other_bill_comes(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(days("4", "5"), uow_factory)
    before = await bills_of("contract-1", uow_factory)
    result = await record(days("3", "5"), uow_factory)
    (note,) = result.corrections
    assert (note.bill_id, note.run, note.kind, note.amount.minor) == (
        "bill-2026-01-001",
        2,
        CorrectionKind.CREDIT_NOTE,
        100,
    )
    assert note.explanation == {
        "cycles": [{"cycle": "settle-2026-01-09-001", "run": 2, "delta_minor": -100, "delta_wh": -1000}],
        "tax_minor": 0,
    }
    assert result.issued == []
    assert await bills_of("contract-1", uow_factory) == before
    async with uow_factory() as uow:
        corrections = await find_corrections("contract-1", uow=uow)
        assert await find_corrections("contract-1", uow=uow, bill_id="bill-2026-02-001") == []
        events = await find_events("contract-1", uow=uow)
    assert corrections == [note]
    assert refund_due(corrections, currency=AGREED.terms.currency) == Money(100, AGREED.terms.currency)
    assert [(event.change.subject, event.change.event, event.reason) for event in events[-2:]] == [
        ("settle-2026-01-09-001-r2", "CORRECTED", "what it was computed from was revised"),
        ("bill-2026-01-001-r2", "CREDIT_NOTE", "what it was computed from was revised"),
    ]
    assert find_broken(events) is None


async def test_more_than_was_billed_is_a_bill_of_its_own_where_no_other_comes(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(days("4", "5"), uow_factory)
    result = await record(days("4", "7"), uow_factory)
    (extra,) = result.issued
    assert (extra.cycle_id, extra.settlement_cycle_ids, extra.status) == (
        "bill-2026-01-002",
        (),
        BillStatus.PENDING,
    )
    assert lines(extra) == [("Adjustment (bill-2026-01-001, run 2)", 200)]
    assert extra.explanation is not None
    assert extra.explanation["adjustments"] == [{"bill": "bill-2026-01-001", "run": 2, "minor": 200}]
    assert [bill.total.minor for bill in await bills_of("contract-1", uow_factory)] == [900, 200]
    again = await record(days("4", "8"), uow_factory)
    assert [(bill.cycle_id, lines(bill)) for bill in again.issued] == [
        ("bill-2026-01-003", [("Adjustment (bill-2026-01-001, run 3)", 100)])
    ]


async def test_taxes_are_corrected_with_what_they_are_on(uow_factory: UnitOfWorkFactory) -> None:
    tax = Tax(title="GST", percent=Decimal(18), jurisdiction="IN")
    taxed = replace(AGREED, contract_id="contract-4", terms=replace(AGREED.terms, taxes=(tax,)))

    async def told(*kwh: str) -> RecordResult:
        flowed = readings(kwh, start=TWO_DAYS.start, every=DAY)
        outcome = settle_contract(taxed, exported=flowed, imported=flowed, now=TWO_DAYS.end)
        return await record(outcome, uow_factory)

    (bill,) = (await told("0.01", "0.02")).issued
    assert lines(bill) == [("Energy Cost", 3), ("GST (18 %, IN)", 1)]
    (more,) = (await told("4", "5.01")).corrections  # 901 and 162
    assert (more.kind, more.amount.minor) == (CorrectionKind.ADJUSTMENT, 1059)
    assert more.explanation["tax_minor"] == 161
    (less,) = (await told("0.01", "0.01")).corrections  # 2 and 0
    assert (less.kind, less.amount.minor) == (CorrectionKind.CREDIT_NOTE, 1061)
    (again,) = (await told("0.01", "0.02")).corrections
    assert (again.kind, again.amount.minor) == (CorrectionKind.ADJUSTMENT, 2)


async def test_a_credit_note_pays_what_it_can_of_the_bills_that_follow(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(days("9", window=THREE_MONTHS), uow_factory)
    await record(days("2", window=THREE_MONTHS), uow_factory)
    february = ["0"] * 26
    result = await record(days("2", "1", "0", *february, window=THREE_MONTHS), uow_factory)
    (bill,) = result.issued
    assert (bill.total.minor, bill.status) == (100, BillStatus.PAID)
    assert bill.explanation is not None
    assert bill.explanation["credits"] == [{"bill": "bill-2026-01-001", "run": 2, "minor": 100}]
    async with uow_factory() as uow:
        (note,) = await find_corrections("contract-3", uow=uow)
    assert (note.amount.minor, note.left) == (700, 600)
    result = await record(days("2", "1", "0", *february, "20", window=THREE_MONTHS), uow_factory)
    (bill,) = result.issued
    assert (bill.total.minor, bill.status) == (2000, BillStatus.PENDING)
    async with uow_factory() as uow:
        (note,) = await find_corrections("contract-3", uow=uow)
        events = await find_events("contract-3", uow=uow)
    assert note.left == 0
    assert find_broken(events) is None


async def test_an_adjustment_is_a_line_of_the_next_bill(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("9", window=THREE_MONTHS), uow_factory)
    result = await record(days("9.5", window=THREE_MONTHS), uow_factory)
    assert (result.issued, len(result.corrections)) == ([], 1)
    result = await record(days("9.5", "1", *["0"] * 27, window=THREE_MONTHS), uow_factory)
    (bill,) = result.issued
    assert lines(bill) == [("Energy Cost", 100), ("Adjustment (bill-2026-01-001, run 2)", 50)]
    assert [line.kind for line in bill.lines] == [LineKind.ENERGY, LineKind.ADJUSTMENT]
    async with uow_factory() as uow:
        (adjustment,) = await find_corrections("contract-3", uow=uow)
    assert adjustment.left == 0


async def test_an_adjustment_makes_a_bill_of_nought_due(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("9", window=THREE_MONTHS), uow_factory)
    result = await record(days("9.5", *["0"] * 28, window=THREE_MONTHS), uow_factory)
    (bill,) = result.issued
    assert (bill.total.minor, bill.status) == (50, BillStatus.PENDING)


async def test_energy_that_moves_between_cycles_of_a_bill_corrects_no_bill(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(days("4", "5"), uow_factory)
    result = await record(days("5", "4"), uow_factory)
    assert [revision.delta.minor for revision in result.revised] == [100, -100]
    assert (result.corrections, result.issued) == ([], [])


async def test_recording_a_revision_again_or_at_once_changes_nothing(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("4", "5"), uow_factory)
    results = await asyncio.gather(*(record(days("4", "7"), uow_factory) for _ in range(8)))
    assert sorted(len(result.revised) for result in results) == [0] * 7 + [1]
    assert [bill.total.minor for bill in await bills_of("contract-1", uow_factory)] == [900, 200]
    assert await record(days("4", "7"), uow_factory) == NOTHING


async def test_a_correction_that_crashes_leaves_nothing_behind(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("4", "5"), uow_factory)
    before = await bills_of("contract-1", uow_factory)

    async def crash() -> None:
        async with uow_factory() as uow:
            await record_outcome(days("4", "7"), uow=uow, now=THREE_MONTHS.end)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await crash()
    assert await bills_of("contract-1", uow_factory) == before
    async with uow_factory() as uow:
        assert await find_corrections("contract-1", uow=uow) == []
        assert [run.run for run in await find_standing_runs("contract-1", uow=uow)] == [1, 1]
    assert len((await record(days("4", "7"), uow_factory)).issued) == 1


async def test_a_revision_beyond_the_horizon_is_refused_and_told(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("4", "5"), uow_factory)
    end = TWO_DAYS.start + DAY + CORRECTION_HORIZON
    async with uow_factory() as uow:
        result = await record_outcome(days("3", "6"), uow=uow, now=end + timedelta(seconds=1))
    assert [revision.previous.cycle_id for revision in result.too_late] == ["settle-2026-01-09-001"]
    assert [revision.previous.cycle_id for revision in result.revised] == ["settle-2026-01-10-001"]


async def test_a_wrong_correction_is_taken_back_by_one_that_names_it(uow_factory: UnitOfWorkFactory) -> None:
    await record(days("4", "5"), uow_factory)
    await record(days("3", "5"), uow_factory)
    async with uow_factory() as uow:
        back = await reverse_correction(
            Reversal(
                contract_id="contract-1",
                bill_id="bill-2026-01-001",
                run=2,
                actor="Asha",
                reason="the meter was right",
            ),
            parties=PARTIES,
            uow=uow,
            now=THREE_MONTHS.end,
        )
    assert (back.run, back.kind, back.reverses, back.amount.minor) == (3, CorrectionKind.ADJUSTMENT, 2, 100)
    result = await record(days("3", "5"), uow_factory)
    (extra,) = result.issued
    assert lines(extra) == [("Adjustment (bill-2026-01-001, run 3)", 100)]
    assert extra.status is BillStatus.PAID  # by the credit note that was wrong
    async with uow_factory() as uow:
        corrections = await find_corrections("contract-1", uow=uow)
        events = await find_events("contract-1", uow=uow)
    assert refund_due(corrections, currency=AGREED.terms.currency).minor == 0
    assert [event.actor for event in events if event.change.subject == "bill-2026-01-001-r3"] == ["Asha"]
    assert find_broken(events) is None


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (2, "BILL_CORRECTION_REVERSED"),
        (3, "BILL_CORRECTION_REVERSED"),
        (4, "BILL_CORRECTION_NOT_FOUND"),
    ],
)
async def test_a_correction_is_taken_back_once(uow_factory: UnitOfWorkFactory, run: int, code: str) -> None:
    await record(days("4", "5"), uow_factory)
    await record(days("4", "7"), uow_factory)

    async def reverse(number: int) -> None:
        async with uow_factory() as uow:
            await reverse_correction(
                Reversal(
                    contract_id="contract-1", bill_id="bill-2026-01-001", run=number, actor="a", reason="b"
                ),
                parties=PARTIES,
                uow=uow,
                now=THREE_MONTHS.end,
            )

    await reverse(2)
    with pytest.raises(NodeError) as refused:
        await reverse(run)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settlement_runs SET amount_minor = 0",
        "DELETE FROM bill_corrections",
        "TRUNCATE carried_corrections",
        "INSERT INTO settlement_runs SELECT cycle, 4, 0, 0, 0, 0, lines, explanation, recorded_at"
        " FROM settlement_runs",
        "INSERT INTO settlement_runs SELECT cycle, 3, 0, 0, 0, 0, lines, explanation, recorded_at"
        " FROM settlement_runs",
        "INSERT INTO carried_corrections SELECT correction, b.id, 1 FROM carried_corrections,"
        " billing_cycles AS b WHERE b.cycle_id = 'bill-2026-01-001'",
        "INSERT INTO bill_corrections SELECT gen_random_uuid(), bill, 3, kind, 1, 9, explanation, issued_at"
        " FROM bill_corrections",
    ],
)
async def test_the_database_refuses_what_goes_around_the_rules(
    uow_factory: UnitOfWorkFactory, statement: str
) -> None:
    await record(days("4", "5"), uow_factory)
    await record(days("4", "7"), uow_factory)
    with pytest.raises(DBAPIError, match=r"append-only|does not go on|would be carried|later|reverses"):
        async with uow_factory() as uow:
            await uow.connection.execute(text(statement))


@pytest.mark.parametrize("seed", range(10))
async def test_revised_then_settled_is_settled_with_revised(
    uow_factory: UnitOfWorkFactory, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311  a test's dice
    window = between("2026-01-30T12:00:00Z", "2026-02-03T12:00:00Z")
    agreement = replace(
        agree(
            window=window,
            kwh="40",
            price="0.137",
            settles=chance.choice([SettlementType.DAILY, SettlementType.HOURLY]),
            matching=chance.choice(list(Matching)),
        ),
        contract_id=f"contract-{seed}",
    )
    sides = [[chance.randrange(1000) for _ in range(96)] for _ in range(2)]

    def outcome(hour: int) -> SettlementOutcome:
        exported, imported = (
            readings((f"{wh / 1000}" for wh in side[:hour]), start=window.start, every=timedelta(hours=1))
            for side in sides
        )
        now = window.start + timedelta(hours=hour)
        return settle_contract(agreement, exported=exported, imported=imported, now=now)

    for hour in (20, 37, 37, 60, 96, 96, 96):
        for _ in range(chance.randrange(4)):
            sides[chance.randrange(2)][chance.randrange(96)] = chance.randrange(1000)
        await record(outcome(hour), uow_factory)
        assert await record(outcome(hour), uow_factory) == NOTHING
    final = outcome(96)
    async with uow_factory() as uow:
        standing = await find_standing(agreement.contract_id, uow=uow)
        bills = await find_bills(agreement.contract_id, uow=uow)
        corrections = await find_corrections(agreement.contract_id, uow=uow)
    assert _figures(standing) == _figures(final.cycles)
    notes = [one for one in corrections if one.kind is CorrectionKind.CREDIT_NOTE]
    assert all(one.left == 0 for one in corrections if one.kind is CorrectionKind.ADJUSTMENT)
    charged = sum(bill.total.minor for bill in bills) - sum(note.amount.minor for note in notes)
    assert charged == sum(bill.total.minor for bill in final.bills)


def _figures(cycles: Any) -> list[tuple[str, int, int]]:
    return [(cycle.cycle_id, cycle.amount.minor, cycle.delivered.watt_hours) for cycle in cycles]
