"""Quotes and orders: how they are kept, and how apps read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping, insert, select, tuple_, update

from bap.market.amounts import Instant, KwhText, Span, tell_energy, tell_span
from bap.market.bills import (
    BillView,
    Breakup,
    DeliveryView,
    MeterRow,
    tell_bill,
    tell_delivery,
    tell_quote,
    tell_readings,
)
from bap.market.cursor import read_cursor, read_instant, write_cursor
from bap.market.forms import QuoteForm
from bap.market.offers import OfferView
from bap.market.problem import MarketError, Problem
from bap.market.proposals import ProposalView, tell_proposal
from bap.market.purchase import Purchase, Stated
from bap.market.requests import RequestView, list_requests, tell_request
from bap.market.tables import OrderStatus, market_purchases
from bap.tables import bap_transactions
from kernel.clock import format_instant
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading.report import ContractReport

Json = dict[str, Any]


class NotInAccount(MarketError):
    """The account has no such thing."""

    code, http_status, retryable = "MARKET_NOT_FOUND", 404, False
    kind = "not-found"


class QuoteView(BaseModel):
    """What a quantity of an offer costs, once its seller has said so."""

    id: str
    status: str = Field(description="waiting, ready, refused, unreachable, unreadable, or silent.")
    offer: OfferView
    kwh: KwhText
    meter: str | None
    window: Span | None = Field(description="As asked for; null: all the time that it is produced.")
    price: Breakup | None = None
    valid_until: Instant | None = Field(None, description="Where the seller tells it.")
    problem: Problem | None = Field(None, description="Why there is no price.")
    created_at: Instant
    order_id: str | None = Field(None, description="The order that was made of it.")


class OrderSummary(BaseModel):
    """An order in a line."""

    id: str
    status: str = Field(
        description="requested, held (kept for you, not binding), active (bought), completed, cancelled "
        "or failed."
    )
    offer: OfferView
    kwh: KwhText
    created_at: Instant
    updated_at: Instant


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
    delivery: DeliveryView | None = None
    readings: list[MeterRow] = Field(default_factory=list)
    bills: list[BillView] = Field(default_factory=list)
    proposal: ProposalView | None = Field(
        None, description="The newest change that a side proposed, and what became of it."
    )
    problem: Problem | None = Field(None, description="Why it came to nothing, or is not bought yet.")
    requests: list[RequestView] = Field(description="What was asked of the seller, the first first.")


class OrderPage(BaseModel):
    """Some of the orders, the latest first."""

    items: list[OrderSummary]
    next: str | None = Field(None, description="The cursor of the next page; null on the last.")


async def add_purchase(
    uow: UnitOfWork,
    purchase_id: str,
    *,
    account: str,
    form: QuoteForm,
    offer: OfferView,
    names: Json,
    now: datetime,
) -> None:
    """Keep a quote that is asked for."""
    await uow.connection.execute(
        insert(market_purchases).values(
            id=purchase_id,
            account=account,
            asked=form.model_dump(mode="json"),
            offer=offer.model_dump(exclude_none=True),
            names=names,
            created_at=now,
            updated_at=now,
        )
    )


async def find_purchase(uow: UnitOfWork, purchase_id: str, *, lock: bool = False) -> Purchase | None:
    """Return the purchase of that id, whosever it is."""
    query = select(market_purchases).where(market_purchases.c.id == purchase_id)
    rows = await uow.connection.execute(query.with_for_update() if lock else query)
    row = rows.mappings().one_or_none()
    return None if row is None else _read(row)


async def get_quote(uow: UnitOfWork, quote_id: str, *, account: str) -> Stated:
    """Return a quote of the account's. Raises: NotInAccount."""
    found = await find_purchase(uow, quote_id) if quote_id.isprintable() else None
    if found is None or found.account != account:
        raise NotInAccount("there is no such quote in this account", path="quote_id")
    return await _stated(uow, found)


async def get_order(uow: UnitOfWork, order_id: str, *, account: str) -> Stated:
    """Return an order of the account's. Raises: NotInAccount."""
    found = await find_purchase(uow, order_id) if order_id.isprintable() else None
    if found is None or found.account != account or found.ordered_at is None:
        raise NotInAccount("there is no such order in this account", path="order_id")
    return await _stated(uow, found)


async def set_purchase(uow: UnitOfWork, purchase_id: str, **values: Any) -> None:  # noqa: ANN401  any column
    """Change what is kept of a purchase."""
    await uow.connection.execute(
        update(market_purchases).where(market_purchases.c.id == purchase_id).values(**values)
    )


