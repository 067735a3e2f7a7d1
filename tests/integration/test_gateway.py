"""A gateway at full work: searches to all sellers, catalogues to who asked, and nobody else's business."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from degnode.roles.gateway import gateway_parts
from degnode.roles.participant import RoleParts
from kernel.clock import SystemClock
from node.audit import Actor
from node.correspondence import Peer
from node.peer_rule_store import PeerRuleWish, make_peer_rule
from node.peer_rules import Effect, RuleField
from node.runtime import Foundation
from protocol.actions import Action, Role
from protocol.profile import V1_1
from protocol.signing import parse_header, verify
from registry_client.ports import Wanted
from registry_client.subscriber import Place, SubscriberRole
from storage.database import Database
from storage.outbox import Outgoing
from storage.tables import inbox, outbox
from tests.support.participants import RunningParticipant
from tests.support.simulated_peer import DOMAIN, Received, Reply, SimulatedPeer
from tests.support.village import Village, running_village
from tests.support.waiting import eventually
from tests.support.wire_examples import wire_message

GATEWAY_ID: Final = "bg.network.example"
SEARCH: Final = wire_message(V1_1, Action.DISCOVER)
CATALOGUE: Final = wire_message(V1_1, Action.ON_DISCOVER)
HERE, THERE = Place("NLD", "std:020"), Place("NLD", "std:010")
NOWHERE: Final = "http://127.0.0.1:9"  # nobody listens there


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A gateway, a buyer's platform, and sellers' platforms; each is only simulated but the gateway."""

    village: Village
    gateway: RunningParticipant
    buyer: SimulatedPeer
    sellers: Mapping[str, SimulatedPeer]

    async def search(self, **context: Any) -> tuple[Outgoing, httpx.Response]:
        """Send a search that names no seller through the gateway."""
        search = self.write_search(**context)
        return search, await self.buyer.post(search.url, search.body)

    def write_search(self, **context: Any) -> Outgoing:
        unaddressed = self.buyer.write(
            Action.DISCOVER,
            SEARCH,
            to=Peer(subscriber_id="", url=self.gateway.url),
            context={"bpp_uri": ""} | context,
        )
        body = unaddressed.body.replace(b'"bpp_uri":"",', b"").replace(b',"bpp_uri":""', b"")
        return replace(unaddressed, body=body)

    async def answer(
        self, seller: SimulatedPeer, search: Received | Outgoing, **context: Any
    ) -> httpx.Response:
        """Answer a search through the gateway."""
        ids = {"message_id": search.message_id, "transaction_id": search.transaction_id}
        catalogue = seller.write(Action.ON_DISCOVER, CATALOGUE, to=self.buyer.address, context=ids | context)
        return await seller.post(V1_1.url_of(Action.ON_DISCOVER, self.gateway.url), catalogue.body)

    async def outcomes(self) -> dict[str, str]:
        """Return how each message that is passed on stands, by its receiver."""
        async with self.gateway.uow_factory() as uow:
            found = await uow.connection.execute(select(outbox.c.peer, outbox.c.state))
            return {row.peer: row.state for row in found}

    async def received(self) -> list[tuple[str, str | None]]:
        """Return how each message that came stands, and why it went no further."""
        async with self.gateway.uow_factory() as uow:
            found = await uow.connection.execute(select(inbox.c.state, inbox.c.error).order_by(inbox.c.id))
            return [(row.state, row.error) for row in found]

    def check_gateway(self, received: Received) -> None:
        """Fail unless the gateway has signed beside the sender."""
        header = parse_header(received.gateway_authorization)
        assert header.subscriber_id == GATEWAY_ID
        verify(
            received.body,
            header,
            key=self.gateway.signer.public_key,
            now=SystemClock().now(),
            labels=V1_1.digest_labels[:1],
        )


