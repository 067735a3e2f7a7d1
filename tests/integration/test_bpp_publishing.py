"""Catalogues go from a seller to a discovery service over real sockets, and its results come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest
import simplejson

from bpp.admission import SellerAdmission
from bpp.bindings import bind
from bpp.platform import Bpp
from bpp.publishing.adapter import callback_putter
from bpp.publishing.publications import Kept, Publications, Scope
from degnode.roles.participant import RoleParts
from node.cascade import Cascade
from node.runtime import Foundation
from protocol.actions import PUBLISHING, Action, Role
from protocol.profile import V2_LTS, V2_RC, Profile
from storage.database import Database
from tests.support.calling import calling
from tests.support.participants import (
    API_KEY,
    RecordingHandler,
    RunningParticipant,
    all_handlers,
    fresh_database,
)
from tests.support.seller_world import catalogue
from tests.support.simulated_peer import SimulatedPeer
from tests.support.village import Village, running_village
from tests.support.waiting import eventually
from tests.support.wire_examples import wire_message
from trading.listing import list_catalogue
from trading.mapping import publication_wire_of
from trading.publication import Notice, Publication, PublicationResult, ResultStatus

SELLER, SERVICE = "bpp.sunfield.example", "discovery.example"
PATHS: Final = {"v2_rc": "/beckn/catalog/publish", "v2_lts": "/catalog/publish"}
RESULTS: Final = (
    PublicationResult(catalogue_id="valley-solar-catalogue", status=ResultStatus.ACCEPTED, items=1),
    PublicationResult(
        catalogue_id="second",
        status=ResultStatus.REJECTED,
        errors=(Notice(code="SCH_REQUIRED_FIELD_MISSING", message="provider is missing"),),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seller that publishes, and whoever the test lets answer."""

    village: Village
    seller: RunningParticipant

    async def post(self, message: Mapping[str, Any], *, to: SimulatedPeer) -> httpx.Response:
        """Have the seller's own software publish through the adapter's path."""
        writer = self.seller.participant.foundation.correspondent
        outgoing = writer.request(
            PUBLISHING.request,
            to=to.address,
            message=message,
            transaction_id="publishing-1",
            now=self.village.clock.now(),
            profile=to.profile,
        )
        async with calling() as client:
            return await client.post(
                f"{self.seller.url}/bpp/caller/catalog/publish",
                content=outgoing.body,
                headers={"X-Api-Key": API_KEY},
            )

    async def kept(self) -> Kept:
        async with self.seller.uow_factory() as uow:
            (found,) = await Publications(uow.connection).latest(limit=5)
        return found


async def build(foundation: Foundation) -> RoleParts:
    seller = Bpp(catalogue=catalogue(), correspondent=foundation.correspondent)
    return RoleParts(
        title="seller",
        description="publishes",
        handlers=bind(seller),
        admission=SellerAdmission(uow_factory=foundation.uow_factory),
        cascade=Cascade(asks=True),
        routers=[foundation.adapter(callback_putter(foundation.wires.pins)).router()],
    )


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with running_village(database, tmp_path) as village:
        yield World(village=village, seller=await village.participant(Role.BPP, SELLER, build=build))


def message_of(profile: Profile) -> dict[str, Any]:
    listing = list_catalogue(catalogue(), left={})
    wire = publication_wire_of(profile.name)
    return wire.write_publication(Publication(listing=listing), bpp_id=SELLER, bpp_url="https://x.example")


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=lambda profile: profile.name)
async def test_what_is_published_is_answered_and_the_results_are_kept(world: World, profile: Profile) -> None:
    service = await world.village.peer(Role.CDS, SERVICE, profile=profile)
    assert (await world.post(message_of(profile), to=service)).status_code == 200
    (request,) = await service.wait_for(PUBLISHING.request)
    context, keys = request.document["context"], profile.keys
    assert (context[keys.bap_id], context[keys.bpp_id]) == (SELLER, SERVICE)
    wire = publication_wire_of(profile.name)
    (told,) = wire.read_publication(simplejson.loads(request.body, use_decimal=True)["message"])
    assert (told.bpp_id, told.fault) == (SELLER, None)
    answer = service.write(
        PUBLISHING.callback,
        wire.write_publication_results(RESULTS),
        to=world.seller.address,
        context={keys.message_id: request.message_id},
    )
    assert (await service.post(answer.url, answer.body)).status_code == 200
    await eventually(lambda: answered(world), True)
    kept = await world.kept()
    assert (kept.sent.peer, kept.sent.scope, kept.delivery) == (SERVICE, Scope.UNKNOWN, "delivered")
    assert {result.catalogue_id: result for result in kept.results} == {
        result.catalogue_id: result for result in RESULTS
    }