async def list_orders(
    uow: UnitOfWork,
    *,
    account: str,
    status: OrderStatus | None,
    since: datetime | None,
    limit: int,
    cursor: str | None,
) -> OrderPage:
    """Return a page of the account's orders, the latest first. Raises: CursorUnreadable."""
    table = market_purchases.c
    query = select(market_purchases).where(table.account == account, table.ordered_at.is_not(None))
    if status is not None:
        query = query.where(table.status == status)
    if since is not None:
        query = query.where(table.updated_at >= since)
    if cursor is not None:
        at, last = read_cursor(cursor, length=2)
        query = query.where(tuple_(table.ordered_at, table.id) < (read_instant(at), last))
    order = query.order_by(table.ordered_at.desc(), table.id.desc()).limit(limit + 1)
    found = [_read(row) for row in (await uow.connection.execute(order)).mappings()]
    page = found[:limit]
    return OrderPage(
        items=[OrderSummary(**_summary(purchase)) for purchase in page],
        next=_cursor_after(page[-1]) if len(found) > limit else None,
    )


def tell_quote_view(stated: Stated, now: datetime) -> QuoteView:
    """Return a quote as its app reads it."""
    purchase, asked = stated.purchase, stated.latest(Action.SELECT)
    assert asked is not None  # noqa: S101  they are written together
    state = asked.state_at(now)
    return QuoteView(
        id=purchase.id,
        status="ready" if state == "done" else state,
        offer=OfferView(**purchase.offer),
        **_wanted(purchase),
        price=None if asked.result is None else Breakup(**asked.result),
        valid_until=purchase.offer.get("valid_until"),
        problem=asked.problem_at(now),
        created_at=format_instant(purchase.created_at),
        order_id=purchase.id if purchase.ordered_at else None,
    )


def tell_order(stated: Stated, now: datetime) -> OrderView:
    """Return an order as its app reads it: as the seller stated it last, else as it was asked for."""
    purchase, report = stated.purchase, stated.report
    return OrderView(
        **_summary(purchase)
        | _wanted(purchase)
        | ({} if report is None else _reported(report))
        | {
            "quote_id": purchase.id,
            "payment": stated.payment,
            "confirm_wanted": purchase.confirm_wanted,
            "proposal": None if stated.proposal is None else tell_proposal(stated.proposal),
            "problem": _problem(stated, now),
            "requests": [
                tell_request(asked, now) for asked in stated.requests if asked.action is not Action.SELECT
            ],
        }
    )


def _reported(report: ContractReport) -> Json:
    return {
        "kwh": tell_energy(report.quantity),
        "window": tell_span(report.window),
        "price": tell_quote(report.quote),
        "delivery": tell_delivery(report.delivery),
        "readings": tell_readings(report),
        "bills": [tell_bill(bill) for bill in report.bills],
    }


def _problem(stated: Stated, now: datetime) -> Problem | None:
    """Return what the last request that was to move the order came to, if that is nothing."""
    moving = (Action.INIT, Action.CONFIRM, Action.UPDATE, Action.CANCEL)
    last = next((asked for asked in reversed(stated.requests) if asked.action in moving), None)
    return None if last is None else last.problem_at(now)


def _wanted(purchase: Purchase) -> Json:
    form = purchase.form
    return {
        "kwh": tell_energy(form.energy),
        "meter": form.meter,
        "window": None if form.window is None else tell_span(form.window.interval),
    }


def _summary(purchase: Purchase) -> Json:
    assert purchase.ordered_at is not None  # noqa: S101  only orders are summed up
    return {
        "id": purchase.id,
        "status": purchase.status,
        "offer": OfferView(**purchase.offer),
        "kwh": tell_energy(purchase.form.energy),
        "created_at": format_instant(purchase.ordered_at),
        "updated_at": format_instant(purchase.updated_at),
    }


def _cursor_after(last: Purchase) -> str:
    assert last.ordered_at is not None  # noqa: S101  only orders are listed
    return write_cursor([last.ordered_at.isoformat(), last.id])


async def _stated(uow: UnitOfWork, purchase: Purchase) -> Stated:
    table = bap_transactions.c
    rows = await uow.connection.execute(
        select(table.bpp_url, table.profile, table.order, table.contract_status).where(
            table.transaction_id == purchase.id
        )
    )
    row = rows.one()
    return Stated(
        purchase=purchase,
        requests=await list_requests(uow, purchase.id),
        bpp_url=row.bpp_url,
        profile=row.profile,
        document=row.order,
        contract_status=row.contract_status,
    )


def _read(row: RowMapping) -> Purchase:
    status = row["status"]
    return Purchase(**{**row, "status": None if status is None else OrderStatus(status)})
