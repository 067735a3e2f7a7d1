"""The search for browsers, for the roles that answer searches and are told to have it."""

from __future__ import annotations

from fastapi import APIRouter

from bpp.handlers.discover import find_for_sale, left_for_sale
from bpp.platform import Bpp
from degnode.roles.search_settings import SearchSettings
from discovery.service import DiscoveryService
from node.browser_search import BrowserSearch, Find, FoundCatalogues, browser_search_router
from node.runtime import Foundation
from search.paging import Page
from trading.mapping import wire_of
from trading.request import Criteria

_WIRE = wire_of("v2_rc")


def seller_search(settings: SearchSettings, seller: Bpp, foundation: Foundation) -> tuple[APIRouter, ...]:
    """Return the route over what a seller's platform sells; nothing if it is not wanted."""

    async def find(criteria: Criteria, page: Page) -> FoundCatalogues:
        now = foundation.clock.now()
        async with foundation.uow_factory() as uow:
            left = await left_for_sale(seller, criteria, uow, now=now)
        found = await find_for_sale(seller, criteria, left, now, wire=_WIRE, page=page)
        message = _WIRE.write_catalog(found.listing, bpp_id=seller.subscriber_id, bpp_url=seller.url)
        return FoundCatalogues(catalogs=message["catalogs"], total=found.total)

    return _routes(settings, foundation, find, title=seller.catalogue.name)


def service_search(
    settings: SearchSettings, service: DiscoveryService, foundation: Foundation
) -> tuple[APIRouter, ...]:
    """Return the route over what was published to a discovery service; nothing if it is not wanted."""

    async def find(criteria: Criteria, page: Page) -> FoundCatalogues:
        now = foundation.clock.now()
        found = await service.find("v2_rc", criteria, foundation.uow_factory, now=now, page=page)
        return FoundCatalogues(catalogs=found.message["catalogs"], total=found.total)

    return _routes(settings, foundation, find, title="Energy for sale")


def _routes(
    settings: SearchSettings, foundation: Foundation, find: Find, *, title: str
) -> tuple[APIRouter, ...]:
    if not settings.browser_search:
        return ()
    search = BrowserSearch(
        title=title,
        find=find,
        correspondent=foundation.correspondent,
        clock=foundation.clock,
        most=settings.search_results,
    )
    return (browser_search_router(search),)
