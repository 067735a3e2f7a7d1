"""Bills: their lines, their ids, and the way they go."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kernel.currency import Currency
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.bills import (
    BillEvent,
    BillingCycle,
    BillInvalid,
    BillStatus,
    BillTransitionInvalid,
    LineItem,
    bill_id_of,
    issue_bill,
    next_bill_status,
)
from settlement.quantities import quantities_by_day
from tests.support.agreements import WINDOW, agree, readings

LEGAL = {
    (BillStatus.PENDING, BillEvent.COVERED): BillStatus.PAID,
    (BillStatus.PENDING, BillEvent.FELL_DUE): BillStatus.OVERDUE,
    (BillStatus.OVERDUE, BillEvent.COVERED): BillStatus.PAID,
}


def bill_for(agreement: Agreement, kwh: str) -> BillingCycle:
    flowed = readings([kwh], every=WINDOW.duration)
    (day,) = quantities_by_day(
        window=agreement.window,
        zone=agreement.zone,
        contracted=agreement.contracted,
        exported=flowed,
        imported=flowed,
    )
    return issue_bill(agreement, day)


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
    assert (bill.cycle_id, bill.settlement_cycle_id) == ("bill-2024-10-04-001", "settle-2024-10-04-001")
    assert bill.wire_start == datetime(2024, 10, 4, tzinfo=UTC)
    assert bill.wire_end == datetime(2024, 10, 4, 23, 59, 59, tzinfo=UTC)


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


def test_a_negative_line_is_refused() -> None:
    with pytest.raises(BillInvalid, match=r"not negative: Energy Cost -0\.01 USD"):
        LineItem(title="Energy Cost", amount=Money(-1, Currency("USD")))


def test_a_bill_is_named_after_its_local_date() -> None:
    assert bill_id_of(date(2024, 10, 4)) == "bill-2024-10-04-001"
    assert bill_id_of(date(2024, 10, 4), number=2) == "bill-2024-10-04-002"
