"""A seller's platform that is asked through a gateway: its answer goes the same way back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import select

from bpp.publishing.adapter import callback_putter
from node.peer_pins import PeerPins
from protocol.actions import Action, Role
from protocol.profile import V1_1
from protocol.signing import THREE_LINES, parse_header
from registry_client.subscriber import SubscriberRole
from storage.database import Database
from storage.outbox import Outgoing
from storage.tables import outbox
from tests.support.calling import calling
from tests.support.participants import (
    API_KEY,
    RecordingHandler,
    RunningParticipant,
    all_handlers,
    ignore,
)
from tests.support.simulated_peer import SimulatedPeer
from tests.support.village import running_village
from tests.support.wire_examples import wire_message

SEARCH: Final = wire_message(V1_1, Action.DISCOVER)
CATALOGUE: Final = wire_message(V1_1, Action.ON_DISCOVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seller's platform, and a simulated buyer's platform, gateway and other seller's platform."""

    bpp: RunningParticipant
    handler: RecordingHandler
    buyer: SimulatedPeer
    gateway: SimulatedPeer
    other: SimulatedPeer

    def search(self, action: Action = Action.DISCOVER) -> Outgoing:
        return self.buyer.write(action, wire_message(V1_1, action), to=self.bpp.address)

    async def post(self, message: Outgoing, *, passed_on_by: SimulatedPeer | None) -> httpx.Response:
        beside = None if passed_on_by is None else passed_on_by.sign(message.body)
        return await self.buyer.post(message.url, message.body, gateway_authorization=beside)

    async def callbacks(self) -> list[tuple[str, str, str]]:
        async with self.bpp.uow_factory() as uow:
            rows = await uow.connection.execute(select(outbox.c.peer, outbox.c.action, outbox.c.url))
            return [(row.peer, row.action, row.url) for row in rows]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    handler = RecordingHandler(CATALOGUE)
    handlers = all_handlers(Role.BPP, ignore, {Action.DISCOVER: handler, Action.CONFIRM: handler})
    async with running_village(database, tmp_path) as village:
        yield World(
            buyer=await village.peer(Role.BAP, "bap.bakery.example", profile=V1_1),
            gateway=await village.peer(Role.BAP, "bg.network.example", profile=V1_1, role=SubscriberRole.BG),
            other=await village.peer(Role.BPP, "bpp.other.example", profile=V1_1),
            bpp=await village.participant(
                Role.BPP, "bpp.sunfield.example", handlers=handlers, put=callback_putter(PeerPins())
            ),
            handler=handler,
        )


async def test_what_came_through_a_gateway_is_answered_through_it(world: World) -> None:
    search = world.search()
    assert (await world.post(search, passed_on_by=world.gateway)).status_code == 200
    (answer,) = await world.gateway.wait_for(Action.ON_DISCOVER)
    context = answer.document["context"]
    assert (answer.message_id, answer.transaction_id) == (search.message_id, search.transaction_id)
    assert (context["bap_id"], context["bap_uri"]) == ("bap.bakery.example", world.buyer.url)
    assert (context["bpp_id"], context["bpp_uri"]) == ("bpp.sunfield.example", world.bpp.url)
    header = parse_header(answer.authorization)
    assert (header.subscriber_id, header.headers) == ("bpp.sunfield.example", THREE_LINES)
    (handled,) = world.handler.handled
    assert (handled.gateway, handled.gateway_url) == ("bg.network.example", world.gateway.url)
    assert world.buyer.received == []


async def test_what_came_straight_from_the_buyer_is_answered_straight(world: World) -> None:
    await world.post(world.search(), passed_on_by=None)
    await world.buyer.wait_for(Action.ON_DISCOVER)
    (handled,) = world.handler.handled
    assert (handled.gateway, handled.gateway_url) == (None, None)
    assert world.gateway.received == []


async def test_only_searches_are_answered_through_a_gateway(world: World) -> None:
    await world.post(world.search(Action.CONFIRM), passed_on_by=world.gateway)
    await world.buyer.wait_for(Action.ON_CONFIRM)
    assert [peer for peer, _, _ in await world.callbacks()] == ["bap.bakery.example"]
    assert world.gateway.received == []


async def test_a_seller_that_signs_as_a_gateway_is_refused(world: World) -> None:
    for pretender in (world.other, world.buyer):
        response = await world.post(world.search(), passed_on_by=pretender)
        assert response.status_code == 401
        assert "is no gateway" in response.json()["error"]["message"]
        assert "Proxy-Authenticate" in response.headers
    assert world.handler.handled == []
    assert await world.callbacks() == []


async def test_an_answer_that_other_software_has_written_goes_through_the_gateway_too(world: World) -> None:
    world.handler.content = None  # this node answers nothing itself
    search = world.search()
    await world.post(search, passed_on_by=world.gateway)
    software = replace(world.other.writer, subscriber_id="bpp.sunfield.example", url=world.bpp.url)
    written = software.unsolicited(
        Action.ON_DISCOVER,
        to=world.buyer.address,
        message=CATALOGUE,
        transaction_id=search.transaction_id,
        now=world.buyer.clock.now(),
    )
    body = written.body.replace(written.message_id.encode(), search.message_id.encode())
    async with calling(headers={"X-Api-Key": API_KEY}) as client:
        response = await client.post(
            f"{world.bpp.url}/bpp/caller/on_search",
            content=body,
            headers={"Content-Type": "application/json"},
        )
    assert response.status_code == 200
    (answer,) = await world.gateway.wait_for(Action.ON_DISCOVER)
    assert answer.body == body
    assert world.buyer.received == []
