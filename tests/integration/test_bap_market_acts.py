"""What an app says of its orders beyond buying: consent, reasons, opinions, questions; on each generation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from bpp.tables import ratings
from kernel.clock import format_instant
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import PROFILES, V2_RC, Profile
from storage.database import Database
from tests.support.market_world import MarketWorld, market_world
from tests.support.seller_world import WINDOW
from trading.cancellation import Reason
from trading.contracts import ContractStore
from trading.request import OrderRequest

Json = dict[str, Any]

LATER: Final = {"trade_start": WINDOW.start + timedelta(hours=1), "trade_end": WINDOW.end}
every_wire = pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))


@pytest.fixture
def profile() -> Profile:
    return V2_RC


@pytest.fixture
async def world(database: Database, profile: Profile) -> AsyncIterator[MarketWorld]:
    async with market_world(database, profile=profile) as running:
        yield running


async def contract_id(world: MarketWorld) -> str:
    async with world.uow_factory() as uow:
        [contract] = await ContractStore(uow.connection).find_page()
    return contract.id


async def proposed(world: MarketWorld, order: Json, **wished: Any) -> Json:
    """Return the order once its app knows what the seller proposes."""
    operator = Operator(actor=Actor(who="Ada"), why=Reason(words="clouds"), now=world.clock.now())
    contract = await contract_id(world)
    async with world.uow_factory() as uow:
        price = wished.pop("price", None)
        wish = SellerWish(request=OrderRequest(**wished), price=price)
        await propose_as_seller(world.seller.bpp, contract, wish, uow, by=operator)
    await world.tell_all()
    return await read(world, order)


async def read(world: MarketWorld, order: Json) -> Json:
    told: Json = (await world.get(f"/orders/{order['id']}")).json()
    return told


async def say(world: MarketWorld, order: Json, answer: str, **form: Any) -> httpx.Response:
    body = {"proposal_id": order["proposal"]["id"], "answer": answer} | form
    return await world.post(f"/orders/{order['id']}/proposal", body)


@every_wire
async def test_what_a_seller_proposes_shows_in_the_order_and_is_accepted(world: MarketWorld) -> None:
    order = await proposed(world, await world.bought(), quantity=Energy(5_000))
    proposal = order["proposal"]
    assert proposal == {
        "id": proposal["id"],
        "line": 1,
        "status": "open",
        "by": "seller",
        "kwh": "5",
        "window": None,
        "price_per_kwh": None,
        "answer_before": format_instant(world.clock.now() + timedelta(minutes=30)),
        "reason": "clouds",
        "answer": None,
    }
    assert order["kwh"] == "10"
    assert (await say(world, order, "accept")).json()["kwh"] == "10"  # the seller has to take it yet
    assert await world.answer_all() == [Action.UPDATE]
    agreed = await read(world, order)
    assert (agreed["kwh"], agreed["proposal"]["status"], agreed["problem"]) == ("5", "accepted", None)
    again = await say(world, order, "refuse")
    assert (again.status_code, again.json()["detail"]) == (409, "The seller's proposal is accepted")


@every_wire
async def test_another_price_that_a_seller_proposes_holds_once_the_buyer_accepts_it(
    world: MarketWorld,
) -> None:
    order = await proposed(world, await world.bought(), price=Decimal("0.125"))
    assert (order["proposal"]["price_per_kwh"], order["proposal"]["kwh"]) == ("0.125", None)
    assert order["price"]["total"]["amount"] == "4.00"
    await say(world, order, "accept")
    assert await world.answer_all() == [Action.UPDATE]
    agreed = await read(world, order)
    assert (agreed["proposal"]["status"], agreed["price"]["total"]["amount"]) == ("accepted", "3.75")


@every_wire
async def test_what_a_seller_proposes_is_refused(world: MarketWorld) -> None:
    order = await proposed(world, await world.bought(), quantity=Energy(5_000), **LATER)
    start, end = LATER.values()
    assert order["proposal"]["window"] == {"start": format_instant(start), "end": format_instant(end)}
    await say(world, order, "refuse")
    assert await world.answer_all() == [Action.UPDATE]
    kept = await read(world, order)
    assert (kept["kwh"], kept["window"], kept["proposal"]["status"]) == ("10", order["window"], "refused")


@every_wire
async def test_what_was_agreed_on_stays_where_another_quantity_is_asked_for(world: MarketWorld) -> None:
    window = {"start": format_instant(WINDOW.start), "end": format_instant(WINDOW.end)}
    quote = await world.quoted(window=window)
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    await world.answer_all()
    order = await proposed(world, quote, **LATER)
    assert order["window"] == window
    await say(world, order, "accept")
    await world.answer_all()
    await world.post(f"/orders/{quote['id']}/update", {"kwh": "20"})
    await world.answer_all()
    changed = await read(world, order)
    assert (changed["kwh"], changed["problem"]) == ("20", None)
    assert changed["window"]["start"] == format_instant(LATER["trade_start"])


async def test_only_the_newest_proposal_of_the_seller_is_answered(world: MarketWorld) -> None:
    bought = await world.bought()
    nothing = await say(world, {"id": bought["id"], "proposal": {"id": "none"}}, "accept")
    assert (nothing.status_code, nothing.json()["where"]) == (409, "body.proposal_id")
    order = await proposed(world, bought, quantity=Energy(5_000))
    other = await say(world, order, "accept", proposal_id="another")
    assert other.json()["detail"] == "The order's newest proposal is another one, or there is none"
    unknown = await say(world, order, "perhaps")
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:degnode:problem:invalid-request")
    assert await world.requests() == []


async def test_a_proposal_that_lapsed_is_told_and_not_answered(world: MarketWorld) -> None:
    order = await proposed(world, await world.bought(), quantity=Energy(5_000))
    world.clock.advance(timedelta(minutes=30))
    late = await say(world, order, "accept")
    assert late.status_code == 200
    await world.answer_all()
    refused = await read(world, order)
    assert "is LAPSED" in refused["problem"]["seller_said"]
    await world.seller.refresh_all()
    await world.tell_all()
    assert (await read(world, order))["proposal"]["status"] == "lapsed"


@every_wire
async def test_a_cancel_may_say_why_where_the_wire_has_room(world: MarketWorld, profile: Profile) -> None:
    order = await world.bought()
    contract = await contract_id(world)
    path = f"/orders/{order['id']}/cancel"
    key = {"Idempotency-Key": "once"}
    await world.post(path, {"reason": "we are moving"}, headers=key)
    other = await world.post(path, {"reason": "no matter"}, headers=key)
    assert other.json()["type"] == "urn:degnode:problem:key-reused"
    await world.answer_all()
    assert (await read(world, order))["status"] == "cancelled"
    async with world.uow_factory() as uow:
        last = (await ContractStore(uow.connection).history(contract))[-1]
    told = (last.reason or "").endswith("we are moving")
    assert (last.event, told) == ("CANCEL", profile is not V2_RC)


@every_wire
async def test_a_rating_may_say_more_than_stars(world: MarketWorld) -> None:
    order = await world.bought()
    words = "Quick and friendly.\nWe come again."
    await world.post(f"/orders/{order['id']}/ratings", {"stars": "5", "comment": words})
    await world.answer_all()
    async with world.uow_factory() as uow:
        kept = (await uow.connection.execute(select(ratings.c.feedback))).scalar_one()
    assert json.loads(kept) == {"comments": words}


@every_wire
async def test_a_question_has_a_ticket_where_the_wire_has_room(world: MarketWorld, profile: Profile) -> None:
    order = await world.bought()
    path = f"/orders/{order['id']}"
    tickets = []
    for _ in range(2):
        asked = (await world.post(f"{path}/support", {"about": "order"})).json()
        await world.answer_all()
        answer = (await world.get(f"{path}/requests/{asked['id']}")).json()
        tickets.append(answer["contact"]["ticket"])
    assert tickets[0] == tickets[1]  # who asks again has the same
    if profile is V2_RC:
        assert tickets[0] is None
    else:
        assert (bool(tickets[0]["id"]), tickets[0]["status"], tickets[0]["answer"]) == (True, "open", None)
