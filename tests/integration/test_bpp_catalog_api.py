"""The catalogue over HTTP: read, changed for the version that was read, withdrawn, published."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import simplejson

from bpp.api.catalog import catalog_router
from bpp.api.publications import publication_router
from bpp.catalog.document import load_document, write_document
from bpp.publishing.watch import CatalogueWatch
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor
from node.scopes import Scope
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import CATALOGUE_FILE, ITEM, OFFER, SellerWorld

Json = dict[str, Any]
WHOLE = write_document(load_document(CATALOGUE_FILE))


@pytest.fixture
def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return SellerWorld(uow_factory=uow_factory)


def connect(world: SellerWorld, key: str = KEY, *, publish_to: tuple[str, ...] = ()) -> Any:
    watch = CatalogueWatch(world.bpp, uow_factory=world.uow_factory, publish_to=publish_to)
    routers = [
        publication_router(publish_to=publish_to, uow_factory=world.uow_factory),
        catalog_router(watch, uow_factory=world.uow_factory, clock=world.clock, max_bytes=100_000),
    ]
    return seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)(key)


@pytest.fixture
async def api(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(world) as client:
        client.headers["Content-Type"] = "application/json"
        yield client


async def put_whole(api: httpx.AsyncClient, text: str = WHOLE, **headers: str) -> httpx.Response:
    return await api.put("/api/v1/catalog", params={"why": "opening"}, content=text, headers=headers)


def entry(kind: str, **changes: Any) -> str:
    (first,) = simplejson.loads(WHOLE, use_decimal=True)[kind]
    return simplejson.dumps(first | changes, use_decimal=True)


async def test_a_catalogue_is_put_and_read_with_its_numbers_exact(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/v1/catalog")).status_code == 404
    made = await put_whole(api)
    assert (made.status_code, made.headers["ETag"], made.json()["is_new"]) == (200, '"1"', True)
    assert made.json()["added"]["resources"] == [ITEM]
    read = await api.get("/api/v1/catalog")
    assert read.headers["ETag"] == '"1"'
    content = simplejson.loads(read.content, use_decimal=True)
    assert content["catalogue"] == simplejson.loads(WHOLE, use_decimal=True)
    assert (content["made_by"].split()[:2], content["why"]) == (["API", "key"], "opening")


async def test_an_entry_is_put_for_the_version_that_was_read(
    api: httpx.AsyncClient, world: SellerWorld
) -> None:
    await put_whole(api)
    path, why = f"/api/v1/catalog/offers/{OFFER}", {"why": "summer"}
    cheaper = entry("offers", price_per_kwh=Decimal("0.125"))
    changed = await api.put(path, params=why, content=cheaper, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["changed"]["offers"] == [OFFER]
    assert world.bpp.catalogue.get_offer(ITEM, OFFER).terms.price.per_kwh == Decimal("0.125")
    late = await api.put(path, params=why, content=entry("offers"), headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["error"]["code"]) == (412, "BPP_CATALOGUE_CHANGED")
    any_ = await api.put(path, params=why, content=entry("offers"), headers={"If-Match": "*"})
    assert any_.headers["ETag"] == '"3"'
    versions = (await api.get("/api/v1/catalog/versions", params={"limit": 2})).json()["versions"]
    assert [(each["version"], each["why"]) for each in versions] == [(3, "summer"), (2, "summer")]
    first = (await api.get("/api/v1/catalog/versions/1")).json()
    assert (first["version"], first["catalogue"]["offers"][0]["price_per_kwh"]) == (1, 0.15)
    assert (await api.get("/api/v1/catalog/versions/9")).status_code == 404


async def test_one_more_resource_and_provider_are_put_beside_the_others(
    api: httpx.AsyncClient, world: SellerWorld
) -> None:
    early = await api.put(
        "/api/v1/catalog/providers/hill", params={"why": "x"}, json={"id": "hill", "name": "H"}
    )
    assert early.status_code == 404
    await put_whole(api)
    why = {"why": "more"}
    await api.put("/api/v1/catalog/providers/hill", params=why, json={"id": "hill", "name": "Hill"})
    roof = entry("resources", id="hill-roof", provider="hill", meter="100200999")
    done = await api.put("/api/v1/catalog/resources/hill-roof", params=why, content=roof)
    assert done.json()["added"]["resources"] == ["hill-roof"]
    assert world.bpp.catalogue.get_resource("hill-roof").provider_id == "hill"


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        (f"offers/{OFFER}", {"price_per_kwh": "dear"}, "$.price_per_kwh"),
        (f"offers/{OFFER}", {"resource": "moon"}, "offers"),
        (f"offers/{OFFER}", {"tariffs": ["/etc/passwd"]}, "offers.0.tariffs"),
        ("offers/other", {}, "$.id"),
        (f"offers/{OFFER}", {"colour": "green"}, "$.colour"),
    ],
)
async def test_a_wrong_entry_is_refused_with_its_place_and_changes_nothing(
    api: httpx.AsyncClient, path: str, body: Json, where: str
) -> None:
    await put_whole(api)
    refused = await api.put(f"/api/v1/catalog/{path}", params={"why": "x"}, content=entry("offers", **body))
    assert (refused.status_code, refused.json()["error"]["details"]["path"]) == (422, where)
    assert (await api.get("/api/v1/catalog")).headers["ETag"] == '"1"'


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("[]", 422, "no JSON object"),
        ("{", 422, "the body is no JSON"),
        ('{"id": "x"}', 422, "name"),
        (" " * 100_001, 413, "over 100000 bytes"),
    ],
)
async def test_a_wrong_catalogue_is_refused(
    api: httpx.AsyncClient, text: str, status: int, words: str
) -> None:
    refused = await put_whole(api, text)
    assert refused.status_code == status
    assert words in refused.json()["error"]["message"]
    assert (await put_whole(api, WHOLE, **{"If-Match": "seven"})).status_code == 422


async def test_what_is_withdrawn_is_sold_no_more(api: httpx.AsyncClient, world: SellerWorld) -> None:
    await put_whole(api)
    gone = await api.post("/api/v1/catalog/withdraw", json={"ids": [ITEM], "why": "storm damage"})
    assert gone.json()["removed"] == {"providers": [], "resources": [ITEM], "offers": [OFFER]}
    assert gone.json()["origin"] == "withdrawal"
    assert world.bpp.catalogue.resources == ()
    again = await api.post("/api/v1/catalog/withdraw", json={"ids": [ITEM], "why": "storm damage"})
    assert again.status_code == 404


async def test_readers_may_not_change_and_others_may_not_read(
    api: httpx.AsyncClient, world: SellerWorld
) -> None:
    await put_whole(api)
    for scope, reads, changes in ((Scope.CATALOG_READ, 200, 403), (Scope.METERS_READ, 403, 403)):
        async with world.uow_factory() as uow:
            wish = ApiKeyWish(name=scope.value, scopes=frozenset({scope}))
            issued = await issue_api_key(uow, wish, by=Actor(who="Ada"), now=world.clock.now())
        async with connect(world, issued.text) as client:
            assert (await client.get("/api/v1/catalog")).status_code == reads
            assert (await client.get("/api/v1/catalog/publications")).status_code == reads
            assert (await put_whole(client)).status_code == changes


async def test_who_is_told_is_named_or_set(world: SellerWorld) -> None:
    async with connect(world) as api:
        nobody = await api.post("/api/v1/catalog/publications", json={})
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (409, "BPP_NOBODY_TO_TELL")
        named = await api.post("/api/v1/catalog/publications", json={"to": ["cds.example"], "whole": True})
        assert (named.status_code, named.json()) == (202, {"to": ["cds.example"]})
    async with connect(world, publish_to=("usual.example",)) as api:
        usual = await api.post("/api/v1/catalog/publications", json={})
        assert usual.json() == {"to": ["usual.example"]}
    async with world.uow_factory() as uow:
        rows = await uow.connection.exec_driver_sql(
            "SELECT args ->> 'peer', args ->> 'scope' FROM jobs.procrastinate_jobs ORDER BY id"
        )
        assert [tuple(row) for row in rows] == [("cds.example", "whole"), ("usual.example", "changes")]
