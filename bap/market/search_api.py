"""The routes of searches and offers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from bap.market.account import Account, Trader
from bap.market.call import Call, ThingId
from bap.market.desk import MarketDesk
from bap.market.forms import SearchForm
from bap.market.offers import OfferView
from bap.market.route import problems
from bap.market.searches import OfferFilter, SearchView, get_offer, get_search, view_search


class SearchQuery(OfferFilter):
    """Which of the offers are to be seen, and whether to wait for more."""

    wait: Annotated[float, Field(gt=0, le=60)] | None = Field(
        None, description="Seconds to wait for sellers to answer; without it, none."
    )


def add_searches(router: APIRouter, desk: MarketDesk) -> None:
    """Add the routes of searches and offers."""

    @router.post(
        "/offers/search",
        operation_id="search_offers",
        summary="Ask sellers what they have",
        status_code=201,
        responses=problems(413),
    )
    async def search(call: Call, form: SearchForm, response: Response) -> SearchView:
        attempt = call.attempt(form)
        search_id = await desk.once(attempt, lambda: desk.search(call.account, form, attempt))
        await desk.wait(search_id, seconds=call.wait)
        response.headers["Location"] = call.at(f"/searches/{search_id}")
        return await view(call.account, search_id, OfferFilter())

    @router.get(
        "/searches/{search_id}",
        operation_id="get_search",
        summary="A search: who was asked, and what was found",
        responses=problems(404),
    )
    async def get(account: Trader, search_id: ThingId, query: Annotated[SearchQuery, Query()]) -> SearchView:
        await view(account, search_id, query)  # it must be there to be waited for
        await desk.wait(search_id, seconds=query.wait)
        return await view(account, search_id, query)

    @router.get(
        "/offers/{offer_id}",
        operation_id="get_offer",
        summary="An offer as it was found last",
        responses=problems(404),
    )
    async def offer(account: Trader, offer_id: ThingId) -> OfferView:
        async with desk.buyer.uow_factory() as uow:
            return (await get_offer(uow, offer_id, account=account.key))[0]

    async def view(account: Account, search_id: str, wanted: OfferFilter) -> SearchView:
        async with desk.buyer.uow_factory() as uow:
            found = await get_search(uow, search_id, account=account.key)
            return await view_search(uow, found, wanted, now=desk.buyer.clock.now())
