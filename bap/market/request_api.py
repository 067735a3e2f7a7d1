"""The routes of what a seller is asked about an order, beside the order itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import APIRouter

from bap.market.account import Account, NotInAccount, Trader
from bap.market.answers import AnswerView, tell_answer
from bap.market.call import Call, ThingId, Wait
from bap.market.desk import MarketDesk
from bap.market.forms import RatingForm, SupportForm
from bap.market.idempotency import Attempt, attempt_of
from bap.market.purchase_store import get_order
from bap.market.requests import list_requests, tell_request
from bap.market.route import problems


def add_requests(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes of ratings, support and tracking."""

    @router.post(
        "/orders/{order_id}/ratings",
        operation_id="rate_order",
        summary="Say how good it was",
        status_code=201,
        responses=problems(404, 409, 413),
    )
    async def rate(call: Call, order_id: ThingId, form: RatingForm) -> AnswerView:
        act = partial(desk.acts.rate, call.account, order_id, form)
        return await _answer(desk, order_id, call.attempt(form), call.wait, act)

    @router.post(
        "/orders/{order_id}/support",
        operation_id="ask_support",
        summary="Ask whom to ask",
        status_code=201,
        responses=problems(404, 409, 413),
    )
    async def support(call: Call, order_id: ThingId, form: SupportForm | None = None) -> AnswerView:
        act = partial(desk.acts.ask_support, call.account, order_id, form or SupportForm())
        return await _answer(desk, order_id, call.attempt(form), call.wait, act)

    @router.get(
        "/orders/{order_id}/tracking",
        operation_id="track_order",
        summary="Where the delivery can be followed",
        description="The seller is asked each time.",
        responses=problems(404, 409),
    )
    async def track(account: Trader, order_id: ThingId, wait: Wait = 10) -> AnswerView:
        attempt = attempt_of(account, None, "", None)
        return await _answer(desk, order_id, attempt, wait, partial(desk.acts.track, account, order_id))

    @router.get(
        "/orders/{order_id}/requests/{request_id}",
        operation_id="get_request",
        summary="Something that was asked of the seller, and the answer",
        responses=problems(404),
    )
    async def get(account: Trader, order_id: ThingId, request_id: ThingId, wait: Wait = None) -> AnswerView:
        await _view(desk, account, order_id, request_id)
        await desk.wait(order_id, seconds=wait)
        return await _view(desk, account, order_id, request_id)


async def _answer(
    desk: MarketDesk,
    order_id: str,
    attempt: Attempt,
    wait: float | None,
    act: Callable[[Attempt], Awaitable[str]],
) -> AnswerView:
    """Return what was asked of the seller once, and its answer if that came in time."""
    request_id = await desk.once(attempt, partial(act, attempt))
    await desk.wait(order_id, seconds=wait)
    return await _view(desk, attempt.account, order_id, request_id)


async def _view(desk: MarketDesk, account: Account, order_id: str, request_id: str) -> AnswerView:
    async with desk.buyer.uow_factory() as uow:
        await get_order(uow, order_id, account=account.key)
        requests = await list_requests(uow, order_id)
    asked = next((asked for asked in requests if asked.id == request_id), None)
    if asked is None:
        raise NotInAccount("nothing was asked under that id for this order", path="request_id")
    return tell_answer(asked, tell_request(asked, desk.buyer.clock.now()))