async def _build(foundation: Foundation) -> RoleParts:
    return gateway_parts(foundation, sellers_cache=timedelta(0))


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    changes: dict[str, dict[str, Any]] = {
        "one": {},
        "two": {"place": HERE},
        "far": {"place": THERE},
        "retail": {"domain": "retail"},
        "dead": {"url": NOWHERE},
    }
    async with running_village(database, tmp_path) as village:
        buyer = await village.peer(Role.BAP, "bap.bakery.example", profile=V1_1)
        sellers = {
            name: await village.peer(Role.BPP, f"bpp.{name}.example", profile=V1_1, **changed)
            for name, changed in changes.items()
        }
        gateway = await village.participant(Role.BG, GATEWAY_ID, build=_build, wires=("v1_1",), wire="v1_1")
        yield World(village=village, gateway=gateway, buyer=buyer, sellers=sellers)


async def test_a_search_reaches_every_seller_of_its_domain_as_the_buyer_sent_it(world: World) -> None:
    search, response = await world.search()
    assert (response.status_code, response.json()) == (200, {"message": {"ack": {"status": "ACK"}}})
    for name in ("one", "two", "far"):
        (received,) = await world.sellers[name].wait_for(Action.DISCOVER)
        assert received.body == search.body
        assert received.authorization == response.request.headers["Authorization"]
        world.check_gateway(received)
    assert world.sellers["retail"].received == []
    assert (await world.outcomes())["bpp.dead.example"] != "delivered"


async def test_a_search_of_a_place_reaches_those_who_serve_it(world: World) -> None:
    await world.search(location=HERE.to_wire())
    for name in ("one", "two"):
        await world.sellers[name].wait_for(Action.DISCOVER)
    assert set(await world.outcomes()) == {"bpp.one.example", "bpp.two.example", "bpp.dead.example"}


async def test_a_search_that_names_a_seller_reaches_that_one_alone(world: World) -> None:
    await world.search(bpp_id="bpp.two.example", bpp_uri=world.sellers["two"].url)
    await world.sellers["two"].wait_for(Action.DISCOVER)
    await eventually(world.outcomes, {"bpp.two.example": "delivered"})


async def test_a_repeated_search_goes_on_once(world: World) -> None:
    search, _ = await world.search()
    await world.sellers["one"].wait_for(Action.DISCOVER)
    assert (await world.buyer.post(search.url, search.body)).status_code == 200
    other, _ = await world.search()
    await world.sellers["one"].wait_for(Action.DISCOVER, count=2)
    bodies = [received.body for received in world.sellers["one"].received]
    assert bodies == [search.body, other.body]


async def test_every_catalogue_reaches_the_buyer_as_its_seller_signed_it(world: World) -> None:
    await world.search()
    for name in ("one", "two"):
        (search,) = await world.sellers[name].wait_for(Action.DISCOVER)
        assert (await world.answer(world.sellers[name], search)).status_code == 200
    catalogues = await world.buyer.wait_for(Action.ON_DISCOVER, count=2)
    senders = {parse_header(catalogue.authorization).subscriber_id for catalogue in catalogues}
    assert senders == {"bpp.one.example", "bpp.two.example"}
    for catalogue in catalogues:
        assert catalogue.document["message"] == CATALOGUE
        world.check_gateway(catalogue)


async def test_a_catalogue_goes_where_the_registry_says_whatever_it_says_itself(world: World) -> None:
    await world.search()
    (search,) = await world.sellers["one"].wait_for(Action.DISCOVER)
    response = await world.answer(world.sellers["one"], search, bap_uri="http://127.0.0.1:9/elsewhere")
    assert response.status_code == 200
    await world.buyer.wait_for(Action.ON_DISCOVER)


async def test_a_catalogue_that_answers_nothing_is_refused(world: World) -> None:
    seller = world.sellers["one"]
    stray = world.write_search()
    response = await world.answer(seller, stray)
    assert response.status_code == 400
    assert "no search of bap.bakery.example was passed on" in response.json()["error"]["message"]
    await world.search()
    (search,) = await seller.wait_for(Action.DISCOVER)
    for refused in (
        await world.answer(world.sellers["retail"], search),  # it was never asked
        await world.answer(seller, search, bap_id="bap.other.example"),  # somebody else asked
    ):
        assert refused.status_code == 400
    assert world.buyer.received == []


