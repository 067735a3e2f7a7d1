"""The routes of events: what happens to an order, or to anything of an account, as it happens."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from bap.api import LastEventId
from bap.market.account import Account, Trader
from bap.market.call import ThingId
from bap.market.desk import MarketDesk
from bap.market.events import last_event
from bap.market.purchase_store import get_order
from bap.market.route import problems
from bap.market.stream import MarketStream
from bap.openapi import event_body

_EXAMPLE = (
    'id: 17\nevent: order.updated\ndata: {"type": "order.updated", "timestamp": "2026-06-11T12:00:00Z", '
    '"data": {"id": "5f0c1c3e-7a0b-4b53-9a38-3f3e5c1f0a11", "status": "active", "about": "confirm"}}\n\n'
)


def add_events(router: APIRouter, desk: MarketDesk, *, heartbeat_seconds: float) -> None:
    """Add the streams of events."""

    @router.get(
        "/orders/{order_id}/events",
        operation_id="follow_order",
        summary="What happens to an order, from its quote on",
        response_class=StreamingResponse,
        responses=problems(404) | event_body("Every change of the order.", example=_EXAMPLE),
    )
    async def order_events(account: Trader, order_id: ThingId, last_event_id: LastEventId = None) -> Response:
        async with desk.buyer.uow_factory() as uow:
            await get_order(uow, order_id, account=account.key)
        return stream(account, order_id, after=int(last_event_id or 0))

    @router.get(
        "/events",
        operation_id="follow_account",
        summary="What happens to anything of the account, from now on",
        response_class=StreamingResponse,
        responses=problems()
        | event_body("Every change from now on, or since Last-Event-ID.", example=_EXAMPLE),
    )
    async def events(account: Trader, last_event_id: LastEventId = None) -> Response:
        async with desk.buyer.uow_factory() as uow:
            latest = await last_event(uow, account=account.key)
        return stream(account, None, after=latest if last_event_id is None else int(last_event_id))

    def stream(account: Account, thread_id: str | None, *, after: int) -> EventSourceResponse:
        market_stream = MarketStream(
            uow_factory=desk.buyer.uow_factory,
            hub=desk.buyer.hub,
            account=account.key,
            thread_id=thread_id,
            after=after,
            heartbeat_seconds=heartbeat_seconds,
        )
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return EventSourceResponse(market_stream.chunks(), headers=headers)
