"""The operator's API of a utility: the trades that it let pass."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from bpp.utility.sanction import total
from bpp.utility.trades import Trade, TradeStore
from kernel.clock import format_instant
from node.app import JsonResponse
from node.callers import MayReadContracts
from node.documentation import OBJECT, refusals
from node.pages import Limit, Skip
from storage.unit_of_work import UnitOfWorkFactory


def trade_router(*, uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the route; it needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["trades"], default_response_class=JsonResponse)

    @router.get(
        "/trades", summary="Trades, the newest first", responses={**OBJECT, **refusals(401, 422, 503)}
    )
    async def list_trades(
        _caller: MayReadContracts,
        skip: Skip = 0,
        limit: Limit = 50,
    ) -> JsonResponse:
        async with uow_factory() as uow:
            page = await TradeStore(uow.connection).find_page(skip=skip, limit=limit)
        return JsonResponse({"trades": [_view(trade) for trade in page]})

    return router


def _view(trade: Trade) -> dict[str, Any]:
    request = trade.request
    return {
        "platform": trade.platform,
        "order_id": trade.order_id,
        "transaction_id": trade.transaction_id,
        "state": trade.state.value,
        "buyer_utility": request.buyer_utility,
        "seller_utility": request.seller_utility,
        "customers": {side.lower(): mrid for side, mrid in trade.meters.items()},
        "asked_wh": request.quantity.watt_hours,
        "counted_wh": total(trade.uses).watt_hours,
        "start": format_instant(request.window.start),
        "end": format_instant(request.window.end),
        "hold_until": format_instant(trade.hold_until),
        "confirmed_at": trade.confirmed_at and format_instant(trade.confirmed_at),
        "ended_at": trade.ended_at and format_instant(trade.ended_at),
    }
