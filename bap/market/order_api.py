"""The routes of orders: made, listed, read, confirmed, changed, cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from bap.market.account import Account, Trader
from bap.market.bills import OrderBillView
from bap.market.call import Call, Cursor, Limit, MarketCall, ThingId, Wait
from bap.market.desk import MarketDesk
from bap.market.forms import CancelForm, ChangeForm, Form, OrderForm, ProposalForm
from bap.market.idempotency import Attempt
from bap.market.purchase_store import get_order, list_orders
from bap.market.purchase_views import OrderPage, OrderView, tell_bills, tell_order
from bap.market.route import problems
from bap.market.tables import OrderStatus
from trading.request import SessionWish

Since = Annotated[AwareDatetime | None, Query(description="Only those of which there was news since.")]


def add_orders(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes that make and read orders."""

    @router.post(
        "/orders",
        operation_id="order",
        summary="Order what was quoted: it is held, and bought at once if so wished",
        status_code=201,
        responses=problems(404, 409, 413),
    )
    async def order(call: Call, form: OrderForm, response: Response) -> OrderView:
        attempt = call.attempt(form)
        order_id = await desk.once(
            attempt, lambda: desk.order(call.account, form.quote_id, attempt, confirm=form.confirm)
        )
        response.headers["Location"] = call.at(f"/orders/{order_id}")
        return await _after(desk, call.account, order_id, call.wait)

    @router.get(
        "/orders", operation_id="list_orders", summary="Orders, the latest first", responses=problems()
    )
    async def list_(
        account: Trader,
        status: OrderStatus | None = None,
        since: Since = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> OrderPage:
        async with desk.buyer.uow_factory() as uow:
            return await list_orders(
                uow, account=account.key, status=status, since=since, limit=limit, cursor=cursor
            )

    @router.get(
        "/orders/{order_id}",
        operation_id="get_order",
        summary="An order: how it stands, what was delivered, the bills",
        responses=problems(404),
    )
    async def get(account: Trader, order_id: ThingId, wait: Wait = None) -> OrderView:
        await _view(desk, account, order_id)
        return await _after(desk, account, order_id, wait)

    @router.get(
        "/orders/{order_id}/bills",
        operation_id="list_bills",
        summary="The bills of an order",
        responses=problems(404),
    )
    async def bills(account: Trader, order_id: ThingId) -> list[OrderBillView]:
        async with desk.buyer.uow_factory() as uow:
            return tell_bills(await get_order(uow, order_id, account=account.key))


def add_order_actions(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes that move an order on."""

    @router.post(
        "/orders/{order_id}/confirm",
        operation_id="confirm_order",
        summary="Buy what is held",
        responses=problems(404, 409),
    )
    async def confirm(call: Call, order_id: ThingId) -> OrderView:
        return await _done(desk, call, order_id, partial(desk.acts.confirm, call.account, order_id))

    @router.post(
        "/orders/{order_id}/cancel",
        operation_id="cancel_order",
        summary="End an order; what was delivered until then is billed",
        responses=problems(404, 409, 413),
    )
    async def cancel(call: Call, order_id: ThingId, form: CancelForm | None = None) -> OrderView:
        act = partial(desk.acts.cancel, call.account, order_id, form)
        return await _done(desk, call, order_id, act, form)

    @router.post(
        "/orders/{order_id}/update",
        operation_id="change_order",
        summary="Ask for another quantity, of an order or of a line of it",
        responses=problems(404, 409, 413),
    )
    async def change(call: Call, order_id: ThingId, form: ChangeForm) -> OrderView:
        act = partial(desk.acts.change, call.account, order_id, form)
        return await _done(desk, call, order_id, act, form)

    @router.post(
        "/orders/{order_id}/proposal",
        operation_id="answer_proposal",
        summary="Accept or refuse what the seller proposes",
        responses=problems(404, 409, 413),
    )
    async def answer(call: Call, order_id: ThingId, form: ProposalForm) -> OrderView:
        act = partial(desk.acts.answer_proposal, call.account, order_id, form)
        return await _done(desk, call, order_id, act, form)


def add_sessions(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes that start and stop charging."""

    @router.post(
        "/orders/{order_id}/session/start",
        operation_id="start_session",
        summary="Have the station begin to charge",
        responses=problems(404, 409),
    )
    async def start(call: Call, order_id: ThingId) -> OrderView:
        act = partial(desk.acts.move_session, call.account, order_id, SessionWish.START)
        return await _done(desk, call, order_id, act)

    @router.post(
        "/orders/{order_id}/session/stop",
        operation_id="stop_session",
        summary="Have the station end charging",
        responses=problems(404, 409),
    )
    async def stop(call: Call, order_id: ThingId) -> OrderView:
        act = partial(desk.acts.move_session, call.account, order_id, SessionWish.STOP)
        return await _done(desk, call, order_id, act)


async def _done(
    desk: MarketDesk,
    call: MarketCall,
    order_id: str,
    act: Callable[[Attempt], Awaitable[str]],
    form: Form | None = None,
) -> OrderView:
    """Return the order after an act that is done once, however often `form` is sent under one key."""
    attempt = call.attempt(form)
    await desk.once(attempt, partial(act, attempt))
    return await _after(desk, call.account, order_id, call.wait)


async def _after(desk: MarketDesk, account: Account, order_id: str, wait: float | None) -> OrderView:
    """Return the order once no answer is awaited, or as it is after `wait` seconds."""
    await desk.wait(order_id, seconds=wait)
    return await _view(desk, account, order_id)


async def _view(desk: MarketDesk, account: Account, order_id: str) -> OrderView:
    async with desk.buyer.uow_factory() as uow:
        stated = await get_order(uow, order_id, account=account.key)
    return tell_order(stated, desk.buyer.clock.now())
