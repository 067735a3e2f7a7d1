"""Quotes and orders as apps read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from bap.market.amounts import Instant, KwhText, Span, tell_energy, tell_span
from bap.market.bills import (
    Breakup,
    MeterRow,
    OrderBillView,
    OrderDeliveryView,
    UtilityView,
    tell_bill,
    tell_deliveries,
    tell_delivery,
    tell_quote,
    tell_readings,
    tell_utility,
)
from bap.market.goods import Good
from bap.market.offers import OfferView
from bap.market.problem import Problem
from bap.market.proposals import ProposalView, tell_proposal
from bap.market.purchase import Purchase, Stated
from bap.market.requests import RequestView, tell_quote_status, tell_request
from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY
from protocol.actions import Action
from trading.order_lines import sum_quotes
from trading.order_view import hull
from trading.report import ContractReport

Json = dict[str, Any]


class PurchaseLineView(BaseModel):
    """A line: what was asked for of one offer, and what that costs."""

    line: int = Field(description="They count from one.")
    offer: OfferView
    kwh: KwhText
    window: Span | None = Field(description="As asked for; null: all the time that it is produced.")
    price: Breakup | None = Field(
        None, description="Null until the seller names it, or if its lines do not come to its total."
    )


class QuoteView(BaseModel):
    """What a quantity of an offer costs, once its seller has said so."""

    id: str
    status: str = Field(description="waiting, ready, refused, unreachable, unreadable, or silent.")
    offer: OfferView = Field(description="That of the first line.")
    kwh: KwhText = Field(description="Of all lines.")
    meter: str | None
    window: Span | None = Field(
        description="As asked for; null: all the time that it is produced, or each line has its own."
    )
    price: Breakup | None = Field(None, description="Of all lines.")
    lines: list[PurchaseLineView] = Field(description="What is quoted together, the first first; often one.")
    valid_until: Instant | None = Field(None, description="Where the seller tells it.")
    problem: Problem | None = Field(None, description="Why there is no price.")
    created_at: Instant
    order_id: str | None = Field(None, description="The order that was made of it.")


class OrderSummary(BaseModel):
    """An order in a line."""

    id: str
    status: str = Field(
        description="requested, held (kept for you, not binding), active (bought), completed, cancelled "
        "or failed. Of several lines, how far the one has come that is furthest behind."
    )
    offer: OfferView = Field(description="That of the first line.")
    kwh: KwhText = Field(description="Of all lines.")
    created_at: Instant
    updated_at: Instant


class OrderLineView(PurchaseLineView):
    """A line of an order as its seller stated it last."""

    status: str = Field(description="As that of the order.")
    delivery: OrderDeliveryView | None = None
    readings: list[MeterRow] = Field(default_factory=list)
    utilities: list[UtilityView] = Field(default_factory=list)
    bills: list[OrderBillView] = Field(default_factory=list)
    proposal: ProposalView | None = Field(
        None, description="The newest change of it that a side proposed, and what became of it."
    )


class OrderView(OrderSummary):
    """An order as its seller stated it last."""

    quote_id: str
    confirm_wanted: bool = Field(
        description="Whether it is bought as soon as it is held at the quoted price."
    )
    meter: str | None
    window: Span | None
    price: Breakup | None = Field(None, description="Of all that was ordered; bills say what is due.")
    payment: str | None = Field(
        None, description="How it is paid: prepaid or postpaid; null where the seller does not tell it."
    )
    delivery: OrderDeliveryView | None = None
    readings: list[MeterRow] = Field(
        default_factory=list, description="Of an order of one line; else each line has its own."
    )
    utilities: list[UtilityView] = Field(
        default_factory=list,
        description="What the utilities of all lines say was delivered, where they say anything.",
    )
    bills: list[OrderBillView] = Field(default_factory=list, description="Of all lines.")
    proposal: ProposalView | None = Field(
        None, description="The newest change that a side proposed, and what became of it: an open one first."
    )
    lines: list[OrderLineView] = Field(description="What was ordered together, the first first; often one.")
    problem: Problem | None = Field(None, description="Why it came to nothing, or is not bought yet.")
    requests: list[RequestView] = Field(description="What was asked of the seller, the first first.")


class OrderPage(BaseModel):
    """Some of the orders, the latest first."""

    items: list[OrderSummary]
    next: str | None = Field(None, description="The cursor of the next page; null on the last.")


def tell_quote_view(stated: Stated, now: datetime) -> QuoteView:
    """Return a quote as its app reads it."""
    purchase, asked = stated.purchase, stated.latest(Action.SELECT)
    assert asked is not None  # noqa: S101  they are written together
    state, result = asked.state_at(now), asked.result
    price = None if result is None else Breakup(**result)
    return QuoteView(
        id=purchase.id,
        status=tell_quote_status(state),
        offer=OfferView(**purchase.offer),
        **_wanted(purchase),
        price=price,
        lines=_quoted_lines(purchase, result),
        valid_until=purchase.offer.get("valid_until"),
        problem=asked.problem_at(now),
        created_at=format_instant(purchase.created_at),
        order_id=purchase.id if purchase.ordered_at else None,
    )


def tell_order(stated: Stated, now: datetime) -> OrderView:
    """Return an order as its app reads it: as the seller stated it last, else as it was asked for."""
    purchase = stated.purchase
    lines = _ordered_lines(stated)
    return OrderView(
        **_summary(purchase)
        | _wanted(purchase)
        | _reported(stated.reports)
        | {
            "quote_id": purchase.id,
            "payment": stated.payment,
            "confirm_wanted": purchase.confirm_wanted,
            "lines": lines,
            "utilities": [each for line in lines for each in line.utilities],
            "bills": [bill for line in lines for bill in line.bills],
            "proposal": _newest([line.proposal for line in lines]),
            "problem": _problem(stated, now),
            "requests": [
                tell_request(asked, now) for asked in stated.requests if asked.action is not Action.SELECT
            ],
        }
    )


def tell_bills(stated: Stated) -> list[OrderBillView]:
    """Return the bills of an order, those of the first line first."""
    return [
        tell_bill(bill, line=line)
        for line, report in enumerate(stated.reports, start=1)
        for bill in report.bills
    ]


def tell_summary(purchase: Purchase) -> OrderSummary:
    """Return an order in a line."""
    return OrderSummary(**_summary(purchase))


def _quoted_lines(purchase: Purchase, result: Json | None) -> list[PurchaseLineView]:
    goods, told = purchase.goods, result or {}
    whole = [told] if told and len(goods) == 1 else []
    prices = [Breakup(**each) for each in told.get("each") or whole]
    return [
        PurchaseLineView(**_asked(good), price=prices[good.number - 1] if len(prices) == len(goods) else None)
        for good in goods
    ]


def _ordered_lines(stated: Stated) -> list[OrderLineView]:
    told = []
    for good, proposal, status in zip(stated.purchase.goods, stated.proposals, stated.statuses, strict=True):
        report = stated.reports[good.number - 1] if stated.reports else None
        view: Json = _asked(good) | {"status": status or stated.purchase.status}
        if report is not None:
            view |= {
                "kwh": tell_energy(report.quantity),
                "window": tell_span(report.window),
                "price": tell_quote(report.quote),
                "delivery": tell_delivery(report.delivery),
                "readings": tell_readings(report),
                "utilities": [tell_utility(each, line=good.number) for each in report.utilities],
                "bills": [tell_bill(bill, line=good.number) for bill in report.bills],
            }
        if proposal is not None:
            view["proposal"] = tell_proposal(proposal, line=good.number)
        told.append(OrderLineView(**view))
    return told


def _reported(reports: Sequence[ContractReport]) -> Json:
    """Return what was stated of all lines together."""
    if not reports:
        return {}
    return {
        "kwh": tell_energy(sum((report.quantity for report in reports), ZERO_ENERGY)),
        "window": tell_span(hull([report.window for report in reports])),
        "price": tell_quote(sum_quotes([report.quote for report in reports])),
        "delivery": tell_deliveries([report.delivery for report in reports]),
        "readings": tell_readings(reports[0]) if len(reports) == 1 else [],
    }


def _newest(proposals: Sequence[ProposalView | None]) -> ProposalView | None:
    """Return the proposal that an order shows: one that is open, else the one that lapses last."""
    there = [proposal for proposal in proposals if proposal is not None]
    return max(there, key=lambda each: (each.status == "open", each.answer_before), default=None)


def _problem(stated: Stated, now: datetime) -> Problem | None:
    """Return what the last request that was to move the order came to, if that is nothing."""
    moving = (Action.INIT, Action.CONFIRM, Action.UPDATE, Action.CANCEL)
    last = next((asked for asked in reversed(stated.requests) if asked.action in moving), None)
    return None if last is None else last.problem_at(now)


def _asked(good: Good) -> Json:
    window = good.item.window
    return {
        "line": good.number,
        "offer": OfferView(**good.offer),
        "kwh": tell_energy(good.item.energy),
        "window": None if window is None else tell_span(window.interval),
    }


def _wanted(purchase: Purchase) -> Json:
    form = purchase.form
    return {
        "kwh": tell_energy(purchase.energy),
        "meter": form.meter,
        "window": None if form.window is None else tell_span(form.window.interval),
    }


def _summary(purchase: Purchase) -> Json:
    assert purchase.ordered_at is not None  # noqa: S101  only orders are summed up
    return {
        "id": purchase.id,
        "status": purchase.status,
        "offer": OfferView(**purchase.offer),
        "kwh": tell_energy(purchase.energy),
        "created_at": format_instant(purchase.ordered_at),
        "updated_at": format_instant(purchase.updated_at),
    }
