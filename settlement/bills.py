"""Billing cycles: bills that gather what settled in a period, and the way each goes to being paid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kernel.currency import Currency
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money, sum_money
from settlement.agreement import Agreement
from settlement.cycles import SettlementCycle
from settlement.explanation import explain_bill
from settlement.lines import LineItem, gather, taxes_on
from settlement.periods import WIRE_RESOLUTION, NamedPeriod, billing_periods
from trading.charges import LineKind


class BillStatus(StrEnum):
    """How far a bill has come (EnergyTradeContract v0.2)."""

    PENDING = "PENDING"
    PAID = "PAID"
    OVERDUE = "OVERDUE"


class BillEvent(StrEnum):
    """What happens to a bill."""

    COVERED = "COVERED"
    """Payments reach its total."""
    FELL_DUE = "FELL_DUE"
    """Its due date and the days of grace are over."""


NEXT_BILL_STATUS: Final[Mapping[tuple[BillStatus, BillEvent], BillStatus]] = {
    (BillStatus.PENDING, BillEvent.COVERED): BillStatus.PAID,
    (BillStatus.PENDING, BillEvent.FELL_DUE): BillStatus.OVERDUE,
    (BillStatus.OVERDUE, BillEvent.COVERED): BillStatus.PAID,
}
"""Everything that may happen; PAID is the end."""


class BillTransitionInvalid(NodeError):
    """A bill cannot go that way."""

    code, http_status, retryable = "BILL_STATE_INVALID", 409, False


class BillNotFound(NodeError):
    """The contract has no such bill."""

    code, http_status, retryable = "BIZ_ORDER_NOT_FOUND", 404, False


def next_bill_status(status: BillStatus, event: BillEvent) -> BillStatus:
    """Return the status that follows `status` upon `event`.

    Raises: BillTransitionInvalid.
    """
    following = NEXT_BILL_STATUS.get((status, event))
    if following is None:
        raise BillTransitionInvalid(f"a bill that is {status} cannot have {event.lower().replace('_', ' ')}")
    return following


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycle:
    """The bill of one billing cycle; what is asked for is the exact sum of its lines."""

    contract_id: str
    cycle_id: str
    settlement_cycle_ids: tuple[str, ...]
    """The settlement cycles that it gathers, in order of time."""
    period: Interval
    """The whole billing cycle."""
    status: BillStatus
    currency: Currency
    lines: tuple[LineItem, ...]
    explanation: Mapping[str, Any] | None = None
    """What its lines were gathered from; None of a bill of before bills gathered."""

    @property
    def total(self) -> Money:
        """The exact sum of the lines."""
        return sum_money((line.amount for line in self.lines), currency=self.currency)

    @property
    def wire_start(self) -> datetime:
        return self.period.start

    @property
    def wire_end(self) -> datetime:
        """The last second of the period, as peers write it."""
        return self.period.end - WIRE_RESOLUTION


def issue_bills(
    agreement: Agreement,
    cycles: Sequence[SettlementCycle],
    *,
    now: datetime,
    billed: Container[str] = frozenset(),
) -> list[BillingCycle]:
    """Return the bills of the billing cycles that are over and whose settlement cycles are all settled.

    A settlement cycle belongs to the billing cycle in which its part of the window ends. A billing cycle
    is over with the contract at the latest. `billed` names cycles that are on a bill already; where there
    is no other, there is no bill. One of nought is paid already.
    """
    ends = [cycle.metered.end for cycle in cycles]
    bills: list[BillingCycle] = []
    for named in billing_periods(agreement):
        gathered = cycles[bisect_right(ends, named.metered.start) : bisect_right(ends, named.metered.end)]
        due = [cycle for cycle in gathered if cycle.cycle_id not in billed]
        if due and named.metered.end <= now and all(cycle.is_settled for cycle in due):
            bills.append(_bill(agreement, named, due))
    return bills


def _bill(agreement: Agreement, named: NamedPeriod, cycles: Sequence[SettlementCycle]) -> BillingCycle:
    gathered = gather(line for cycle in cycles for line in cycle.lines)
    taxes = taxes_on(gathered, agreement.terms)
    lines = (
        *gathered,
        *(LineItem(kind=LineKind.TAX, title=group.label, amount=group.amount) for group in taxes),
    )
    bill = BillingCycle(
        contract_id=agreement.contract_id,
        cycle_id=named.id,
        settlement_cycle_ids=tuple(cycle.cycle_id for cycle in cycles),
        period=named.period,
        status=BillStatus.PENDING,
        currency=agreement.terms.currency,
        lines=lines,
        explanation=explain_bill(agreement, named, cycles, lines=lines, taxes=taxes),
    )
    return bill if bill.total.minor else covered(bill)


def covered(bill: BillingCycle) -> BillingCycle:
    """Return the bill with nothing left to pay. Raises: BillTransitionInvalid."""
    return replace(bill, status=next_bill_status(bill.status, BillEvent.COVERED))
