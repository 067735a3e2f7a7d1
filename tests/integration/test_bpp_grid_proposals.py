"""What a side proposes of a contract whose utilities are asked: agreed on only with theirs, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from bpp.seller_changes import Operator, propose_as_seller
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from storage.database import Database
from tests.support.grid_world import START, GridWorld, grid_world, order
from trading.cancellation import Reason
from trading.cancellation_terms import CancellationTerm
from trading.contracts import ContractStore
from trading.proposal import ProposalStatus
from trading.proposals import ProposalStore
from trading.request import OrderRequest
from trading.wheeling import Side

Json = dict[str, Any]

MINUTE: Final = timedelta(minutes=1)
BUYERS_NOTICE: Final = CancellationTerm(side=Side.BUYER, notice=60 * MINUTE, percent=Decimal(25))


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def propose(world: GridWorld, contract_id: str, kilowatt_hours: int) -> str:
    """Have the seller propose another quantity; return the proposal's id."""
    operator = Operator(actor=Actor(who="Ada"), why=Reason(words="more sun"), now=world.clock.now())
    request = OrderRequest(order_id=contract_id, quantity=Energy(kilowatt_hours * 1_000))
    async with world.seller.uow_factory() as uow:
        proposal, _ = await propose_as_seller(world.bpp, contract_id, request, uow, by=operator)
    await world.settle_down()
    return proposal.id


def answering(contract_id: str, proposal_id: str, status: str = "ACCEPTED") -> Json:
    message = order(10, order_id=contract_id)
    message["beckn:orderItems"][0]["beckn:proposal"] = {"id": proposal_id, "status": status}
    return {"order": message}


async def standing(world: GridWorld, contract_id: str) -> tuple[int, ProposalStatus]:
    """Return how many kWh a contract is for, and what became of its newest proposal."""
    async with world.seller.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        proposal = await ProposalStore(uow.connection).find_last(contract)
    assert proposal is not None
    return int(contract.quantity.kilowatt_hours), proposal.status


async def trades(world: GridWorld) -> set[tuple[str, int]]:
    return {*await world.trades(world.hill), *await world.trades(world.valley)}


async def test_a_buyers_consent_asks_the_utilities_before_anything_is_changed(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 15)
    assert await trades(world) == {("CONFIRMED", 10_000)}  # nobody has agreed yet
    world.hill.is_slow = True
    accept = await world.ask(Action.UPDATE, answering(bought, proposal))
    assert (world.answers(accept), await standing(world, bought)) == ([], (10, ProposalStatus.OPEN))
    await world.release(world.hill)
    [answer] = world.answers(accept)
    told = answer["message"]["order"]
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "ACCEPTED"
    assert told["beckn:orderValue"]["value"] == Decimal("2.85")  # with both utilities' charges
    assert await standing(world, bought) == (15, ProposalStatus.ACCEPTED)
    assert await trades(world) == {("CONFIRMED", 15_000)}
    assert await world.left() == 485_000


async def test_a_buyer_that_refuses_asks_no_utility(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 15)
    asked = len(world.sent_to(world.hill))
    told = await world.order(Action.UPDATE, answering(bought, proposal, "REFUSED"))
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "REFUSED"
    assert len(world.sent_to(world.hill)) == asked


async def test_an_answer_to_another_proposal_asks_no_utility(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await propose(world, bought, 15)
    asked = len(world.sent_to(world.hill))
    refusal = await world.refusal(Action.UPDATE, answering(bought, "another"))
    assert refusal.code == "BIZ_ORDER_NOT_FOUND"
    assert len(world.sent_to(world.hill)) == asked


async def test_a_utility_that_refuses_leaves_the_proposal_open(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 21)
    refusal = await world.refusal(Action.UPDATE, answering(bought, proposal))
    assert (refusal.code, refusal.hint) == ("BIZ_QUANTITY_UNAVAILABLE", "Trade at most 20 kWh.")
    assert await standing(world, bought) == (10, ProposalStatus.OPEN)
    assert await trades(world) == {("CONFIRMED", 10_000)}
    assert await world.left() == 490_000


async def test_what_utilities_granted_to_a_proposal_that_lapsed_meanwhile_is_taken_back(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 15)
    await world.pass_time(30 * MINUTE - timedelta(seconds=5))
    world.hill.is_slow = True
    accept = await world.ask(Action.UPDATE, answering(bought, proposal))
    assert await world.trades(world.valley) == [("CONFIRMED", 15_000)]
    await world.pass_time(timedelta(seconds=10))
    assert await standing(world, bought) == (10, ProposalStatus.LAPSED)
    [told] = [document for action, document in world.came if action is Action.ON_UPDATE][-1:]
    assert told["message"]["order"]["beckn:orderItems"][0]["beckn:proposal"]["status"] == "LAPSED"
    assert world.answers(accept) == []
    await world.release(world.hill)
    [answer] = world.answers(accept)
    assert answer["error"]["code"] == "POL_UPDATE_NOT_ALLOWED"
    assert "is LAPSED" in answer["error"]["message"]
    assert await standing(world, bought) == (10, ProposalStatus.LAPSED)
    assert await trades(world) == {("CONFIRMED", 10_000)}
    assert await world.left() == 490_000


async def test_a_utility_that_stays_silent_leaves_the_other_with_what_was_agreed_before(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 15)
    world.hill.is_slow = True
    accept = await world.ask(Action.UPDATE, answering(bought, proposal))
    await world.pass_time(timedelta(seconds=31))
    assert world.answers(accept)[0]["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    await world.release(world.hill)
    assert await standing(world, bought) == (10, ProposalStatus.OPEN)
    assert await trades(world) == {("CONFIRMED", 10_000)}


async def test_a_buyers_own_change_by_consent_is_refused_where_utilities_are_asked(
    world: GridWorld,
) -> None:
    world.sells(cancellation=(BUYERS_NOTICE,))
    bought = (await world.buy(10))["beckn:id"]
    await world.pass_time(START - world.clock.now() - 30 * MINUTE)  # within the notice
    asked = len(world.sent_to(world.hill))
    refusal = await world.refusal(Action.UPDATE, {"order": order(15, order_id=bought)})
    assert refusal.code == "POL_UPDATE_NOT_ALLOWED"
    assert "the utilities of the trade let pass only what is changed at once" in refusal.message
    assert refusal.hint == "Cancel the order, and order anew."
    assert len(world.sent_to(world.hill)) == asked
    assert await trades(world) == {("CONFIRMED", 10_000)}
    assert await world.left() == 490_000
