"""Billing cycles: the bill of each settled day, its lines, and the way it goes to being paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from kernel.currency import Currency
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money, sum_money
from settlement.agreement import Agreement
from settlement.cycles import WIRE_RESOLUTION, cycle_id_of
from settlement.quantities import DayQuantities
from trading.pricing import price_energy
from trading.terms import Terms

ENERGY_COST: Final = "Energy Cost"
WHEELING_CHARGES: Final = "Wheeling Charges"


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


class BillInvalid(ValueError):
    """A bill that nobody could be asked to pay."""


def next_bill_status(status: BillStatus, event: BillEvent) -> BillStatus:
    """Return the status that follows `status` upon `event`.

    Raises: BillTransitionInvalid.
    """
    following = NEXT_BILL_STATUS.get((status, event))
    if following is None:
        raise BillTransitionInvalid(f"a bill that is {status} cannot have {event.lower().replace('_', ' ')}")
    return following


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A line of a bill. Raises: BillInvalid, if its amount is negative."""

    title: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency):
            raise BillInvalid(f"a line is not negative: {self.title} {self.amount}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycle:
    """The bill of one settled day; what is asked for is the exact sum of its lines."""

    contract_id: str
    cycle_id: str
    settlement_cycle_id: str
    period: Interval
    """The whole local day."""
    status: BillStatus
    currency: Currency
    lines: tuple[LineItem, ...]

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


def bill_id_of(day: date, *, number: int = 1) -> str:
    """Return the id of a contract's billing cycle of the local date `day`."""
    return f"bill-{day.isoformat()}-{number:03d}"


def issue_bill(agreement: Agreement, quantities: DayQuantities) -> BillingCycle:
    """Return the bill of a closed day; one of nought is paid already."""
    bill = BillingCycle(
        contract_id=agreement.contract_id,
        cycle_id=bill_id_of(quantities.day.date),
        settlement_cycle_id=cycle_id_of(quantities.day.date),
        period=quantities.day.period,
        status=BillStatus.PENDING,
        currency=agreement.terms.currency,
        lines=_lines(quantities, agreement.terms),
    )
    if bill.total.minor:
        return bill
    return replace(bill, status=next_bill_status(bill.status, BillEvent.COVERED))


def _lines(quantities: DayQuantities, terms: Terms) -> tuple[LineItem, ...]:
    """Return what a day's delivery costs, in the order in which it is shown.

    Energy is what the cost by the day's end exceeds the cost before it, both rounded: over the days
    nothing is lost to rounding. Wheeling is due once for a day on which anything was delivered.
    """
    to_date = price_energy(quantities.delivered_to_date, terms).net
    before = price_energy(quantities.delivered_before, terms).net
    energy = LineItem(title=ENERGY_COST, amount=to_date - before)
    if terms.wheeling is None or not quantities.delivered.watt_hours:
        return (energy,)
    return (energy, LineItem(title=WHEELING_CHARGES, amount=terms.wheeling.amount))
