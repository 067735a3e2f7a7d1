"""What a side proposes of a contract whose utilities are asked: agreed on only with theirs, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from bpp.api.contracts import contract_router
from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from kernel.energy import Energy
from node.audit import Actor, list_acts
from protocol.actions import Action
from storage.database import Database
from tests.support.grid_world import START, GridWorld, grid_world, order
from tests.support.seller_api import KEY, seller_api
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
    wish = SellerWish(request=OrderRequest(quantity=Energy(kilowatt_hours * 1_000)))
    async with world.seller.uow_factory() as uow:
        proposal, _ = await propose_as_seller(world.bpp, contract_id, wish, uow, by=operator)
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


async def test_a_utility_that_refuses_ends_the_proposal_in_its_words(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    proposal = await propose(world, bought, 21)
    refusal = await world.refusal(Action.UPDATE, answering(bought, proposal))
    assert (refusal.code, refusal.hint) == ("BIZ_QUANTITY_UNAVAILABLE", "Trade at most 20 kWh.")
    assert await standing(world, bought) == (10, ProposalStatus.REFUSED)
    assert told_last(world)["answer"].endswith("and 21 kWh were asked for Trade at most 20 kWh.")
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


async def wish(world: GridWorld, kilowatt_hours: int) -> tuple[str, str]:
    """Have a buyer within its notice propose another quantity; return the ids of order and proposal."""
    world.sells(cancellation=(BUYERS_NOTICE,))
    bought = (await world.buy(10))["beckn:id"]
    await world.pass_time(START - world.clock.now() - 30 * MINUTE)  # within the notice
    asked = len(world.sent_to(world.hill))
    told = await world.order(Action.UPDATE, {"order": order(kilowatt_hours, order_id=bought)})
    proposal = told["beckn:orderItems"][0]["beckn:proposal"]
    assert (proposal["status"], proposal["proposedBy"]) == ("OPEN", "BUYER")
    assert len(world.sent_to(world.hill)) == asked, "nobody has agreed yet"
    return bought, proposal["id"]


def told_last(world: GridWorld) -> Json:
    """Return the proposal as the buyer was told of it last, unasked."""
    *_, told = [doc for action, doc in world.came if action is Action.ON_UPDATE and "message" in doc]
    found: Json = told["message"]["order"]["beckn:orderItems"][0]["beckn:proposal"]
    return found


async def accept(
    world: GridWorld, bought: str, proposal: str, *, verb: str = "accept"
) -> tuple[int, list[str], str]:
    """Have the seller's operator answer; return HTTP's status, who is asked, and the proposal's status."""
    routers = [contract_router(world.bpp, uow_factory=world.seller.uow_factory, clock=world.clock)]
    connect = seller_api(routers, uow_factory=world.seller.uow_factory, clock=world.clock)
    async with connect(KEY) as client:
        path = f"/api/v1/contracts/{bought}/proposals/{proposal}/{verb}"
        answer = await client.post(path, json={"why": "the roof has it"})
        listed = (await client.get(f"/api/v1/contracts/{bought}/proposals")).json()["proposals"]
        waiting = (await client.get("/api/v1/proposals")).json()["proposals"]
    assert answer.status_code < 300, answer.text
    assert listed == [answer.json()]
    assert waiting in ([], listed)
    return answer.status_code, answer.json()["asks"], answer.json()["status"]


async def test_a_sellers_consent_is_put_before_the_utilities_before_anything_is_changed(
    world: GridWorld,
) -> None:
    bought, proposal = await wish(world, 15)
    both = ["hill-grid.example", "valley-grid.example"]
    assert await accept(world, bought, proposal) == (202, both, "OPEN")
    assert await accept(world, bought, proposal) == (202, both, "OPEN"), "the same again"
    assert await standing(world, bought) == (10, ProposalStatus.OPEN)
    assert await world.left() == 485_000, "what it needs more is held"
    refusal = await world.refusal(Action.UPDATE, {"order": order(12, order_id=bought)})
    assert "waits for the seller's answer" in refusal.message
    assert await standing(world, bought) == (15, ProposalStatus.ACCEPTED)
    assert (told_last(world)["status"], told_last(world)["answer"]) == ("ACCEPTED", "the roof has it")
    assert await trades(world) == {("CONFIRMED", 15_000)}
    assert world.sent_to(world.hill).count("update") == 1
    async with world.seller.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought)
        acts = [each.act.what for each in await list_acts(uow, limit=10)]
    assert str(contract.quote.total) == "2.85 USD", "with both utilities' charges"
    assert acts == ["contract.change_accepted"]


async def test_a_utility_that_refuses_what_was_accepted_ends_the_proposal_and_all_is_as_before(
    world: GridWorld,
) -> None:
    bought, proposal = await wish(world, 21)
    await accept(world, bought, proposal)
    await world.settle_down()
    assert await standing(world, bought) == (10, ProposalStatus.REFUSED)
    told = told_last(world)
    assert (told["status"], told["answer"].count("hill-grid.example does not let this pass")) == (
        "REFUSED",
        1,
    )
    assert await trades(world) == {("CONFIRMED", 10_000)}
    assert await world.left() == 490_000


async def test_a_silent_utility_leaves_the_buyers_proposal_to_be_accepted_again(world: GridWorld) -> None:
    bought, proposal = await wish(world, 15)
    world.hill.away = True
    await accept(world, bought, proposal)
    await world.pass_time(timedelta(seconds=31))
    world.hill.away = False
    await world.pass_time(timedelta(seconds=31))
    assert await standing(world, bought) == (10, ProposalStatus.OPEN)
    assert await trades(world) == {("CONFIRMED", 10_000)}
    assert await world.left() == 490_000
    assert (await accept(world, bought, proposal))[0] == 202
    await world.settle_down()
    assert await standing(world, bought) == (15, ProposalStatus.ACCEPTED)
    assert await trades(world) == {("CONFIRMED", 15_000)}


@pytest.mark.parametrize("ends", ["cancel", "refuse"])
async def test_what_ends_a_proposal_while_utilities_are_asked_is_the_last_word(
    world: GridWorld, ends: str
) -> None:
    bought, proposal = await wish(world, 15)
    world.hill.is_slow = True
    await accept(world, bought, proposal)
    await world.settle_down()
    if ends == "cancel":
        await world.order(Action.CANCEL, {"order": {"beckn:id": bought}})
    else:
        assert await accept(world, bought, proposal, verb="refuse") == (200, [], "REFUSED")
    await world.release(world.hill)
    await world.pass_time(timedelta(seconds=31))
    became = ProposalStatus.LAPSED if ends == "cancel" else ProposalStatus.REFUSED
    assert await standing(world, bought) == (10, became)
    assert await trades(world) == {("CANCELLED", 0) if ends == "cancel" else ("CONFIRMED", 10_000)}
    assert await world.left() == (500_000 if ends == "cancel" else 490_000)
