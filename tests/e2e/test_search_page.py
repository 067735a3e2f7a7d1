"""The page of a search, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser

from bpp.showcase.showcase import Showcase
from kernel.clock import ManualClock
from node.api_keys import ApiKeys
from node.browser_search import BrowserSearch, FoundCatalogues, browser_search_router
from search.paging import Page
from tests.support.browsing import Watch
from tests.support.discovery_world import shop
from tests.support.loopback_server import LoopbackServer
from tests.support.seller_world import BPP_ID, BPP_URL, NOW, correspondent
from trading.geometry import point_at
from trading.mapping import wire_of
from trading.place import Address, Place
from trading.request import Criteria

pytestmark = pytest.mark.browser


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Where a seller of seven roofs and stores is searched, three to a page."""
    wire, showcase = wire_of("v2_rc"), Showcase()
    place = Place(
        geometry=point_at(longitude=Decimal("77.5946"), latitude=Decimal("12.9716")),
        address=Address(street="12 Mill Lane", locality="Bengaluru", postal_code="560001"),
    )
    sold = replace(shop(*(f"roof-{n}" for n in range(7)), place=place), name="Valley Solar")

    async def find(criteria: Criteria, page: Page) -> FoundCatalogues:
        found = await showcase.find(sold, criteria, wire=wire, left={}, now=NOW, page=page)
        message = wire.write_catalog(found.listing, bpp_id=BPP_ID, bpp_url=BPP_URL)
        return FoundCatalogues(catalogs=message["catalogs"], total=found.total)

    app = FastAPI()
    app.state.api_keys = ApiKeys.__new__(ApiKeys)
    app.state.api_keys.trusted_proxies = ()
    search = BrowserSearch(
        title=sold.name, find=find, correspondent=correspondent(), clock=ManualClock(NOW), most=3
    )
    app.include_router(browser_search_router(search))
    async with LoopbackServer(app) as server:
        yield f"{server.url}/beckn/discover/browser-search"


@pytest.mark.parametrize("width", [1_280, 360])
async def test_people_search_page_by_page_and_the_page_asks_nobody(
    browser: Browser, address: str, width: int
) -> None:
    page, watch = await browser.new_page(viewport={"width": width, "height": 800}), Watch()
    watch.over(page)
    await page.goto(address)
    assert await page.get_by_role("heading", name="Valley Solar", level=1).is_visible()
    assert await page.get_by_role("status").inner_text() == "1 to 3 of 7 found."
    assert await page.get_by_role("listitem").count() == 3
    assert await page.get_by_text("12 Mill Lane, Bengaluru, 560001").first.is_visible()
    assert await page.get_by_text("0.15 USD per kWh").first.is_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width

    await page.get_by_role("link", name="Later").click()
    assert await page.get_by_role("status").inner_text() == "4 to 6 of 7 found."
    await page.get_by_label("Words").fill("solar roof-5")
    await page.get_by_label("Latitude").fill("12.97")
    await page.get_by_label("Longitude").fill("77.59")
    await page.get_by_label("Within metres").fill("2000")
    await page.get_by_role("button", name="Search").click()
    assert await page.get_by_role("status").inner_text() == "1 found."
    assert await page.get_by_label("Words").input_value() == "solar roof-5"
    assert watch.complaints == []
    assert all(url.startswith(address) or url.endswith("favicon.ico") for url in watch.requests)

    await page.get_by_label("Filter, a JSONPath").fill("$[?")
    await page.get_by_role("button", name="Search").click()
    assert "no JSONPath" in await page.get_by_role("alert").inner_text()
