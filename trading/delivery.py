"""What has come of a contract, as plain data: delivery, settlement cycles and bills.

Metering and settlement live on other floors; whoever knows both fills these in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.money import Money, sum_money
from trading.cancellation import Cancellation
from trading.charging.stall_ledger import StallRows
from trading.contract import Contract
from trading.proposal import Proposal
from trading.quote import Quote
from trading.utility_account import UtilityAccount

_BILL_PAID: Final = "PAID"


class DeliveryStatus(StrEnum):
    """How far a delivery has come (EnergyTradeDelivery v0.2)."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadingView:
    """Both meters at one instant: energy since the window began, and what flowed since the row before.

    A meter that has reported nothing up to then has None.
    """

    at: datetime
    source: Energy | None
    target: Energy | None
    flow: Energy


class CurtailmentReason(StrEnum):
    """Why less is delivered than was agreed (EnergyTradeDelivery v0.2 of p2p-trading)."""

    GRID_OUTAGE = "GRID_OUTAGE"
    EMERGENCY = "EMERGENCY"
    CONGESTION = "CONGESTION"
    MAINTENANCE = "MAINTENANCE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What was cut from the contracted quantity in all, and why last."""

    quantity: Energy
    reason: CurtailmentReason


class MetricName(StrEnum):
    """What can be measured while energy flows (EnergyTradeDelivery v0.2, telemetry)."""

    ENERGY = "ENERGY"
    POWER = "POWER"
    FLOW_RATE = "FLOW_RATE"
    VOLTAGE = "VOLTAGE"
    CURRENT = "CURRENT"
    FREQUENCY = "FREQUENCY"
    POWER_QUALITY = "POWER_QUALITY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that was measured, exact, in the unit of that code (KW for power)."""

    name: MetricName
    value: Decimal
    unit_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryEvent:
    """What was measured at an instant, or over a period that ended then."""

    at: datetime
    metrics: tuple[Metric, ...]


class SessionStatus(StrEnum):
    """How a charging session stands (EvChargingSession v1)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    STOP = "STOP"
    COMPLETED = "COMPLETED"
    INTERRUPTED = "INTERRUPTED"


class ConnectorStatus(StrEnum):
    """How the plug of a session stands (EvChargingSession v1)."""

    AVAILABLE = "AVAILABLE"
    PREPARING = "PREPARING"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """What is told of a charging session beside its delivery: its plug, how both stand, its minutes.

    Of a stall that is sold as such there is the ledger, with what flowed in each row, and the start that
    was reserved.
    """

    status: SessionStatus
    connector: ConnectorStatus | None = None
    connector_type: str | None = None
    max_power: Decimal | None = None
    minutes: Decimal | None = None
    is_reserved: bool = False
    why: str = ""
    rows: StallRows = ()
    reserved_start: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered so far; `ended` once no more can come. `cut` is what a curtailment left out.

    Of a charging session there is a report beside.
    """

    status: DeliveryStatus
    delivered: Energy
    window: Interval
    ended: bool
    readings: tuple[MeterReadingView, ...] = ()
    telemetry: tuple[TelemetryEvent, ...] = ()
    settlement_cycle_id: str | None = None
    cut: Cut | None = None
    session: SessionReport | None = None

    @property
    def reserved_start(self) -> datetime | None:
        """When a session at a stall was to begin, None if nobody reserved it."""
        return None if self.session is None else self.session.reserved_start


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementCycleView:
    """A settlement cycle; `status` is PENDING, SETTLED or FAILED."""

    cycle_id: str
    period: Interval
    status: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItemView:
    """A line of a bill."""

    title: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycleView:
    """A bill; `status` is PENDING, PAID or OVERDUE, `total` the exact sum of its lines."""

    cycle_id: str
    period: Interval
    status: str
    total: Money
    lines: tuple[LineItemView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One thing of what a session at a stall came to: the driver pays it where it is negative."""

    title: str
    driver: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractView:
    """A contract with everything that came of it: what a peer is told.

    `cycles` are the newest where there are many; `settled` is what all of them came to, None if those
    that are told are all. `penalty` is what the buyer was credited for what the seller fell short of.
    `proposal` is the newest change that a side proposed, `cancellation` how the contract was ended. Of an
    order of several lines, seen as one contract, `quoted` is the price, and `lacks_bills` whether a line is
    yet to be billed. `flows` are what a session at a stall came to that has ended. `utilities` are what they
    say was delivered.
    """

    contract: Contract
    delivery: Delivery
    cycles: tuple[SettlementCycleView, ...] = ()
    settled: Money | None = None
    bills: tuple[BillingCycleView, ...] = ()
    penalty: Money | None = None
    proposal: Proposal | None = None
    cancellation: Cancellation | None = None
    quoted: Quote | None = None
    lacks_bills: bool = False
    flows: tuple[Flow, ...] = ()
    utilities: tuple[UtilityAccount, ...] = ()

    @property
    def quote(self) -> Quote:
        """The price of the whole quantity."""
        return self.quoted or self.contract.quote

    @property
    def is_paid(self) -> bool:
        """Whether there are bills, of every line, and all of them are paid."""
        is_billed = bool(self.bills) and not self.lacks_bills
        return is_billed and all(bill.status == _BILL_PAID for bill in self.bills)

    @property
    def total(self) -> Money:
        """What all settlement cycles came to."""
        if self.settled is not None:
            return self.settled
        return sum_money((cycle.amount for cycle in self.cycles), currency=self.contract.terms.currency)


Row = tuple[datetime, Energy | None, Energy | None]
"""An instant with what the source and the target have counted since the window began."""


def flow_between(rows: Sequence[Row], *, most: Energy) -> tuple[MeterReadingView, ...]:
    """Return the rows, each with the energy that was delivered under the contract since the row before.

    Delivered up to a row is what both meters have counted, at most `most`: what was contracted, less
    what was cut. A meter that is silent has counted nothing.
    """
    views: list[MeterReadingView] = []
    before = ZERO_ENERGY
    for at, source, target in rows:
        counted = min(source or ZERO_ENERGY, target or ZERO_ENERGY, most)
        views.append(MeterReadingView(at=at, source=source, target=target, flow=counted - before))
        before = counted
    return tuple(views)
