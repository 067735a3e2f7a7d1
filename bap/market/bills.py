"""Prices, deliveries and bills, as apps are told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, Field

from bap.market.amounts import Amount, Instant, KwhText, Span, plain, tell_energy, tell_money, tell_span
from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY
from kernel.money import Money
from trading.delivery import BillingCycleView, Delivery, SessionReport
from trading.mapping.find import reading
from trading.order_view import delivery_status_of, hull
from trading.quote import ComponentType, Quote
from trading.report import ContractReport
from trading.utility_account import UtilityAccount

_PLAIN: Final = {
    ComponentType.UNIT: "energy",
    ComponentType.SURCHARGE: "surcharge",
    ComponentType.DISCOUNT: "discount",
    ComponentType.FEE: "fee",
    ComponentType.TAX: "tax",
}


class PriceLine(BaseModel):
    """A part of a price; a discount is less than nothing."""

    what: str = Field(description="energy, surcharge, discount, fee or tax.")
    description: str
    amount: Amount


class Breakup(BaseModel):
    """A price and what it is made of: the lines add up to the total exactly."""

    total: Amount
    lines: list[PriceLine]


class SessionView(BaseModel):
    """How a charging session goes."""

    status: str = Field(description="pending, active, stop (charging has ended), completed or interrupted.")
    plug: str | None = Field(None, description="available, preparing or unavailable.")
    minutes: str | None = Field(None, description="How long charging took, once it has ended.")
    is_reserved: bool
    why: str | None = Field(None, description="Why it stands so, where there is something to say.")


class OrderDeliveryView(BaseModel):
    """What has been delivered so far."""

    status: str = Field(description="pending, in_progress, completed or failed.")
    kwh: KwhText
    window: Span
    session: SessionView | None = Field(None, description="Of a charging station alone.")
    kwh_cut: KwhText | None = Field(None, description="What of the order will not be delivered.")
    cut_because: str | None = None


class UtilityPeriod(BaseModel):
    """What a utility counts for the order in a period."""

    period: Span
    kwh: KwhText


class UtilityView(BaseModel):
    """What a distribution utility says was delivered; bills are made from meters, and not from this."""

    utility: str
    line: int = Field(description="Of which line of the order; they count from one.")
    said_at: Instant
    kwh: KwhText | None = Field(description="All so far, if the utility says that.")
    periods: list[UtilityPeriod]


class BillLine(BaseModel):
    """A line of a bill."""

    title: str
    amount: Amount


class OrderBillView(BaseModel):
    """A bill: the lines add up to the total exactly."""

    id: str
    line: int = Field(description="Of which line of the order; they count from one.")
    period: Span
    status: str = Field(description="pending, paid or overdue.")
    total: Amount
    lines: list[BillLine]


class MeterRow(BaseModel):
    """What both meters counted up to an instant, since the window began."""

    at: Instant
    kwh_delivered: KwhText
    kwh_source: KwhText | None
    kwh_target: KwhText | None


def read_breakup(value: Mapping[str, Any]) -> Breakup:
    """Return the price that a seller quotes. Raises: FieldInvalid."""
    with reading("the price"):
        total = Money.of(Decimal(value["value"]), Currency(value["currency"]))
        return Breakup(
            total=tell_money(total),
            lines=[
                PriceLine(
                    what=_PLAIN[ComponentType(part["type"])],
                    description=part.get("description") or "",
                    amount=tell_money(
                        Money.of(Decimal(part["value"]), Currency(part.get("currency", value["currency"])))
                    ),
                )
                for part in value.get("components", ())
            ],
        )


def tell_quote(quote: Quote) -> Breakup:
    """Return the price of a contract."""
    lines = [
        PriceLine(what=_PLAIN[part.type], description=part.description, amount=tell_money(part.amount))
        for part in quote.components
    ]
    return Breakup(total=tell_money(quote.total), lines=lines)


def tell_delivery(delivery: Delivery) -> OrderDeliveryView:
    """Return what has been delivered."""
    return OrderDeliveryView(
        status=delivery.status.value.lower(),
        kwh=tell_energy(delivery.delivered),
        window=tell_span(delivery.window),
        session=delivery.session and _session(delivery.session),
        kwh_cut=delivery.cut and tell_energy(delivery.cut.quantity),
        cut_because=delivery.cut and delivery.cut.reason.value.lower(),
    )


def tell_deliveries(deliveries: Sequence[Delivery]) -> OrderDeliveryView:
    """Return what has been delivered of all lines together."""
    [first, *others] = deliveries
    if not others:
        return tell_delivery(first)
    cut = sum((each.cut.quantity for each in deliveries if each.cut), ZERO_ENERGY)
    return OrderDeliveryView(
        status=delivery_status_of(deliveries).value.lower(),
        kwh=tell_energy(sum((each.delivered for each in deliveries), ZERO_ENERGY)),
        window=tell_span(hull([each.window for each in deliveries])),
        kwh_cut=tell_energy(cut) if cut else None,
    )


def _session(session: SessionReport) -> SessionView:
    return SessionView(
        status=session.status.value.lower(),
        plug=session.connector and session.connector.value.lower(),
        minutes=None if session.minutes is None else plain(session.minutes),
        is_reserved=session.is_reserved,
        why=session.why or None,
    )


def tell_bill(bill: BillingCycleView, *, line: int) -> OrderBillView:
    """Return a bill of a line."""
    return OrderBillView(
        id=bill.cycle_id,
        line=line,
        period=tell_span(bill.period),
        status=bill.status.lower(),
        total=tell_money(bill.total),
        lines=[BillLine(title=line.title, amount=tell_money(line.amount)) for line in bill.lines],
    )


def tell_readings(report: ContractReport) -> list[MeterRow]:
    """Return the meters' readings, row by row."""
    told, flowed = [], report.delivery.delivered - report.delivery.delivered
    for row in report.delivery.readings:
        flowed += row.flow
        told.append(
            MeterRow(
                at=format_instant(row.at),
                kwh_delivered=tell_energy(flowed),
                kwh_source=None if row.source is None else tell_energy(row.source),
                kwh_target=None if row.target is None else tell_energy(row.target),
            )
        )
    return told


def tell_utility(account: UtilityAccount, *, line: int) -> UtilityView:
    """Return what a utility says was delivered of a line of an order."""
    return UtilityView(
        utility=account.utility_id,
        line=line,
        said_at=format_instant(account.said_at),
        kwh=None if account.delivered is None else tell_energy(account.delivered),
        periods=[
            UtilityPeriod(period=tell_span(each.period), kwh=tell_energy(each.energy))
            for each in account.periods
        ],
    )
