"""Corrections of bills that are issued: what more is to be paid, and what is given back. Pure.

An issued bill never changes. What its settlement cycles come to more by revised readings is a line of the
contract's next bill, or of a bill of its own where no other comes. What they come to less is a credit
note: it counts as a payment of the next bill, and where there is none it is to be refunded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Any, Final

from kernel.currency import Currency
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.bills import BillingCycle, BillStatus, covered
from settlement.cycles import SettlementCycle
from settlement.explanation import explain_bill
from settlement.lines import LineItem, gather, taxes_on
from settlement.periods import billing_periods
from settlement.runs import Revision
from trading.charges import LineKind
from trading.terms import Terms

FIRST_CORRECTION: Final = 2
"""The number of a bill's first correction; the bill itself is run 1."""


class CorrectionKind(StrEnum):
    """Which way a correction goes."""

    ADJUSTMENT = "ADJUSTMENT"
    """More is to be paid."""
    CREDIT_NOTE = "CREDIT_NOTE"
    """Something is given back."""
    PENALTY_CREDIT = "PENALTY_CREDIT"
    """A credit note of what the seller owes the buyer for falling short."""

    @property
    def is_credit(self) -> bool:
        """Whether it pays bills, and is not asked for by them."""
        return self in CREDITS


CREDITS: Final = frozenset({CorrectionKind.CREDIT_NOTE, CorrectionKind.PENALTY_CREDIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class BillCorrection:
    """What a bill that was issued is corrected by; the amount is more than nought."""

    contract_id: str
    bill_id: str
    run: int
    kind: CorrectionKind
    amount: Money
    explanation: Mapping[str, Any]
    """The runs of settlement cycles that it comes from, or the correction that it reverses."""
    reverses: int | None = None
    """The run of the correction of the same bill that was wrong."""
    carried: int = 0
    """How much of it later bills have taken up. Unit: minor units."""

    @property
    def left(self) -> int:
        """How much no bill has taken up. Unit: minor units."""
        return self.amount.minor - self.carried

    @property
    def title(self) -> str:
        return f"Adjustment ({self.bill_id}, run {self.run})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A part of a correction, and the bill that takes it up."""

    correction: BillCorrection
    bill_id: str
    minor: int


def changes_of_taxes(
    revisions: Iterable[Revision],
    billed: Mapping[str, str],
    cycles: Iterable[SettlementCycle],
    terms: Terms,
) -> dict[str, int]:
    """Return by how much the taxes of issued bills change, by bill, in minor units.

    A tax is rounded once a bill, so it takes all `cycles` of these bills, by the run that counted before.
    """
    revised = {revision.revised.cycle_id: revision.revised for revision in revisions}
    by_bill: dict[str, list[SettlementCycle]] = {}
    for cycle in cycles:
        by_bill.setdefault(billed[cycle.cycle_id], []).append(cycle)
    return {
        bill_id: _taxes([revised.get(cycle.cycle_id, cycle) for cycle in found], terms) - _taxes(found, terms)
        for bill_id, found in by_bill.items()
    }


def correct_bills(
    revisions: Iterable[Revision],
    billed: Mapping[str, str],
    earlier: Iterable[BillCorrection],
    *,
    taxes: Mapping[str, int],
) -> list[BillCorrection]:
    """Return the corrections of those bills whose cycles and taxes came to another sum.

    `billed` has the bill of each settlement cycle that is on one; the others are yet to be billed, by
    the run that counts then. `taxes` are those changes of bills' taxes.
    """
    by_bill: dict[str, list[Revision]] = {}
    for revision in revisions:
        if bill_id := billed.get(revision.previous.cycle_id):
            by_bill.setdefault(bill_id, []).append(revision)
    numbers = Counter(correction.bill_id for correction in earlier)
    return [
        _correction(bill_id, found, tax=tax, run=FIRST_CORRECTION + numbers[bill_id])
        for bill_id, found in by_bill.items()
        if _sum(found) + (tax := taxes.get(bill_id, 0))
    ]


def reversal(wrong: BillCorrection, *, run: int, reason: str) -> BillCorrection:
    """Return the correction that takes another one back, whole."""
    back = CorrectionKind.ADJUSTMENT if wrong.kind.is_credit else CorrectionKind.CREDIT_NOTE
    return replace(
        wrong,
        run=run,
        kind=back,
        explanation={"reverses_run": wrong.run, "reason": reason},
        reverses=wrong.run,
        carried=0,
    )


def carry(
    bills: Iterable[BillingCycle], waiting: Sequence[BillCorrection]
) -> tuple[list[BillingCycle], list[Carried]]:
    """Return the bills with what they take up of the corrections that wait, in order.

    The first has all adjustments among its lines. Credit notes pay as much of each bill as they can.
    """
    taken: list[Carried] = []
    carrying: list[BillingCycle] = []
    for bill in bills:
        adjusted, adjustments = _adjusted(bill, waiting)
        credited, notes = _credited(adjusted, waiting)
        waiting = _less(waiting, adjustments + notes)
        taken += adjustments + notes
        carrying.append(credited)
    return carrying, taken


def bill_of_its_own(agreement: Agreement, *, taken: Collection[str]) -> BillingCycle:
    """Return an empty bill after the last, for adjustments alone; `taken` are the ids of all others.

    It has the last billing cycle's period, and the next number of its month that no billing cycle up to
    that has: a contract's days, too, are numbered from the first of the month.
    """
    last = billing_periods(agreement)[-1]
    prefix, _, number = last.id.rpartition("-")
    numbers = count(int(number) + 1)
    named = replace(last, id=next(name for n in numbers if (name := f"{prefix}-{n:03d}") not in taken))
    return BillingCycle(
        contract_id=agreement.contract_id,
        cycle_id=named.id,
        settlement_cycle_ids=(),
        period=named.period,
        status=BillStatus.PENDING,
        currency=agreement.terms.currency,
        lines=(),
        explanation=explain_bill(agreement, named, (), lines=(), taxes=()),
    )


def refund_due(corrections: Iterable[BillCorrection], *, currency: Currency) -> Money:
    """Return the credit that no bill has taken up: to be refunded, where there is no other bill."""
    notes = (correction for correction in corrections if correction.kind.is_credit)
    return Money(sum(note.left for note in notes), currency)


def _sum(revisions: Iterable[Revision]) -> int:
    return sum(revision.delta.minor for revision in revisions)


def _taxes(cycles: Iterable[SettlementCycle], terms: Terms) -> int:
    lines = gather(line for cycle in cycles for line in cycle.lines)
    return sum(group.amount.minor for group in taxes_on(lines, terms))


def _correction(bill_id: str, revisions: Sequence[Revision], *, tax: int, run: int) -> BillCorrection:
    first = revisions[0]
    delta = _sum(revisions) + tax
    return BillCorrection(
        contract_id=first.previous.contract_id,
        bill_id=bill_id,
        run=run,
        kind=CorrectionKind.ADJUSTMENT if delta > 0 else CorrectionKind.CREDIT_NOTE,
        amount=Money(abs(delta), first.delta.currency),
        explanation={
            "cycles": [
                {
                    "cycle": revision.revised.cycle_id,
                    "run": revision.revised.run,
                    "delta_minor": revision.delta.minor,
                    "delta_wh": revision.delta_wh,
                }
                for revision in revisions
            ],
            "tax_minor": tax,
        },
    )


def _adjusted(bill: BillingCycle, waiting: Sequence[BillCorrection]) -> tuple[BillingCycle, list[Carried]]:
    adjustments = [one for one in waiting if one.kind is CorrectionKind.ADJUSTMENT and one.left]
    if not adjustments:
        return bill, []
    lines = gather(
        [
            *bill.lines,
            *(LineItem(kind=LineKind.ADJUSTMENT, title=one.title, amount=one.amount) for one in adjustments),
        ]
    )
    carried = [Carried(correction=one, bill_id=bill.cycle_id, minor=one.amount.minor) for one in adjustments]
    explanation = {
        **(bill.explanation or {}),
        "lines": [line.to_record() for line in lines],
        "adjustments": _records(carried),
    }
    return replace(bill, status=BillStatus.PENDING, lines=lines, explanation=explanation), carried


def _credited(bill: BillingCycle, waiting: Sequence[BillCorrection]) -> tuple[BillingCycle, list[Carried]]:
    due = bill.total.minor
    carried: list[Carried] = []
    for one in waiting:
        part = min(due, one.left) if one.kind.is_credit else 0
        if part:
            carried.append(Carried(correction=one, bill_id=bill.cycle_id, minor=part))
            due -= part
    if not carried:
        return bill, []
    credited = replace(bill, explanation={**(bill.explanation or {}), "credits": _records(carried)})
    return (credited if due else covered(credited)), carried


def _less(waiting: Iterable[BillCorrection], carried: Iterable[Carried]) -> list[BillCorrection]:
    parts = {(part.correction.bill_id, part.correction.run): part.minor for part in carried}
    return [replace(one, carried=one.carried + parts.get((one.bill_id, one.run), 0)) for one in waiting]


def _records(carried: Iterable[Carried]) -> list[dict[str, Any]]:
    return [
        {"bill": part.correction.bill_id, "run": part.correction.run, "minor": part.minor} for part in carried
    ]
