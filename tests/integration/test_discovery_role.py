"""A discovery service in a network: sellers publish to it, and a buyer's discover goes to it by itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from degnode.roles.bap import buyer_parts
from degnode.roles.discovery import DiscoverySettings, discovery_parts
from degnode.roles.participant import RoleParts
from kernel.clock import SystemClock
from kernel.interval import Interval
from node.runtime import Foundation
from protocol.actions import PUBLISHING, Action, Role
from storage.database import Database
from tests.support.calling import calling
from tests.support.discovery_world import CDS_ID, OTHER_BPP, shop
from tests.support.participants import API_KEY
from tests.support.seller_world import BAP_ID, BPP_ID, Json
from tests.support.village import running_village
from trading.listing import list_catalogue
from trading.mapping import publication_wire_of
from trading.publication import Publication

WIRE = publication_wire_of("v2_rc")


async def _service(foundation: Foundation) -> RoleParts:
    settings = DiscoverySettings(**foundation.settings.model_dump(exclude_unset=True))
    return discovery_parts(foundation, settings)


async def _buyer(foundation: Foundation) -> RoleParts:
    return buyer_parts(foundation, discovery=CDS_ID)


def publication(*ids: str, by: str) -> Json:
    now = SystemClock().now()
    sold = shop(*ids, production=Interval(now, now + timedelta(days=1)))
    told = Publication(listing=list_catalogue(sold, left={}))
    return WIRE.write_publication(told, bpp_id=by, bpp_url=f"https://{by}")


async def test_what_sellers_publish_is_told_to_a_buyer_who_asks(database: Database, tmp_path: Path) -> None:
    async with running_village(database, tmp_path) as village:
        service = await village.participant(Role.CDS, CDS_ID, build=_service)
        valley, hill = [await village.peer(Role.BPP, name) for name in (BPP_ID, OTHER_BPP)]
        buyer = await village.peer(Role.BAP, BAP_ID)
        results = []
        for seller, message in (
            (valley, publication("roof", by=BPP_ID)),
            (hill, publication("mill", by=OTHER_BPP)),
            (hill, publication("stolen", by=BPP_ID)),
        ):
            before = len(seller.received)
            response = await seller.send(PUBLISHING.request, message, to=service.address)
            assert response.status_code == 200, response.text
            answer = (await seller.wait_for(PUBLISHING.callback, count=before + 1))[-1]
            results += WIRE.read_publication_results(answer.document["message"])
        assert [result.status for result in results] == ["ACCEPTED", "ACCEPTED", "REJECTED"]

        response = await buyer.send(Action.DISCOVER, {"text_search": "solar"}, to=service.address)
        assert response.status_code == 200, response.text
        [told] = await buyer.wait_for(Action.ON_DISCOVER)
        catalogs = told.document["message"]["catalogs"]
        assert {catalog["beckn:bppId"]: catalog["beckn:items"][0]["beckn:id"] for catalog in catalogs} == {
            BPP_ID: "roof",
            OTHER_BPP: "mill",
        }
        assert told.document["context"]["bpp_id"] == CDS_ID

        async with calling(base_url=service.url) as operator:
            path = "/api/v1/published-catalogues"
            assert (await operator.get(path)).status_code == 401
            listed = (await operator.get(path, headers={"X-Api-Key": API_KEY})).json()
        assert [(each["bpp_id"], each["version"], each["items"]) for each in listed] == [
            (OTHER_BPP, 1, 1),
            (BPP_ID, 1, 1),
        ]


async def test_a_discover_that_names_nobody_goes_to_the_discovery_service(
    database: Database, tmp_path: Path
) -> None:
    async with running_village(database, tmp_path) as village:
        service = await village.peer(Role.CDS, CDS_ID)
        bap = await village.participant(Role.BAP, BAP_ID, build=_buyer)
        async with calling(base_url=bap.url, headers={"X-Api-Key": API_KEY}) as app:
            sent = await app.post("/api/v1/discover", json={"message": {"text_search": "solar"}})
            assert sent.status_code == 202, sent.text
            [asked] = await service.wait_for(Action.DISCOVER)
            assert asked.document["context"]["bpp_id"] == CDS_ID
            unnamed = await app.post("/api/v1/select", json={"message": {}})
            assert unnamed.json()["error"]["code"] == "CTX_MISSING_FIELD"