async def answered(world: World) -> bool:
    return (await world.kept()).answered_at is not None


async def test_a_refusal_of_the_whole_is_kept_as_the_service_words_it(world: World) -> None:
    service = await world.village.peer(Role.CDS, SERVICE)
    await world.post(message_of(V2_RC), to=service)
    (request,) = await service.wait_for(PUBLISHING.request)
    document = orjson.loads(
        service.write(
            PUBLISHING.callback,
            {},
            to=world.seller.address,
            context={"message_id": request.message_id},
        ).body
    )
    del document["message"]
    for key in ("bap_id", "bap_uri"):  # the official example leaves out whom it answers
        del document["context"][key]
    document["error"] = {"code": "POL_NP_DORMANT", "message": "your contract with us has ended"}
    response = await service.post(f"{world.seller.url}/beckn/catalog/on_publish", orjson.dumps(document))
    assert response.status_code == 200
    await eventually(lambda: answered(world), True)
    kept = await world.kept()
    assert kept.results == ()
    assert kept.refusal is not None
    assert (kept.refusal["code"], kept.refusal["message"]) == (
        "POL_NP_DORMANT",
        "your contract with us has ended",
    )


async def test_results_that_nobody_waits_for_are_refused_at_the_door(world: World) -> None:
    service = await world.village.peer(Role.CDS, SERVICE)
    other = await world.village.peer(Role.CDS, "other.example")
    await world.post(message_of(V2_RC), to=service)
    (request,) = await service.wait_for(PUBLISHING.request)
    message = wire_message(V2_RC, PUBLISHING.callback)
    unasked = await service.send(PUBLISHING.callback, message, to=world.seller.address)
    of_another = await other.send(
        PUBLISHING.callback, message, to=world.seller.address, context={"message_id": request.message_id}
    )
    for response in (unasked, of_another):
        assert response.status_code == 400
        assert "nothing was published to" in response.json()["error"]["message"]
    assert (await world.kept()).answered_at is None


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=lambda profile: profile.name)
async def test_a_discovery_service_takes_a_publication_from_either_side_of_the_context(
    database: Database, postgres_url: str, template_url: str, tmp_path: Path, profile: Profile
) -> None:
    handler = RecordingHandler(publication_wire_of(profile.name).write_publication_results(RESULTS))
    handlers = all_handlers(Role.CDS, RecordingHandler(), {Action.CATALOG_PUBLISH: handler})

    async def index(_foundation: Foundation) -> RoleParts:
        return RoleParts(title="service", description="indexes", handlers=handlers, routers=())

    async with (
        fresh_database(postgres_url, template_url) as own,
        running_village(database, tmp_path) as village,
    ):
        service = await village.participant(Role.CDS, SERVICE, build=index, database=own)
        seller = await village.peer(Role.BPP, SELLER, profile=profile)
        keys = profile.keys
        as_seller = {
            keys.bap_id: "bap.anybody.example",
            keys.bap_uri: "https://bap.anybody.example",
            keys.bpp_id: SELLER,
            keys.bpp_uri: seller.url,
        }
        for context in ({}, as_seller):
            sent = seller.write(PUBLISHING.request, message_of(profile), to=service.address, context=context)
            assert sent.url == f"{service.url}{PATHS[profile.name]}"
            response = await seller.post(sent.url, sent.body)
            assert response.status_code == 200, response.text
        answers = await seller.wait_for(PUBLISHING.callback, count=2)
        for answer in answers:
            told = answer.document["context"]
            assert (told[keys.bap_id], told[keys.bpp_id]) == (SELLER, SERVICE)
        assert [inbound.sender_url for inbound in handler.handled] == [seller.url, seller.url]
