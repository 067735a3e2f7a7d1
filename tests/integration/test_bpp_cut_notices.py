"""What is cut of a trade is told to each of its utilities that has not cut it, and frees its limit once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import simplejson
from structlog.testing import capture_logs

from bpp.api.curtailments import curtailment_router
from bpp.cascade.patience import PATIENCE
from bpp.changes.seller_changes import Operator, answer_as_seller
from bpp.utility.statements import Said, StatementStore
from kernel.clock import format_instant
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.database import Database
from storage.outbox import Outgoing
from tests.support.grid_statements import HOUR, MIDDLE, curtail
from tests.support.grid_world import (
    BPP,
    END,
    HILL,
    NEIGHBOUR_METER,
    VALLEY,
    GridWorld,
    Member,
    grid_world,
    order,
)
from tests.support.seller_api import KEY, seller_api
from trading.cancellation import Reason
from trading.contracts import ContractStore
from trading.delivery import CurtailmentReason
from trading.proposal import Answer
from trading.proposals import ProposalStore

Json = dict[str, Any]


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def cut_by_operator(world: GridWorld, order_id: str, watt_hours: int) -> int:
    """Have the platform's operator cut a contract; return the status of the answer."""
    router = curtailment_router(world.bpp, uow_factory=world.seller.uow_factory, clock=world.clock)
    form = {"watt_hours": watt_hours, "reason": "OTHER", "since": format_instant(MIDDLE), "why": "clouds"}
    async with seller_api([router], uow_factory=world.seller.uow_factory, clock=world.clock)(KEY) as client:
        answer = await client.post(f"/api/v1/contracts/{order_id}/curtailments", json=form)
    await world.settle_down()
    return answer.status_code


async def heard(member: Member, order_id: str) -> list[Said]:
    """Return what a utility was told was cut of a trade."""
    async with member.uow_factory() as uow:
        said = await StatementStore(uow.connection).find_of((BPP.subscriber_id, order_id))
    return [each for each in said if each.is_heard]


def updates_to(world: GridWorld, member: Member) -> list[Outgoing]:
    to = member.peer.subscriber_id
    return [each for each in world.carried if (each.action, each.peer) == ("update", to)]


