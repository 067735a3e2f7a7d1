"""An app that looks for energy without naming anybody: through the gateway, and with many answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from degnode.roles.bap import buyer_parts
from degnode.roles.participant import RoleParts
from node.runtime import Foundation
from protocol.actions import Action, Role
from protocol.profile import V1_1
from registry_client.subscriber import SubscriberRole
from storage.database import Database
from tests.support.calling import PATIENCE, calling
from tests.support.participants import API_KEY, RunningParticipant
from tests.support.simulated_peer import Received, Reply, SimulatedPeer
from tests.support.village import running_village
from tests.support.wire_examples import wire_message

BAP_ID: Final = "bap.bakery.example"
SEARCH: Final = wire_message(V1_1, Action.DISCOVER)
CATALOGUE: Final = wire_message(V1_1, Action.ON_DISCOVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A buyer's platform with its API, and a simulated gateway and two simulated sellers' platforms."""

    bap: RunningParticipant
    gateway: SimulatedPeer
    sellers: tuple[SimulatedPeer, SimulatedPeer]
    app: httpx.AsyncClient

    async def discover(self, *, wait: float | None = None, **body: Any) -> httpx.Response:
        content = {"message": SEARCH, "wire": "v1_1"} | body
        parameters = {} if wait is None else {"wait": wait}
        return await self.app.post("/api/v1/discover", json=content, params=parameters)

    async def asked(self, count: int = 1) -> Received:
        """Return the search that the gateway was sent last."""
        return (await self.gateway.wait_for(Action.DISCOVER, count=count))[-1]

    async def answer(
        self, seller: SimulatedPeer, search: Received, *, passed_on_by: SimulatedPeer | None, **context: Any
    ) -> httpx.Response:
        ids = {"message_id": search.message_id, "transaction_id": search.transaction_id}
        catalogue = seller.write(Action.ON_DISCOVER, CATALOGUE, to=self.bap.address, context=ids | context)
        beside = None if passed_on_by is None else passed_on_by.sign(catalogue.body)
        return await seller.post(catalogue.url, catalogue.body, gateway_authorization=beside)

    async def transaction(self, transaction_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.app.get(f"/api/v1/transactions/{transaction_id}")).json()
        return found

    async def arrivals(self, transaction_id: str, *, count: int) -> list[dict[str, Any]]:
        """Return the callbacks of the transaction, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while True:
                messages = (await self.transaction(transaction_id))["messages"]
                taken = [message for message in messages if message["state"] == "taken"]
                if len(taken) >= count:
                    return taken
                await asyncio.sleep(0.02)


async def _build(foundation: Foundation) -> RoleParts:
    return buyer_parts(foundation)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with running_village(database, tmp_path) as village:
        gateway, first, second = [
            await village.peer(Role.BPP, name, profile=V1_1, role=role)
            for name, role in (
                ("bg.network.example", SubscriberRole.BG),
                ("bpp.one.example", SubscriberRole.BPP),
                ("bpp.two.example", SubscriberRole.BPP),
            )
        ]
        bap = await village.participant(Role.BAP, BAP_ID, build=_build)
        async with calling(base_url=bap.url, headers={"X-Api-Key": API_KEY}) as app:
            yield World(bap=bap, gateway=gateway, sellers=(first, second), app=app)


async def test_a_search_that_names_nobody_goes_to_the_networks_gateway(world: World) -> None:
    response = await world.discover(location={"country": "NLD", "city": "std:020"})
    assert response.status_code == 202
    search = await world.asked()
    context = search.document["context"]
    assert (context["bap_id"], context["bap_uri"]) == (BAP_ID, world.bap.url)
    assert "bpp_id" not in context
    assert "bpp_uri" not in context
    assert context["location"] == {"country": {"code": "NLD"}, "city": {"code": "std:020"}}
    assert (context["action"], search.document["message"]) == ("search", SEARCH)


async def test_a_message_that_no_generation_claims_goes_to_the_gateway_too(world: World) -> None:
    plain = {"intent": {"descriptor": {"name": "sun"}}}
    response = await world.app.post("/api/v1/discover", json={"message": plain})
    assert response.status_code == 202, response.text
    assert "location" not in (await world.asked()).document["context"]


async def test_every_sellers_answer_is_taken_kept_and_shown(world: World) -> None:
    sent = (await world.discover()).json()
    search = await world.asked()
    first, second = world.sellers
    assert (await world.answer(first, search, passed_on_by=world.gateway)).status_code == 200
    assert (await world.answer(second, search, passed_on_by=None)).status_code == 200  # some answer directly
    taken = await world.arrivals(sent["transaction_id"], count=2)
    assert {message["bpp_id"] for message in taken} == {"bpp.one.example", "bpp.two.example"}
    messages = (await world.transaction(sent["transaction_id"]))["messages"]
    assert (messages[0]["bpp_id"], messages[0]["state"]) == ("bg.network.example", "answered")


async def test_a_call_that_waits_returns_the_first_answer_and_the_events_tell_all(world: World) -> None:
    waiting = asyncio.create_task(world.discover(wait=20))
    search = await world.asked()
    for seller in world.sellers:
        await world.answer(seller, search, passed_on_by=world.gateway)
    answered = (await waiting).json()
    assert answered["context"]["bpp_id"] == "bpp.one.example"
    assert answered["message"] == CATALOGUE
    await world.arrivals(search.transaction_id, count=2)
    told: list[str] = []
    async with world.app.stream("GET", f"/api/v1/transactions/{search.transaction_id}/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                told.append(orjson.loads(line.removeprefix("data:"))["context"]["bpp_id"])
            if len(told) == 2:
                break
    assert told == ["bpp.one.example", "bpp.two.example"]


async def test_a_trade_goes_on_with_the_seller_that_was_chosen(world: World) -> None:
    await world.discover()
    search = await world.asked()
    chosen, _ = world.sellers
    await world.answer(chosen, search, passed_on_by=world.gateway)
    select = {"bpp_id": "bpp.one.example", "transaction_id": search.transaction_id, "wire": "v1_1"}
    response = await world.app.post(
        "/api/v1/select", json=select | {"message": wire_message(V1_1, Action.SELECT)}
    )
    assert response.status_code == 202
    (received,) = await chosen.wait_for(Action.SELECT)
    assert received.transaction_id == search.transaction_id
    assert (await world.transaction(search.transaction_id))["bpp_id"] == "bpp.one.example"


async def test_an_answer_to_no_open_search_is_refused(world: World) -> None:
    await world.discover(bpp_id="bpp.one.example")
    (named,) = await world.sellers[0].wait_for(Action.DISCOVER)
    other = await world.answer(world.sellers[1], named, passed_on_by=world.gateway)
    assert other.status_code == 400  # only the one that was asked may answer
    await world.discover()
    search = await world.asked()
    for context in ({"message_id": "another"}, {"transaction_id": "another"}):
        refused = await world.answer(world.sellers[1], search, passed_on_by=world.gateway, **context)
        assert refused.status_code == 400


async def test_an_open_search_is_answered_by_catalogues_alone(world: World) -> None:
    await world.discover()
    search = await world.asked()
    seller = world.sellers[0]
    ids = {"message_id": search.message_id, "transaction_id": search.transaction_id}
    order = seller.write(
        Action.ON_CONFIRM, wire_message(V1_1, Action.ON_CONFIRM), to=world.bap.address, context=ids
    )
    assert (await seller.post(order.url, order.body)).status_code == 400


async def test_a_seller_that_pretends_to_be_a_gateway_is_refused(world: World) -> None:
    await world.discover()
    search = await world.asked()
    first, second = world.sellers
    refused = await world.answer(first, search, passed_on_by=second)
    assert refused.status_code == 401
    assert "Proxy-Authenticate" in refused.headers


async def test_a_gateway_that_refuses_is_told_to_the_app(world: World) -> None:
    refusal = {
        "message": {"ack": {"status": "NACK"}},
        "error": {"code": "30000", "message": "no such domain"},
    }
    world.gateway.reply = Reply(status=400, body=orjson.dumps(refusal))
    response = await world.discover(wait=20)
    assert response.status_code == 502
    assert "bg.network.example" in response.json()["error"]["message"]
    assert "no such domain" in response.json()["peer_error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"wire": "v2_rc", "message": {"text_search": "sun"}}, "names no seller's platform"),
        ({"wire": None, "message": {"text_search": "sun"}}, "names no seller's platform"),
        ({"bpp_id": "bpp.one.example", "location": {"city": "std:020"}}, "location is for a discover"),
        ({"location": {"planet": "Mars"}}, "planet is not known here"),
        ({"message": {"intent": "sun"}}, "not sent"),
    ],
)
async def test_what_cannot_go_through_a_gateway_is_not_sent(
    world: World, body: dict[str, Any], words: str
) -> None:
    response = await world.discover(**body)
    assert response.status_code == 422, response.text
    assert words in response.json()["error"]["message"]
    assert world.gateway.received == []
