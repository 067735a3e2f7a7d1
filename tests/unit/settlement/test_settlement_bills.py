"""Bills: their lines, their ids, and the way they go."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.bills import (
    BillEvent,
    BillingCycle,
    BillStatus,
    BillTransitionInvalid,
    issue_bills,
    next_bill_status,
)
from settlement.cycles import CycleStatus
from settlement.settle import SettlementOutcome, settle_contract
from tests.support.agreements import WINDOW, agree, between, readings
from trading.terms import SettlementType

LEGAL = {
    (BillStatus.PENDING, BillEvent.COVERED): BillStatus.PAID,
    (BillStatus.PENDING, BillEvent.FELL_DUE): BillStatus.OVERDUE,
    (BillStatus.OVERDUE, BillEvent.COVERED): BillStatus.PAID,
}


def bill_for(agreement: Agreement, kwh: str) -> BillingCycle:
    flowed = readings([kwh], every=WINDOW.duration)
    outcome = settle_contract(agreement, exported=flowed, imported=flowed, now=WINDOW.end)
    (bill,) = issue_bills(agreement, outcome.cycles, now=WINDOW.end)
    return bill


def january(
    settles: SettlementType = SettlementType.DAILY, *, now: str = "2026-02-11T00:00:00Z"
) -> SettlementOutcome:
    """Return what 1 kWh a day comes to from 20 January to 10 February."""
    window = between("2026-01-20T00:00:00Z", "2026-02-11T00:00:00Z")
    days = readings(["1"] * 22, start=window.start, every=timedelta(days=1))
    agreement = agree(window=window, kwh="100", wheeling="0.10", settles=settles)
    return settle_contract(agreement, exported=days, imported=days, now=parse_instant(now))


def lines_of(bill: BillingCycle) -> list[tuple[str, str]]:
    return [(line.title, str(line.amount.amount)) for line in bill.lines]


@pytest.mark.parametrize("status", BillStatus)
@pytest.mark.parametrize("event", BillEvent)
def test_a_bill_goes_the_ways_of_the_table_and_no_other(status: BillStatus, event: BillEvent) -> None:
    if (status, event) in LEGAL:
        assert next_bill_status(status, event) is LEGAL[status, event]
        return
    with pytest.raises(BillTransitionInvalid, match=f"that is {status}") as refused:
        next_bill_status(status, event)
    assert refused.value.http_status == 409


def test_a_bill_has_the_cost_of_energy_and_the_wheeling_of_the_day() -> None:
    bill = bill_for(agree(), "10.0")
    assert lines_of(bill) == [("Energy Cost", "1.50"), ("Wheeling Charges", "2.50")]
    assert bill.total == Money(400, Currency("USD"))
    assert bill.status is BillStatus.PENDING
    assert (bill.cycle_id, bill.settlement_cycle_ids) == ("bill-2024-10-001", ("settle-2024-10-04-001",))
    assert bill.wire_start == datetime(2024, 10, 1, tzinfo=UTC)
    assert bill.wire_end == datetime(2024, 10, 31, 23, 59, 59, tzinfo=UTC)


def test_a_discount_is_taken_off_the_line_that_it_aims_at() -> None:
    bill = bill_for(agree(discount="10"), "10.0")
    assert lines_of(bill) == [("Energy Cost", "1.35"), ("Wheeling Charges", "2.50")]


def test_without_wheeling_there_is_no_such_line() -> None:
    assert lines_of(bill_for(agree(wheeling=None), "10.0")) == [("Energy Cost", "1.50")]


def test_where_nothing_was_delivered_nothing_is_wheeled_and_the_bill_is_paid() -> None:
    bill = bill_for(agree(), "0")
    assert lines_of(bill) == [("Energy Cost", "0.00")]
    assert bill.total == Money.zero(Currency("USD"))
    assert bill.status is BillStatus.PAID


def test_energy_too_little_to_cost_anything_is_wheeled_all_the_same() -> None:
    bill = bill_for(agree(), "0.001")
    assert lines_of(bill) == [("Energy Cost", "0.00"), ("Wheeling Charges", "2.50")]


@pytest.mark.parametrize(
    ("currency", "price", "wheeling", "lines"),
    [
        ("JPY", "15.25", "250", [("Energy Cost", "153"), ("Wheeling Charges", "250")]),
        ("KWD", "0.01235", "2.505", [("Energy Cost", "0.124"), ("Wheeling Charges", "2.505")]),
    ],
)
def test_lines_are_rounded_to_the_decimals_of_their_currency(
    currency: str, price: str, wheeling: str, lines: list[tuple[str, str]]
) -> None:
    bill = bill_for(agree(currency=currency, price=price, wheeling=wheeling), "10.0")
    assert lines_of(bill) == lines


def test_a_bill_gathers_the_cycles_that_end_in_its_period() -> None:
    first, second = january().bills
    assert (first.cycle_id, second.cycle_id) == ("bill-2026-01-001", "bill-2026-02-001")
    assert first.settlement_cycle_ids == tuple(f"settle-2026-01-{day}-001" for day in range(20, 32))
    assert len(second.settlement_cycle_ids) == 10
    assert lines_of(first) == [("Energy Cost", "1.80"), ("Wheeling Charges", "1.20")]
    assert lines_of(second) == [("Energy Cost", "1.50"), ("Wheeling Charges", "1.00")]


def test_a_week_over_the_end_of_a_month_is_billed_with_the_month_in_which_it_ends() -> None:
    first, second = january(SettlementType.WEEKLY).bills
    assert first.settlement_cycle_ids == ("settle-2026-01-19-001",)  # the next ends on 1 February at 24:00
    assert second.settlement_cycle_ids == (
        "settle-2026-01-26-001",
        "settle-2026-02-02-001",
        "settle-2026-02-09-001",
    )


def test_a_billing_cycle_in_which_no_settlement_cycle_ends_has_no_bill() -> None:
    (bill,) = january(SettlementType.MONTHLY, now="2026-02-01T00:00:00Z").bills
    assert bill.settlement_cycle_ids == ("settle-2026-01-01-001",)
    window = between("2026-01-29T00:00:00Z", "2026-02-03T00:00:00Z")
    agreement = agree(window=window, settles=SettlementType.WEEKLY)
    now = parse_instant("2026-02-05T00:00:00Z")
    bills = settle_contract(agreement, exported=[], imported=[], now=now).bills
    assert [bill.cycle_id for bill in bills] == ["bill-2026-02-001"]


def test_a_bill_waits_for_its_period_and_for_all_of_its_cycles() -> None:
    outcome = january(now="2026-01-31T23:59:59Z")
    assert outcome.bills == ()
    assert len(january(now="2026-02-01T00:00:00Z").bills) == 1
    cycles = january().cycles
    open_cycle = replace(cycles[3], status=CycleStatus.FAILED)
    waiting = [*cycles[:3], open_cycle, *cycles[4:]]
    now = parse_instant("2026-02-11T00:00:00Z")
    bills = issue_bills(outcome.agreement, waiting, now=now)
    assert [bill.cycle_id for bill in bills] == ["bill-2026-02-001"]


def test_what_is_on_a_bill_is_not_billed_again() -> None:
    outcome = january()
    now = parse_instant("2026-02-11T00:00:00Z")
    billed = {cycle.cycle_id for cycle in outcome.cycles[:11]}
    first, _ = issue_bills(outcome.agreement, outcome.cycles, now=now, billed=billed)
    assert first.settlement_cycle_ids == ("settle-2026-01-31-001",)
    assert issue_bills(
        outcome.agreement, outcome.cycles, now=now, billed=billed | set(first.settlement_cycle_ids)
    ) == [outcome.bills[1]]


def test_a_bill_tells_what_it_was_gathered_from() -> None:
    told = january().bills[0].explanation
    assert told is not None
    assert (told["version"], told["explains"], told["billing"]) == (2, "BILL", "MONTHLY")
    assert told["metered"] == ["2026-01-20T00:00:00Z", "2026-02-01T00:00:00Z"]
    assert told["cycles"][0] == {
        "cycle": "settle-2026-01-20-001",
        "run": 1,
        "delivered_wh": 1_000,
        "lines": [
            {"kind": "ENERGY", "title": "Energy Cost", "minor": 15},
            {"kind": "WHEELING", "title": "Wheeling Charges", "minor": 10},
        ],
    }
    gathered = Counter[str]()
    for cycle in told["cycles"]:
        for line in cycle["lines"]:
            gathered[line["title"]] += line["minor"]
    assert gathered == {line["title"]: line["minor"] for line in told["lines"]}
