"""What becomes of an issued bill that comes to something else: adjustments, credits, and who has them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from kernel.local_periods import Cadence
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.corrections import (
    BillCorrection,
    CorrectionKind,
    bill_of_its_own,
    carry,
    changes_of_taxes,
    correct_bills,
    refund_due,
    reversal,
)
from settlement.cycles import SettlementCycle
from settlement.runs import Revision, find_revisions
from settlement.settle import settle_contract
from tests.support.agreements import SOURCE_KWH, WINDOW, agree, readings
from trading.charges import LineKind, Tax

TAXED = replace(
    agree(),
    terms=replace(
        agree().terms,
        taxes=(
            Tax(title="GST", percent=Decimal(10), jurisdiction="KA", applies_to=frozenset({LineKind.ENERGY})),
        ),
    ),
)
CYCLE, BILL = "settle-2024-10-04-001", "bill-2024-10-001"
BILLED = {CYCLE: BILL}
FEWER = ("0.3", "0.5", "0.7", "4.5")
"""4 kWh fewer than all, at 0.15."""


def settled(target: tuple[str, ...] = SOURCE_KWH) -> SettlementCycle:
    source, taken = readings(SOURCE_KWH), readings(target)
    (cycle,) = settle_contract(TAXED, exported=source, imported=taken, now=WINDOW.end).cycles
    return cycle


def revised(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[Revision, dict[str, int]]:
    """Return a revision of the only cycle, and by how much its bill's tax changes."""
    first = settled(before)
    (revision,) = find_revisions({CYCLE: first}, [settled(after)])
    return revision, changes_of_taxes([revision], BILLED, [first], TAXED.terms)


def down() -> BillCorrection:
    """Return the credit note of 0.60 and its tax of a tenth."""
    revision, taxes = revised(SOURCE_KWH, FEWER)
    (note,) = correct_bills([revision], BILLED, [], taxes=taxes)
    return note


def up() -> BillCorrection:
    revision, taxes = revised(FEWER, SOURCE_KWH)
    (more,) = correct_bills([revision], BILLED, [], taxes=taxes)
    return more


def next_bill(number: int = 1) -> BillingCycle:
    """Return a bill of 4.15."""
    (bill,) = settle_contract(
        TAXED, exported=readings(SOURCE_KWH), imported=readings(SOURCE_KWH), now=WINDOW.end
    ).bills
    return replace(bill, cycle_id=f"bill-2024-11-{number:03}")


def test_less_is_a_credit_note_with_its_tax_and_more_is_an_adjustment() -> None:
    for found, kind in ((down(), CorrectionKind.CREDIT_NOTE), (up(), CorrectionKind.ADJUSTMENT)):
        sign = -1 if kind is CorrectionKind.CREDIT_NOTE else 1
        assert (found.bill_id, found.run, found.kind, found.amount.minor) == (BILL, 2, kind, 66)
        assert found.explanation == {
            "cycles": [{"cycle": CYCLE, "run": 2, "delta_minor": sign * 60, "delta_wh": sign * 4_000}],
            "tax_minor": sign * 6,
        }


def test_what_is_on_no_bill_yet_and_what_comes_to_nothing_is_not_corrected() -> None:
    revision, taxes = revised(SOURCE_KWH, FEWER)
    assert correct_bills([revision], {}, [], taxes={}) == []
    assert correct_bills([revision], BILLED, [], taxes={BILL: 60}) == []
    (second,) = correct_bills([revision], BILLED, [down()], taxes=taxes)
    assert second.run == 3


def test_a_correction_that_was_wrong_is_taken_back_whole() -> None:
    back = reversal(down(), run=3, reason="a mistake")
    assert (back.kind, back.amount, back.reverses, back.carried) == (
        CorrectionKind.ADJUSTMENT,
        down().amount,
        2,
        0,
    )
    assert reversal(up(), run=3, reason="a mistake").kind is CorrectionKind.CREDIT_NOTE


def test_the_first_bill_has_all_adjustments_as_lines_and_credit_pays_as_much_as_it_can() -> None:
    large = replace(down(), amount=replace(down().amount, minor=500), run=3)
    (first, second), carried = carry([next_bill(), next_bill(2)], [up(), large])
    assert (f"Adjustment ({BILL}, run 2)", 66) in [(line.title, line.amount.minor) for line in first.lines]
    assert first.total.minor == 415 + 66
    assert [(part.correction.run, part.bill_id, part.minor) for part in carried] == [
        (2, first.cycle_id, 66),
        (3, first.cycle_id, 481),
        (3, second.cycle_id, 19),
    ]
    assert (first.status, second.status) == (BillStatus.PAID, BillStatus.PENDING)
    assert second.explanation is not None
    assert second.explanation["credits"] == [{"bill": BILL, "run": 3, "minor": 19}]


def test_bills_without_corrections_stay_as_they_are() -> None:
    assert carry([next_bill()], []) == ([next_bill()], [])


def test_a_bill_of_its_own_has_the_id_of_no_day() -> None:
    daily = replace(TAXED, billing=Cadence.DAILY)
    assert bill_of_its_own(daily, taken={"bill-2024-10-004"}).cycle_id == "bill-2024-10-005"
    taken = {"bill-2024-10-004", "bill-2024-10-005"}
    assert bill_of_its_own(daily, taken=taken).cycle_id == "bill-2024-10-006"


def test_where_no_other_bill_comes_there_is_one_of_its_own_and_credit_is_refunded() -> None:
    own = bill_of_its_own(TAXED, taken={BILL, "bill-2024-10-002"})
    assert (own.cycle_id, own.lines, own.status) == ("bill-2024-10-003", (), BillStatus.PENDING)
    currency = TAXED.terms.currency
    assert refund_due([up(), down(), replace(down(), carried=16)], currency=currency) == Money(116, currency)
