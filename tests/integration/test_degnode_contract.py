"""`degnode contract`, asked at a node over a real port."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bpp.api.contracts import contract_router
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.loopback_server import LoopbackServer
from tests.support.seller_api import KEY, seller_app
from tests.support.seller_world import WINDOW, SellerWorld, order


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
async def node(world: SellerWorld) -> AsyncIterator[str]:
    """Where a node of the seller listens."""
    routers = [contract_router(world.bpp, uow_factory=world.uow_factory, clock=world.clock)]
    server = LoopbackServer(seller_app(routers, uow_factory=world.uow_factory, clock=world.clock))
    await server.start()
    yield server.url
    await server.stop()


async def run(node: str, *arguments: str) -> str:
    environment = {"DEGNODE_API_KEY": KEY, "DEGNODE_NODE_URL": node, "COLUMNS": "200"}
    return printed(await invoke("contract", *arguments, environment=environment))


async def test_an_operator_cancels_a_contract(world: SellerWorld, node: str) -> None:
    bought = (await world.buy(10))["beckn:id"]
    said = await run(node, "cancel", bought, "--why", "the roof is gone", "--reason", "R-12")
    assert said == f"{bought} is TERMINATED; the buyer is owed 0.00 USD."
    assert len(await world.unsolicited(Action.ON_CANCEL)) == 1
    again = await invoke(
        *("contract", "cancel", bought, "--why", "once more", "--url", node),
        environment={"DEGNODE_API_KEY": KEY},
    )
    assert again.exit_code == 1
    assert "it has ended before" in str(again.exception)


async def test_an_operator_proposes_and_answers(world: SellerWorld, node: str) -> None:
    bought = (await world.buy(10))["beckn:id"]
    dearer = ("--wh", "5000", "--price", "0.2")
    proposed = json.loads(await run(node, "update", bought, *dearer, "--why", "clouds", "--json"))
    assert (proposed[0]["watt_hours"], proposed[0]["status"]) == (5_000, "OPEN")
    assert proposed[0]["price_per_kwh"] == "0.2"
    assert "5000" in await run(node, "proposals", bought)
    refused = order(10, order_id=bought)
    refused["beckn:orderItems"][0]["beckn:proposal"] = {"id": proposed[0]["id"], "status": "REFUSED"}
    await world.send(Action.UPDATE, {"order": refused})
    world.clock.set(WINDOW.start)
    for less, verb, status in ((6, "refuse", "REFUSED"), (7, "accept", "ACCEPTED")):
        await world.send(Action.UPDATE, {"order": order(less, order_id=bought)})
        [waiting] = json.loads(await run(node, "proposals", "--json"))
        assert waiting["proposed_by"] == "BUYER"
        [said] = json.loads(await run(node, verb, bought, waiting["id"], "--why", "so be it", "--json"))
        assert (said["status"], said["answer"]) == (status, "so be it")
    assert json.loads(await run(node, "proposals", "--json")) == []


async def test_what_is_no_node_is_named_as_that() -> None:
    asked = await invoke(
        *("contract", "proposals", "--url", "http://127.0.0.1:1"), environment={"DEGNODE_API_KEY": KEY}
    )
    assert asked.exit_code == 1
    assert "no node answers at http://127.0.0.1:1" in str(asked.exception)