@pytest.mark.parametrize("name", ["v1_1", "v2_rc", "v2_lts"])
async def test_what_one_utility_cuts_is_told_to_the_other_and_counts_there_on_every_generation(
    world: GridWorld, name: str
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.wire = PROFILES[name]
    await curtail(world, world.hill, bought, 4_000)
    [said] = await heard(world.valley, bought)
    assert said.statement.cut is not None
    assert (said.statement.cut.quantity, said.statement.since) == (Energy(4_000), MIDDLE)
    assert said.statement.cut.reason is CurtailmentReason.GRID_OUTAGE
    assert (said.who, said.statement.note) == ("platform bpp.valley-solar.example", "feeder 7 tripped")
    assert await world.trades(world.valley) == await world.trades(world.hill) == [("CONFIRMED", 6_000)]
    assert (len(updates_to(world, world.valley)), updates_to(world, world.hill)) == (1, [])
    await curtail(world, world.valley, bought, 5_000, since=MIDDLE + HOUR / 2)
    assert [
        each.statement.cut and each.statement.cut.quantity for each in await heard(world.hill, bought)
    ] == [Energy(5_000)]
    assert await world.trades(world.hill) == await world.trades(world.valley)
    await world.pass_time(timedelta(minutes=5))
    assert len(updates_to(world, world.valley)) == len(updates_to(world, world.hill)) == 1


async def test_both_utilities_are_told_what_the_operator_cuts_and_one_that_serves_both_once(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    assert (await cut_by_operator(world, bought, 3_000), await cut_by_operator(world, bought, 3_000)) == (
        201,
        200,
    )
    for member in (world.hill, world.valley):
        [said] = await heard(member, bought)
        assert said.statement.note == "", "what an operator writes is for its own record"
    world.transaction_id = "second"
    home = {"utility": VALLEY.subscriber_id, "meter": NEIGHBOUR_METER}
    near = (await world.buy(10, **home))["beckn:id"]
    await curtail(world, world.valley, near, 1_000)
    assert await heard(world.valley, near) == [], "it has cut it itself"
    await world.pass_time(timedelta(minutes=1))
    assert len(updates_to(world, world.valley)) == 1


async def test_a_utility_that_is_away_is_told_again_and_frees_its_limit_once(world: GridWorld) -> None:
    bought = (await world.buy(20))["beckn:id"]
    world.valley.away = True
    await curtail(world, world.hill, bought, 10_000)
    assert await world.trades(world.valley) == [("CONFIRMED", 20_000)]
    await world.pass_time(timedelta(seconds=40))
    world.valley.away = False
    await world.pass_time(timedelta(minutes=11))
    tries = updates_to(world, world.valley)
    assert len(tries) >= 2
    for late in tries[:-1]:  # what was lost arrives at last
        await world.deliver(late, world.seller)
    await world.settle_down()
    assert len(await heard(world.valley, bought)) == 1
    assert await world.trades(world.valley) == [("CONFIRMED", 10_000)]


async def test_a_cut_holds_while_utilities_are_asked_about_another_quantity(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.hill.is_slow = True
    message_id = await world.ask(Action.UPDATE, {"order": order(12, order_id=bought)})
    assert await world.trades(world.valley) == [("CONFIRMED", 12_000)]
    await cut_by_operator(world, bought, 3_000)
    assert await world.trades(world.valley) == [("CONFIRMED", 9_000)]
    await world.release(world.hill)
    [answer] = world.answers(message_id)
    assert answer["error"]["code"] == "POL_UPDATE_NOT_ALLOWED", "what was cut is changed no more"
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 7_000)]


async def test_what_both_sides_agree_to_leave_out_during_delivery_is_told_to_both_utilities(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.clock.set(MIDDLE)
    await world.order(Action.UPDATE, {"order": order(8, order_id=bought)})
    async with world.seller.uow_factory() as uow:
        proposal = await ProposalStore(uow.connection).find_open(
            await ContractStore(uow.connection).get(bought)
        )
        assert proposal is not None
        by = Operator(actor=Actor(who="Ada"), why=Reason(words="fine"), now=world.clock.now())
        yes = Answer(proposal_id=proposal.id, accepts=True)
        await answer_as_seller(world.bpp, bought, yes, uow, by=by)
    await world.settle_down()
    for member in (world.hill, world.valley):
        [said] = await heard(member, bought)
        assert said.statement.cut is not None
        assert (said.statement.cut.quantity, said.statement.since) == (Energy(2_000), MIDDLE)


async def test_a_utility_that_cannot_be_told_all_day_is_reported(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.unknown.add(VALLEY.subscriber_id)
    await curtail(world, world.hill, bought, 1_000)
    with capture_logs() as logs:
        await world.pass_time(PATIENCE)
    told = [entry for entry in logs if entry["event"] == "cascade.utility_not_told"]
    assert [(entry["utility"], entry["action"]) for entry in told] == [(VALLEY.subscriber_id, "update")]


async def refused_cut(world: GridWorld, order_id: str, **changes: Any) -> Json:
    """Return the answer to the last notice of a cut, told again with changes of its attributes."""
    [message] = updates_to(world, world.valley)
    document = simplejson.loads(message.body, use_decimal=True)
    document["context"]["message_id"] = f"again-{sorted(changes)}"
    written = document["message"]["order"]
    bag = written["beckn:orderItems"][0]["beckn:orderItemAttributes"]["fulfillmentAttributes"]
    for key, value in changes.items():
        place = bag if key in bag else written["beckn:orderAttributes"]
        assert key in place
        place[key] = value
    body = simplejson.dumps(document, use_decimal=True).encode()
    sent = replace(message, message_id=document["context"]["message_id"], body=body)
    await world.valley.put_in(sent, sender=BPP, now=world.clock.now())
    await world.valley.dispatch.step()
    [answer] = await world.valley.take_out()
    error: Json = simplejson.loads(answer.body)["error"]
    return error


async def test_a_utility_refuses_a_cut_that_cannot_be_and_keeps_nothing_of_it(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await curtail(world, world.hill, bought, 4_000)
    for changes, words in (
        ({"curtailedQuantity": 11}, "11 kWh cannot be cut from 10 kWh"),
        ({"curtailedFrom": format_instant(END)}, "nothing flows under the contract at"),
        ({"sourceMeterId": NEIGHBOUR_METER}, "the trade is between other meters or utilities"),
    ):
        error = await refused_cut(world, bought, **changes)
        assert words in error["message"], error
    await world.order(Action.CANCEL, {"order": {"beckn:id": bought}})
    error = await refused_cut(world, bought)
    assert error["code"] == "BIZ_ALREADY_CANCELLED"
    assert len(await heard(world.valley, bought)) == 1
    assert HILL.subscriber_id in {each.peer for each in world.carried}
