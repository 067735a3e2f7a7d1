"""Tickets of support, and ratings in the catalogue: kept, answered, and told where the wire has room."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from bpp.api.tickets import ticket_router
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.loopback_server import LoopbackServer
from tests.support.seller_api import KEY, seller_app
from tests.support.seller_world import ITEM, SELLER, SellerWorld, order
from trading.mapping import wire_of
from trading.request import Criteria, Inquiry, Rating

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
async def node(world: SellerWorld) -> AsyncIterator[str]:
    """Where a node of the seller listens."""
    routers = [ticket_router(uow_factory=world.uow_factory, clock=world.clock)]
    server = LoopbackServer(seller_app(routers, uow_factory=world.uow_factory, clock=world.clock))
    await server.start()
    yield server.url
    await server.stop()


async def run(node: str, *arguments: str) -> Any:
    environment = {"DEGNODE_API_KEY": KEY, "DEGNODE_NODE_URL": node, "COLUMNS": "250"}
    said = printed(await invoke("ticket", *arguments, environment=environment))
    return json.loads(said) if "--json" in arguments else said


async def ask(world: SellerWorld, target: str, category: str = "ORDER") -> Json:
    wire = wire_of(world.profile.name)
    return await world.send(Action.SUPPORT, wire.write_support(Inquiry(category=category, target_id=target)))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_who_asks_has_one_ticket_about_a_thing_and_hears_what_was_said(
    world: SellerWorld, node: str, profile: Profile
) -> None:
    world = world.speaking(profile)
    bought = await world.buy_wanted()
    first = await ask(world, bought.order_id)
    [opened] = await run(node, "list", "--json")
    assert (opened["status"], opened["about"], opened["target_id"]) == ("OPEN", "ORDER", bought.order_id)
    assert (opened["contract_id"], opened["channels"]) == (bought.order_id, ["PHONE", "EMAIL", "WEB"])
    [answered] = await run(node, "answer", opened["id"], "we look at the meter", "--json")
    assert (answered["status"], answered["answers"][0]["words"]) == ("ANSWERED", "we look at the meter")
    second = await ask(world, bought.order_id)
    assert len(await run(node, "list", "--json")) == 1
    told = {"v1_1": v1_1_ticket, "v2_lts": lts_ticket}.get(profile.name)
    if told is not None:
        assert told(first) == (opened["id"], "OPEN", None)
        assert told(second) == (opened["id"], "ANSWERED", "we look at the meter")
    assert "we look at the meter" in await run(node, "list")


def v1_1_ticket(message: Json) -> tuple[Any, ...]:
    ticket = message["support"]["ticket"]
    return ticket["id"], ticket["status"], ticket.get("answer")


def lts_ticket(message: Json) -> tuple[Any, ...]:
    about = message["support"]["descriptor"]
    return about["code"], about["shortDesc"].removeprefix("Ticket "), about.get("longDesc")


async def test_a_closed_ticket_takes_no_more_and_who_asks_again_opens_another(
    world: SellerWorld, node: str
) -> None:
    await ask(world, SELLER, "PROVIDER")
    [ticket] = await run(node, "list", "--json")
    assert ticket["contract_id"] is None
    await run(node, "answer", ticket["id"], "that is all", "--close")
    assert await run(node, "list", "--json") == []
    again = await invoke(
        *("ticket", "answer", ticket["id"], "more", "--url", node), environment={"DEGNODE_API_KEY": KEY}
    )
    assert "is closed" in str(again.exception)
    missing = await invoke(
        *("ticket", "answer", "nothing", "more", "--url", node), environment={"DEGNODE_API_KEY": KEY}
    )
    assert "there is no ticket" in str(missing.exception)
    await ask(world, SELLER, "PROVIDER")
    assert len(await run(node, "list", "--all", "--json")) == 2


async def test_a_refused_inquiry_opens_no_ticket(world: SellerWorld, node: str) -> None:
    error = await world.refusal(Action.SUPPORT, {"refId": "nothing", "refType": "ORDER"})
    assert error.code == "BIZ_ORDER_NOT_FOUND"
    assert await run(node, "list", "--json") == []


async def test_whatever_else_somebody_asks_about_is_one_ticket(world: SellerWorld, node: str) -> None:
    world = world.speaking(V2_LTS)
    for number in range(3):
        await ask(world, f"thing {number}", f"KIND {number}")
    [ticket] = await run(node, "list", "--json")
    assert (ticket["about"], ticket["target_id"]) == ("OTHER", "")


# ratings


async def rate(world: SellerWorld, category: str, target: str, value: int) -> None:
    rating = Rating(
        target_id=target, category=category, value=Decimal(value), worst=Decimal(0), best=Decimal(5)
    )
    await world.send(Action.RATING, wire_of(world.profile.name).write_ratings([rating]))


async def test_what_buyers_think_is_in_the_catalogue_each_order_once(world: SellerWorld) -> None:
    wire = wire_of(V2_RC.name)
    search = wire.write_criteria(Criteria(words=("solar",)))
    [item] = (await world.send(Action.DISCOVER, search))["catalogs"][0]["beckn:items"]
    assert "beckn:rating" not in item
    bought = (await world.buy(1))["beckn:id"]
    await rate(world, "ORDER", bought, 1)
    await rate(world, "ORDER", bought, 4)  # in place of the first
    await rate(world, "ITEM", ITEM, 5)
    found = await world.send(Action.DISCOVER, search)
    [item] = found["catalogs"][0]["beckn:items"]
    assert item["beckn:rating"] == {
        "@type": "beckn:Rating",
        "beckn:ratingValue": Decimal("4.5"),
        "beckn:ratingCount": 2,
    }
    assert item["beckn:provider"]["beckn:rating"]["beckn:ratingCount"] == 1


async def test_what_was_never_confirmed_is_rated_by_nobody(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(1)}))["order"]["beckn:id"]
    for category, target in (("ORDER", held), ("ITEM", ITEM), ("PROVIDER", SELLER)):
        rating = Rating(
            target_id=target, category=category, value=Decimal(1), worst=Decimal(0), best=Decimal(5)
        )
        refused = await world.refusal(Action.RATING, wire_of(world.profile.name).write_ratings([rating]))
        assert refused.code == "BIZ_RATING_TARGET_NOT_FOUND"


async def test_v1_1_tells_ratings_of_items_and_providers(world: SellerWorld) -> None:
    bought = (await world.buy(1))["beckn:id"]
    await rate(world, "ORDER", bought, 4)
    world = world.speaking(V1_1)
    message = await world.send(Action.DISCOVER, wire_of(V1_1.name).write_criteria(Criteria(words=("solar",))))
    [provider] = message["catalog"]["providers"]
    assert (provider["rating"], provider["items"][0]["rating"]) == ("4.00", "4.00")


async def test_lts_has_no_place_for_ratings(world: SellerWorld) -> None:
    bought = (await world.buy(1))["beckn:id"]
    await rate(world, "ORDER", bought, 4)
    world = world.speaking(V2_LTS)
    message = await world.send(
        Action.DISCOVER, wire_of(V2_LTS.name).write_criteria(Criteria(words=("solar",)))
    )
    assert "rating" not in json.dumps(message, default=str).lower()
