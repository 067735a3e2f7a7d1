"""Whatever corrections wait for whatever bills: nothing of them is lost, and nothing counts twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.corrections import BillCorrection, CorrectionKind, bill_of_its_own, carry
from settlement.lines import LineItem
from tests.support.agreements import agree
from trading.charges import LineKind

AGREED = agree()
CURRENCY = AGREED.terms.currency
AMOUNTS = st.integers(1, 500)


def bill(number: int, minor: int) -> BillingCycle:
    empty = bill_of_its_own(AGREED, taken=[])
    line = LineItem(kind=LineKind.ENERGY, title="Energy Cost", amount=Money(minor, CURRENCY))
    status = BillStatus.PENDING if minor else BillStatus.PAID
    return replace(empty, cycle_id=f"bill-{number}", lines=(line,), status=status)


def correction(run: int, kind: CorrectionKind, minor: int, carried: int) -> BillCorrection:
    return BillCorrection(
        contract_id=AGREED.contract_id,
        bill_id="bill-0",
        run=run,
        kind=kind,
        amount=Money(minor, CURRENCY),
        explanation={},
        carried=min(carried, minor) if kind.is_credit else carried % 2 * minor,
    )


@given(
    totals=st.lists(st.integers(0, 500), max_size=4),
    waits=st.lists(
        st.tuples(st.sampled_from(list(CorrectionKind)), AMOUNTS, st.integers(0, 500)), max_size=6
    ),
)
def test_corrections_are_taken_up_once_and_as_soon_as_they_can_be(
    totals: list[int], waits: list[tuple[CorrectionKind, int, int]]
) -> None:
    waiting = [correction(run, *wait) for run, wait in enumerate(waits, start=2)]
    bills, carried = carry([bill(number, total) for number, total in enumerate(totals)], waiting)

    added = sum(one.left for one in waiting if one.kind is CorrectionKind.ADJUSTMENT) if totals else 0
    credit = sum(one.left for one in waiting if one.kind.is_credit)
    due = [total + (added if place == 0 else 0) for place, total in enumerate(totals)]
    paid: list[int] = []
    for total in due:
        paid.append(min(total, credit - sum(paid)))

    assert [one.total.minor for one in bills] == due
    assert [one.status is BillStatus.PAID for one in bills] == [
        total == part for total, part in zip(due, paid, strict=True)
    ]
    for number, (total, part) in enumerate(zip(due, paid, strict=True)):
        mine = [each for each in carried if each.bill_id == f"bill-{number}"]
        credited = sum(each.minor for each in mine if each.correction.kind.is_credit)
        added = sum(each.minor for each in mine if not each.correction.kind.is_credit)
        assert (added, credited) == (total - totals[number], part)
    for one in waiting:
        assert sum(each.minor for each in carried if each.correction.run == one.run) <= one.left
