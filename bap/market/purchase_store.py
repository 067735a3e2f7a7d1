"""Quotes and orders as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, tuple_, update

from bap.market.account import NotInAccount
from bap.market.cursor import read_cursor, read_instant, write_cursor
from bap.market.forms import QuoteForm
from bap.market.goods import Good
from bap.market.purchase import Purchase, Stated
from bap.market.purchase_views import OrderPage, tell_summary
from bap.market.requests import list_requests
from bap.market.tables import OrderStatus, market_purchases
from bap.tables import bap_transactions
from storage.unit_of_work import UnitOfWork


async def add_purchase(
    uow: UnitOfWork, purchase_id: str, *, account: str, form: QuoteForm, goods: Sequence[Good], now: datetime
) -> None:
    """Keep a quote that is asked for."""
    first, *further = goods
    await uow.connection.execute(
        insert(market_purchases).values(
            id=purchase_id,
            account=account,
            asked=form.model_dump(mode="json"),
            offer=first.offer,
            names=first.names,
            further=[{"offer": good.offer, "names": good.names} for good in further] or None,
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
        items=[tell_summary(purchase) for purchase in page],
        next=_cursor_after(page[-1]) if len(found) > limit else None,
    )


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
