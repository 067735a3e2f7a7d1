"""Searching with a browser: HTML and JSON of the same, at a seller's and at a discovery service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from bpp.platform import Bpp
from degnode.roles.browser_search import seller_search
from degnode.roles.discovery import DiscoverySettings, discovery_parts
from degnode.roles.participant import RoleParts
from degnode.roles.search_settings import SearchSettings
from kernel.clock import SystemClock
from kernel.interval import Interval
from node.browser_search import SEARCHES
from node.runtime import Foundation
from protocol.actions import PUBLISHING, Role
from schemas.validation import schema_set
from storage.database import Database
from tests.support.calling import calling
from tests.support.discovery_world import CDS_ID, shop
from tests.support.participants import all_handlers, ignore
from tests.support.seller_world import BPP_ID
from tests.support.village import running_village
from trading.geometry import point_at
from trading.listing import list_catalogue
from trading.mapping import publication_wire_of
from trading.offer import Catalogue
from trading.place import Address, Place
from trading.publication import Publication

PATH = "/beckn/discover/browser-search"
HTML, JSON = {"Accept": "text/html,application/json;q=0.9"}, {"Accept": "application/json"}


def for_sale() -> Catalogue:
    now = SystemClock().now()
    place = Place(
        geometry=point_at(longitude=Decimal("77.6"), latitude=Decimal("12.9")),
        address=Address(street="Mill Lane 1", locality="Valley"),
    )
    sold = shop("roof", "barn", "shed", production=Interval(now, now + timedelta(days=1)), place=place)
    [first, *others] = sold.resources
    return replace(sold, resources=(replace(first, name="Roof <b>one</b>"), *others))


def searching(**settings: Any) -> Any:
    async def seller(foundation: Foundation) -> RoleParts:
        told = SearchSettings(**foundation.settings.model_dump(exclude_unset=True) | settings)
        bpp = Bpp(catalogue=for_sale(), correspondent=foundation.correspondent)
        return RoleParts(
            title="seller",
            description="",
            handlers=all_handlers(Role.BPP, ignore),
            routers=seller_search(told, bpp, foundation),
        )

    return seller


async def _service(foundation: Foundation) -> RoleParts:
    told = foundation.settings.model_dump(exclude_unset=True) | {"browser_search": True}
    return discovery_parts(foundation, DiscoverySettings(**told))


@pytest.fixture
async def seller(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with running_village(database, tmp_path) as village:
        build = searching(browser_search=True, search_results=2)
        bpp = await village.participant(Role.BPP, BPP_ID, build=build)
        async with calling(base_url=bpp.url) as client:
            yield client


async def test_a_page_tells_what_is_for_sale_and_harms_nobody(seller: httpx.AsyncClient) -> None:
    for path in (PATH, PATH.removeprefix("/beckn")):
        answer = await seller.get(path, headers=HTML)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "Roof &lt;b&gt;one&lt;/b&gt;" in answer.text
        assert "Mill Lane 1, Valley" in answer.text
        assert "0.15 USD per kWh" in answer.text
        assert "1 to 2 of 3 found." in answer.text
    later = answer.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    last = (await seller.get(f"{PATH}{later}", headers=HTML)).text
    assert "3 to 3 of 3 found." in last
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


async def test_json_is_the_answer_to_a_discover(seller: httpx.AsyncClient) -> None:
    asked = {"filters": "$[?@['beckn:id'] == 'barn']", "lat": "12.9", "lon": "77.61", "radius": "2000"}
    answer = await seller.get(PATH, headers=JSON, params=asked)
    document = answer.json()
    [item] = document["message"]["catalogs"][0]["beckn:items"]
    assert item["beckn:id"] == "barn"
    context = document["context"] | {"bap_id": "bap.example", "bap_uri": "https://bap.example"}
    assert schema_set("v2_rc").violations("on_discover", document | {"context": context}) == []
    assert context["action"] == "on_discover"
    far = await seller.get(PATH, headers=JSON, params=asked | {"radius": "500"})
    assert far.status_code == 404
    assert far.json()["error"]["message"].startswith("nothing is for sale")


async def test_what_cannot_be_looked_for_is_said_in_the_form_that_was_asked_for(
    seller: httpx.AsyncClient,
) -> None:
    for asked in (
        {"filters": "$[?"},
        {"lat": "91", "lon": "0"},
        {"lat": "x"},
        {"text": " ".join(map(str, range(21)))},
        {"lat": "1", "lon": "1", "radius": "-1"},
    ):
        page = await seller.get(PATH, headers=HTML, params=asked)
        assert page.status_code == 400, page.text
        assert 'role="alert"' in page.text
        assert next(iter(asked.values())) in page.text.replace("&#39;", "'")
    told = await seller.get(PATH, headers=JSON, params={"filters": "$[?"})
    assert told.status_code == 400
    assert told.json()["error"]["code"] == "SCH_INVALID_JSONPATH"
    beyond_bounds = await seller.get(PATH, headers=HTML, params={"limit": "501"})
    assert beyond_bounds.status_code == 422
    assert (await seller.get(PATH, headers=HTML, params={"text": "nothing"})).status_code == 404
    beyond = await seller.get(PATH, headers=HTML, params={"offset": "7"})
    assert "There are only 3." in beyond.text


async def test_one_address_searches_only_so_often(seller: httpx.AsyncClient) -> None:
    statuses = [(await seller.get(PATH, headers=HTML)) for _ in range(10 + 30 * SEARCHES)]
    [refused, *_] = [answer for answer in statuses if answer.status_code == 429]
    assert int(refused.headers["retry-after"]) >= 1


async def test_a_node_that_was_not_told_to_has_no_such_page(database: Database, tmp_path: Path) -> None:
    async with running_village(database, tmp_path) as village:
        bpp = await village.participant(Role.BPP, BPP_ID, build=searching())
        async with calling(base_url=bpp.url) as client:
            assert (await client.get(PATH, headers=HTML)).status_code == 404


async def test_a_discovery_service_shows_what_was_published(database: Database, tmp_path: Path) -> None:
    wire = publication_wire_of("v2_rc")
    told = Publication(listing=list_catalogue(for_sale(), left={}))
    message = wire.write_publication(told, bpp_id=BPP_ID, bpp_url=f"https://{BPP_ID}")
    async with running_village(database, tmp_path) as village:
        service = await village.participant(Role.CDS, CDS_ID, build=_service)
        seller = await village.peer(Role.BPP, BPP_ID)
        await seller.send(PUBLISHING.request, message, to=service.address)
        await seller.wait_for(PUBLISHING.callback)
        async with calling(base_url=service.url) as client:
            page = (await client.get(PATH, headers=HTML, params={"text": "solar barn"})).text
        assert f"Sold at {BPP_ID}" in page
        assert '<p role="status">1 found.</p>' in page