async def test_what_another_gateway_passed_on_goes_no_further(world: World) -> None:
    other = await world.village.peer(Role.BAP, "bg.other.example", profile=V1_1, role=SubscriberRole.BG)
    search = world.write_search()
    response = await world.buyer.post(search.url, search.body, gateway_authorization=other.sign(search.body))
    assert response.status_code == 403
    assert "bg.other.example has passed the message on" in response.json()["error"]["message"]
    assert await world.received() == []


async def test_a_seller_at_the_gateways_own_address_makes_no_loop(world: World) -> None:
    """Whoever registers the gateway's URL as its own has the gateway call itself, once."""
    await world.village.peer(Role.BPP, "bpp.mirror.example", profile=V1_1, url=world.gateway.url)
    await world.search()

    async def state() -> str | None:
        return (await world.outcomes()).get("bpp.mirror.example")

    await eventually(state, "refused")
    assert len(await world.received()) == 1


async def test_a_search_without_a_domain_is_refused(world: World) -> None:
    _, response = await world.search(domain="")
    assert response.status_code == 400
    assert "no domain" in response.json()["error"]["message"]


async def test_only_buyers_search_and_only_sellers_answer(world: World) -> None:
    seller, search = world.sellers["one"], world.write_search()
    as_seller = search.body.replace(b"bap.bakery.example", b"bpp.one.example").replace(
        world.buyer.url.encode(), seller.url.encode()
    )
    response = await seller.post(search.url, as_seller)
    assert response.status_code == 403
    forged = await seller.post(search.url, search.body)
    assert forged.status_code == 401


async def test_other_actions_and_generations_are_none_of_a_gateways(world: World) -> None:
    for path in ("/confirm", "/beckn/discover", "/on_confirm", "/bap/caller/search"):
        response = await world.buyer.post(world.gateway.url + path, world.write_search().body)
        assert response.status_code == 404, path


async def test_a_search_that_nobody_sells_for_is_told_to_the_operator(world: World) -> None:
    _, response = await world.search(domain="mobility")
    assert response.status_code == 200
    said = "no seller's platform at all is subscribed for mobility"

    async def told() -> list[bool]:
        return [state == "handled" and said in str(error) for state, error in await world.received()]

    await eventually(told, [True])
    assert await world.outcomes() == {}
    assert world.buyer.received == []


async def test_whom_the_operator_refuses_is_left_out(world: World) -> None:
    foundation = world.gateway.participant.foundation
    async with foundation.uow_factory() as uow:
        wish = PeerRuleWish(
            effect=Effect.REFUSE, field=RuleField.SUBSCRIBER, pattern="bpp.one.example", why="a test"
        )
        await make_peer_rule(uow, wish, by=Actor(who="operator"), now=foundation.clock.now())
    await foundation.access.gate.reload()
    await world.search()
    await world.sellers["two"].wait_for(Action.DISCOVER)
    assert "bpp.one.example" not in await world.outcomes()


async def test_a_seller_that_is_busy_is_tried_again_and_holds_up_nobody(world: World) -> None:
    world.sellers["one"].replies = [Reply(status=503, body=b"{}"), Reply(status=503, body=b"{}")]
    await world.search()
    await world.sellers["two"].wait_for(Action.DISCOVER)
    received = await world.sellers["one"].wait_for(Action.DISCOVER, count=3)
    assert len({message.body for message in received}) == 1

    async def state() -> str:
        return (await world.outcomes())["bpp.one.example"]

    await eventually(state, "delivered")


async def test_who_is_gone_is_given_up_when_the_search_is_over(world: World) -> None:
    await world.search(ttl="PT5S")  # time enough for a busy machine to reach the others
    await world.sellers["one"].wait_for(Action.DISCOVER)

    async def dead() -> str:
        return (await world.outcomes())["bpp.dead.example"]

    await eventually(dead, "dead")


async def test_a_gateway_is_entered_as_one_for_its_domain(world: World) -> None:
    keyring = world.gateway.participant.foundation.keyring
    (record,) = await keyring.find(Wanted(role=SubscriberRole.BG, domain=DOMAIN))
    assert (record.subscriber_id, record.url) == (GATEWAY_ID, world.gateway.url)
