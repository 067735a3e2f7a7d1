"""What an operator does to orders of several lines: to all of them, or to the one that is named."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bpp.api.allocations import allocation_router
from bpp.api.bills import bill_router
from bpp.api.contracts import contract_router
from bpp.api.curtailments import curtailment_router
from bpp.api.provider import provider_router
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.money import Money
from node.audit import list_acts
from protocol.actions import Action
from protocol.profile import V2_RC
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.loopback_server import LoopbackServer
from tests.support.order_lines import (
    AFTERNOON_HOURS,
    MORNING_HOURS,
    buy_lines,
    open_world,
    told,
    two_offers,
    written,
)
from tests.support.order_lines import LINES as TWO
from tests.support.seller_api import KEY, seller_api, seller_app
from tests.support.seller_world import ITEM, SellerWorld
from trading.cancellation_terms import CancellationTerm
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.stock import Stock
from trading.wheeling import Side

Json = dict[str, Any]

WHY: Json = {"why": "the roof is being repaired"}
BILL = "bill-2026-01-001"
DEAR = CancellationTerm(side=Side.SELLER, notice=timedelta(days=2), amount=Money(75, Currency("USD")))


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """A seller of a morning and an afternoon, who owes 0.75 USD for each line that it cancels."""
    sold = two_offers()
    offers = tuple(replace(each, terms=replace(each.terms, cancellation=(DEAR,))) for each in sold.offers)
    world = SellerWorld(uow_factory=uow_factory, profile=V2_RC)
    return await world.selling(catalogue=replace(sold, offers=offers)).open()


def routers_of(world: SellerWorld) -> list[Any]:
    shared: Any = {"uow_factory": world.uow_factory, "clock": world.clock}
    return [
        contract_router(world.bpp, **shared),
        curtailment_router(world.bpp, **shared),
        provider_router(**shared),
        bill_router(**shared),
        allocation_router(uow_factory=world.uow_factory),
    ]


@pytest.fixture
async def api(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    connect = seller_api(routers_of(world), uow_factory=world.uow_factory, clock=world.clock)
    async with connect(KEY) as client:
        yield client


@pytest.fixture
async def node(world: SellerWorld) -> AsyncIterator[str]:
    """Where a node of the seller listens."""
    app = seller_app(routers_of(world), uow_factory=world.uow_factory, clock=world.clock)
    server = LoopbackServer(app)
    await server.start()
    yield server.url
    await server.stop()


async def run(node: str, *arguments: str) -> str:
    environment = {"DEGNODE_API_KEY": KEY, "DEGNODE_NODE_URL": node, "COLUMNS": "200"}
    return printed(await invoke("contract", *arguments, environment=environment))


async def bought(world: SellerWorld) -> str:
    return (await buy_lines(world))[0].order_id


async def left(world: SellerWorld) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def statuses(world: SellerWorld, action: Action) -> list[list[ContractStatus]]:
    """Return what each message of a kind told the buyer of each line."""
    return [
        [line.status for line in told(world, {"order": each})] for each in await world.unsolicited(action)
    ]


# ending


async def test_an_order_is_cancelled_with_all_its_lines_and_its_buyer_told_once(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    order_id = await bought(world)
    done = await api.post(f"/api/v1/contracts/{order_id}/cancel", json=WHY)
    assert done.status_code == 200
    assert (done.json()["contract_id"], done.json()["owed_minor"]) == (order_id, 150)
    assert done.json()["lines"] == [
        {"contract_id": order_id, "line": 1, "owed_minor": 75},
        {"contract_id": f"{order_id}.2", "line": 2, "owed_minor": 75},
    ]
    assert await statuses(world, Action.ON_CANCEL) == [[ContractStatus.TERMINATED] * 2]
    assert await left(world) == 30_500
    assert await world.refresh_all() == 0
    async with world.uow_factory() as uow:
        acts = [kept.act for kept in await list_acts(uow, limit=10)]
    cancelled = sorted(act.target for act in acts if act.what == "contract.cancelled")
    assert cancelled == [order_id, f"{order_id}.2"]
    again = await api.post(f"/api/v1/contracts/{order_id}/cancel", json=WHY)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "BIZ_ALREADY_CANCELLED")


@pytest.mark.parametrize("line", [1, 2])
async def test_one_line_is_cancelled_by_its_number_and_then_the_rest(
    world: SellerWorld, node: str, line: int
) -> None:
    order_id = await bought(world)
    said = await run(node, "cancel", order_id, "--line", str(line), "--why", "clouds")
    ended = order_id if line == 1 else f"{order_id}.2"
    assert said == f"{ended} is TERMINATED; the buyer is owed 0.75 USD."
    one = [ContractStatus.TERMINATED, ContractStatus.ACTIVE]
    assert await statuses(world, Action.ON_CANCEL) == [one if line == 1 else one[::-1]]
    assert await left(world) == (20_500 if line == 1 else 15_500)
    rest = await run(node, "cancel", order_id, "--why", "clouds")
    assert rest.endswith(" is TERMINATED; the buyer is owed 0.75 USD.")
    assert (await statuses(world, Action.ON_CANCEL))[-1] == [ContractStatus.TERMINATED] * 2
    assert await left(world) == 30_500


async def test_the_command_tells_what_each_line_costs(world: SellerWorld, node: str) -> None:
    order_id = await bought(world)
    assert (await run(node, "cancel", order_id, "--why", "clouds")).splitlines() == [
        "Line 1: the buyer is owed 0.75 USD.",
        "Line 2: the buyer is owed 0.75 USD.",
        f"{order_id} is TERMINATED; the buyer is owed 1.50 USD.",
    ]


async def test_a_line_that_is_over_stays_when_the_order_is_cancelled(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    order_id = await bought(world)
    world.clock.set(MORNING_HOURS.end + timedelta(minutes=5))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    done = (await api.post(f"/api/v1/contracts/{order_id}/cancel", json=WHY)).json()
    assert [each["line"] for each in done["lines"]] == [2]
    assert done["contract_id"] == f"{order_id}.2"
    [ended] = await statuses(world, Action.ON_CANCEL)
    assert ended[1] is ContractStatus.TERMINATED
    assert ended[0] is not ContractStatus.TERMINATED


@pytest.mark.parametrize("line", ["3", "2.1", "x"])
async def test_a_line_that_there_is_not_is_not_found(
    world: SellerWorld, api: httpx.AsyncClient, line: str
) -> None:
    order_id = await bought(world)
    refused = await api.post(f"/api/v1/contracts/{order_id}.{line}/cancel", json=WHY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "BIZ_ORDER_NOT_FOUND")
    assert await left(world) == 5_500


async def test_the_only_line_of_an_order_may_be_named_too(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    order_id = (await buy_lines(world, TWO[0]))[0].order_id
    connect = seller_api(routers_of(world), uow_factory=uow_factory, clock=world.clock)
    async with connect(KEY) as api:
        done = await api.post(f"/api/v1/contracts/{order_id}.1/cancel", json=WHY)
    assert done.json()["contract_id"] == order_id


# changing


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("update", {"watt_hours": 5_000}),
        (
            "curtailments",
            {"watt_hours": 1, "reason": "OTHER", "since": format_instant(MORNING_HOURS.start)},
        ),
    ],
)
async def test_what_is_done_to_one_line_asks_which_one(
    world: SellerWorld, api: httpx.AsyncClient, path: str, form: Json
) -> None:
    order_id = await bought(world)
    refused = await api.post(f"/api/v1/contracts/{order_id}/{path}", json=form | WHY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "BIZ_UPDATE_INCONSISTENT")
    assert f"{order_id}.1 is 15 kWh of {ITEM}" in refused.text
    assert f"{order_id}.2 is 10 kWh of {ITEM}" in refused.text
    assert await world.unsolicited(Action.ON_UPDATE) == []
    for line, kept in (("1", order_id), ("2", f"{order_id}.2")):
        if "since" in form and line == "2":
            form = form | {"since": format_instant(AFTERNOON_HOURS.start)}
        done = await api.post(f"/api/v1/contracts/{order_id}.{line}/{path}", json=form | WHY)
        assert (done.status_code, done.json()["contract_id"]) == (201, kept), done.text
    listed = "proposals" if path == "update" else path
    found = (await api.get(f"/api/v1/contracts/{order_id}/{listed}")).json()[listed]
    assert [each["contract_id"] for each in found] == [order_id, f"{order_id}.2"]


async def test_an_answer_goes_to_the_line_that_has_the_proposal(world: SellerWorld, node: str) -> None:
    order_id = await bought(world)
    world.clock.set(MORNING_HOURS.start + timedelta(minutes=5))
    less = [replace(line, order_id=order_id) for line in TWO]
    less[0] = replace(less[0], quantity=less[1].quantity)
    await world.send(Action.UPDATE, write_lines(wire_of("v2_rc"), less, sent={}))
    [waiting] = json.loads(await run(node, "proposals", order_id, "--json"))
    assert waiting["contract_id"] == order_id
    [said] = json.loads(await run(node, "accept", order_id, waiting["id"], "--why", "so be it", "--json"))
    assert said["status"] == "ACCEPTED"


async def test_a_proposal_of_a_line_is_made_and_listed_by_its_number(world: SellerWorld, node: str) -> None:
    order_id = await bought(world)
    asked = ("--wh", "5000", "--why", "clouds", "--json")
    [proposed] = json.loads(await run(node, "update", order_id, "--line", "2", *asked))
    assert (proposed["contract_id"], proposed["watt_hours"]) == (f"{order_id}.2", 5_000)
    assert json.loads(await run(node, "proposals", order_id, "--line", "1", "--json")) == []
    assert json.loads(await run(node, "proposals", order_id, "--json")) == [proposed]
    nowhere = await invoke("contract", "proposals", "--line", "1", environment={"DEGNODE_API_KEY": KEY})
    assert nowhere.exit_code == 2


# reading


async def delivered(world: SellerWorld) -> str:
    order_id = await bought(world)
    world.clock.set(AFTERNOON_HOURS.end + timedelta(minutes=5))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    await world.deliver([4_000] * 4, window=AFTERNOON_HOURS)
    return order_id


async def test_an_order_is_shown_whole_and_line_by_line(world: SellerWorld, api: httpx.AsyncClient) -> None:
    order_id = await delivered(world)
    whole = (await api.get(f"/api/v1/contracts/{order_id}")).json()
    assert (whole["id"], whole["line"], whole["ofLines"]) == (order_id, None, 2)
    assert (whole["contractedQuantity"], whole["quoted"]["value"]) == (25, 6.55)
    assert [line["id"] for line in whole["lines"]] == [order_id, f"{order_id}.2"]
    assert len(whole["order"]["beckn:orderItems"]) == 2
    history = [(entry["event"], entry["line"]) for entry in whole["history"]]
    assert sorted(history[:4]) == [("CONFIRM", 1), ("CONFIRM", 2), ("INIT", 1), ("INIT", 2)]
    assert history[4:] == [("COMPLETE", 1), ("COMPLETE", 2)]
    for line in (1, 2):
        alone = (await api.get(f"/api/v1/contracts/{order_id}.{line}")).json()
        assert alone == whole["lines"][line - 1]
    listed = (await api.get("/api/v1/contracts")).json()["contracts"]
    assert {(each["id"], each["line"], each["ofLines"]) for each in listed} == {
        (order_id, 1, 2),
        (f"{order_id}.2", 2, 2),
    }
    assert (await api.get(f"/api/v1/contracts/{order_id}/allocations")).json()["allocations"] == []


async def test_a_line_s_bill_is_found_by_the_id_that_its_buyer_was_told(
    world: SellerWorld, api: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    order_id = await delivered(world)
    environment = {"DEGNODE_DATABASE_URL": database_url, "DEGNODE_DATA_DIR": str(tmp_path)}
    for told_as, line in ((BILL, order_id), (f"2:{BILL}", f"{order_id}.2")):
        alone = await api.get(f"/api/v1/bills/{told_as}/explain")
        assert (alone.status_code, alone.json()["contract"]["id"]) == (200, line), alone.text
        assert alone.json()["bill"]["bill"] == BILL
        assert verify_statement(alone.content) == []
        for named in (order_id, line, f"{order_id}.{2 if line != order_id else 1}"):
            paths = [
                f"bills/{told_as}/explain?contract={named}",
                f"contracts/{named}/bills/{told_as}/explain",
            ]
            for path in paths:
                same = await api.get(f"/api/v1/{path}")
                assert same.json() == alone.json(), path
            page = await api.get(f"/api/v1/contracts/{named}/bills/{told_as}/invoice")
            assert (page.status_code, line in page.text) == (200, True)
            bill = await api.get(f"/api/v1/contracts/{named}/bills/{told_as}")
            assert bill.json()["contractId"] == line
            said = await invoke("explain", told_as, "--contract", named, "--json", environment=environment)
            assert json.loads(printed(said))["contract"]["id"] == line
        said = await invoke("explain", told_as, "--json", environment=environment)
        assert json.loads(printed(said))["contract"]["id"] == line


async def test_a_bill_that_only_a_later_line_has_is_found_by_its_own_id_too(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    async with seller_api(routers_of(world), uow_factory=uow_factory, clock=world.clock)(KEY) as api:
        order_id = await bought(world)
        await api.post(f"/api/v1/contracts/{order_id}.1/cancel", json=WHY)
        world.clock.set(AFTERNOON_HOURS.end + timedelta(minutes=5))
        await world.deliver([4_000] * 4, window=AFTERNOON_HOURS)
        for named in (BILL, f"2:{BILL}"):
            found = await api.get(f"/api/v1/bills/{named}/explain")
            assert found.json()["contract"]["id"] == f"{order_id}.2"
        for strange in (f"3:{BILL}", "2:none", "%00"):
            assert (await api.get(f"/api/v1/bills/{strange}/explain")).status_code == 404


async def test_all_lines_of_an_order_are_settled_again(world: SellerWorld, database_url: str) -> None:
    order_id = await delivered(world)
    said = await invoke("settle-again", order_id, environment={"DEGNODE_DATABASE_URL": database_url})
    assert printed(said).splitlines() == [
        f"{named}  is going to be settled again" for named in (order_id, f"{order_id}.2")
    ]


async def test_a_held_order_is_not_cancelled_by_its_seller(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    held = told(world, await world.send(Action.INIT, written(world, *TWO)))
    refused = await api.post(f"/api/v1/contracts/{held[0].order_id}/cancel", json=WHY)
    assert refused.json()["error"]["code"] == "POL_CANCELLATION_NOT_ALLOWED"
    assert await left(world) == 5_500
