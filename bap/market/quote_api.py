"""The routes of quotes."""

from __future__ import annotations

from fastapi import APIRouter, Response

from bap.market.account import Account, Trader
from bap.market.call import Call, ThingId, Wait
from bap.market.desk import MarketDesk
from bap.market.forms import QuoteForm
from bap.market.purchase_store import get_quote
from bap.market.purchase_views import QuoteView, tell_quote_view
from bap.market.route import problems


def add_quotes(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes of quotes."""

    @router.post(
        "/quotes",
        operation_id="ask_quote",
        summary="Ask what a quantity of an offer costs",
        status_code=201,
        responses=problems(404, 413),
    )
    async def quote(call: Call, form: QuoteForm, response: Response) -> QuoteView:
        attempt = call.attempt(form)
        quote_id = await desk.once(attempt, lambda: desk.quote(call.account, form, attempt))
        await desk.wait(quote_id, seconds=call.wait)
        response.headers["Location"] = call.at(f"/quotes/{quote_id}")
        return await view(call.account, quote_id)

    @router.get("/quotes/{quote_id}", operation_id="get_quote", summary="A quote", responses=problems(404))
    async def get(account: Trader, quote_id: ThingId, wait: Wait = None) -> QuoteView:
        await view(account, quote_id)
        await desk.wait(quote_id, seconds=wait)
        return await view(account, quote_id)

    async def view(account: Account, quote_id: str) -> QuoteView:
        async with desk.buyer.uow_factory() as uow:
            stated = await get_quote(uow, quote_id, account=account.key)
        return tell_quote_view(stated, desk.buyer.clock.now())
