"""Several offers of one seller, bought together through the plain API, on each generation of the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import simplejson
from sqlalchemy import select

from bap.market.tables import market_offers
from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from kernel.energy import Energy
from kernel.interval import Interval
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.buyer_world import BUYER_PLATFORM
from tests.support.market_world import MarketWorld, market_world
from tests.support.order_lines import AFTERNOON, AFTERNOON_HOURS, MORNING_HOURS, two_offers
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    OFFER,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)
from trading.cancellation import Reason
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.mapping.lines import read_lines, write_lines
from trading.request import OrderRequest

Json = dict[str, Any]


@pytest.fixture
async def world(database: Database, profile: Profile) -> AsyncIterator[MarketWorld]:
    bpp = SellerWorld(uow_factory=UnitOfWorkFactory(database)).selling(catalogue=two_offers()).bpp
    async with market_world(database, profile=profile, bpp=bpp) as running:
        yield running


def span(hours: Interval) -> Json:
    return {"start": hours.start.isoformat(), "end": hours.end.isoformat()}


async def offer_ids(world: MarketWorld) -> dict[str, str]:
    """Return the ids under which the app knows the seller's offers, by the seller's own."""
    found = await world.found(words="")
    async with world.uow_factory() as uow:
        query = select(market_offers.c.id, market_offers.c.names).where(
            market_offers.c.search_id == found["id"]
        )
        return {row.names["offer"]: row.id for row in await uow.connection.execute(query)}


async def quoted(world: MarketWorld) -> Json:
    """Return the quote of a morning of 15 kWh and an afternoon of 10 kWh of one roof."""
    known = await offer_ids(world)
    items = [
        {"offer_id": known[OFFER], "kwh": "15", "window": span(MORNING_HOURS)},
        {"offer_id": known[AFTERNOON], "kwh": "10", "window": span(AFTERNOON_HOURS)},
    ]
    begun = await world.post("/quotes", {"items": items, "meter": TARGET_METER})
    assert begun.status_code == 201
    await world.answer_all()
    quote: Json = (await world.get(f"/quotes/{begun.json()['id']}")).json()
    return quote


async def ordered(world: MarketWorld, *, confirm: bool = True) -> Json:
    quote = await quoted(world)
    await world.post("/orders", {"quote_id": quote["id"], "confirm": confirm})
    await world.answer_all()
    order: Json = (await world.get(f"/orders/{quote['id']}")).json()
    return order


def totals(lines: list[Json]) -> list[str]:
    return [line["price"]["total"]["amount"] for line in lines]


async def test_two_lines_are_quoted_bought_delivered_and_billed_each_by_itself(world: MarketWorld) -> None:
    quote = await quoted(world)
    assert (quote["status"], quote["kwh"], quote["price"]["total"]["amount"]) == ("ready", "25", "6.55")
    assert (totals(quote["lines"]), [line["kwh"] for line in quote["lines"]]) == (
        ["4.75", "1.80"],
        ["15", "10"],
    )
    assert quote["lines"][1]["offer"]["price"]["per_kwh"]["amount"] == "0.18"

    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    assert await world.answer_all() == [Action.INIT, Action.CONFIRM]
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"], order["kwh"]) == ("active", None, "25")
    assert [line["status"] for line in order["lines"]] == ["active", "active"]
    assert totals(order["lines"]) == ["4.75", "1.80"]
    assert order["price"]["total"]["amount"] == "6.55"
    assert [line["window"]["start"] for line in order["lines"]] == [
        "2026-01-09T10:00:00Z",
        "2026-01-09T14:00:00Z",
    ]

    world.clock.set(WINDOW.end + timedelta(days=1))
    await world.seller.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [4_000] * 8))
    await world.seller.report(TARGET_METER, IMPORT, hours_of(WINDOW, [4_000] * 8))
    await world.seller.refresh_all()
    await world.tell_all()
    done = (await world.get(f"/orders/{quote['id']}")).json()
    assert (done["status"], done["delivery"]["status"], done["delivery"]["kwh"]) == (
        "completed",
        "completed",
        "25",
    )
    assert [line["delivery"]["kwh"] for line in done["lines"]] == ["15", "10"]
    bills = (await world.get(f"/orders/{quote['id']}/bills")).json()
    assert [(bill["line"], bill["total"]["amount"]) for bill in bills] == [(1, "4.75"), (2, "1.80")]
    assert len({bill["id"] for bill in bills}) == 2
    assert done["bills"] == bills == [bill for line in done["lines"] for bill in line["bills"]]

    raw = (await world.api.get(f"/api/v1/transactions/{quote['id']}")).json()
    assert [line["contract"]["contractedQuantity"] for line in raw["lines"]] == [15, 10]
    assert [len(line["bill"]["billing_cycles"]) for line in raw["lines"]] == [1, 1]


async def test_a_line_is_changed_while_the_other_stays(world: MarketWorld) -> None:
    order = await ordered(world)
    path = f"/orders/{order['id']}"
    unnamed = await world.post(f"{path}/update", {"kwh": "4"})
    assert (unnamed.status_code, unnamed.json()["where"]) == (422, "body.line")
    beyond = await world.post(f"{path}/update", {"kwh": "4", "line": 3})
    assert beyond.json()["what_to_do"] == "Its lines are 1 to 2."
    await world.post(f"{path}/update", {"kwh": "4", "line": 2})
    assert await world.answer_all() == [Action.UPDATE]
    changed = (await world.get(path)).json()
    assert (changed["problem"], changed["kwh"]) == (None, "19")
    assert [line["kwh"] for line in changed["lines"]] == ["15", "4"]
    assert totals(changed["lines"]) == ["4.75", "0.72"]


async def test_of_two_lines_of_one_offer_the_named_one_is_changed(world: MarketWorld) -> None:
    offer = (await offer_ids(world))[OFFER]
    middle = MORNING_HOURS.start + MORNING_HOURS.duration / 2
    halves = Interval(MORNING_HOURS.start, middle), Interval(middle, MORNING_HOURS.end)
    items = [{"offer_id": offer, "kwh": "5", "window": span(half)} for half in halves]
    quote = (await world.post("/quotes", {"items": items, "meter": TARGET_METER})).json()
    await world.answer_all()
    path = f"/orders/{quote['id']}"
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    await world.answer_all()
    await world.post(f"{path}/update", {"kwh": "3", "line": 2})
    assert await world.answer_all() == [Action.UPDATE]
    changed = (await world.get(path)).json()
    assert (changed["status"], changed["problem"]) == ("active", None)
    assert [line["kwh"] for line in changed["lines"]] == ["5", "3"]
    assert [line["window"] for line in changed["lines"]] == [line["window"] for line in quote["lines"]]


async def test_what_the_seller_proposes_of_a_line_is_accepted_for_that_line(world: MarketWorld) -> None:
    order = await ordered(world)
    path = f"/orders/{order['id']}"
    operator = Operator(actor=Actor(who="Ada"), why=Reason(words="clouds"), now=world.clock.now())
    async with world.uow_factory() as uow:
        found = await ContractStore(uow.connection).find_page()
        afternoon = next(contract.id for contract in found if contract.line == 2)
        wish = SellerWish(request=OrderRequest(order_id=afternoon, quantity=Energy(5_000)))
        await propose_as_seller(world.seller.bpp, afternoon, wish, uow, by=operator)
    await world.tell_all()
    told = (await world.get(path)).json()
    assert (told["proposal"]["line"], told["proposal"]["status"], told["proposal"]["kwh"]) == (2, "open", "5")
    assert [line["proposal"] for line in told["lines"]] == [None, told["proposal"]]
    answer = {"proposal_id": told["proposal"]["id"], "answer": "accept"}
    await world.post(f"{path}/proposal", answer)
    assert await world.answer_all() == [Action.UPDATE]
    agreed = (await world.get(path)).json()
    assert (agreed["problem"], agreed["proposal"]["status"]) == (None, "accepted")
    assert [line["kwh"] for line in agreed["lines"]] == ["15", "5"]


async def test_all_lines_are_cancelled_together(world: MarketWorld) -> None:
    order = await ordered(world)
    await world.post(f"/orders/{order['id']}/cancel", {"reason": "we are moving"})
    assert await world.answer_all() == [Action.CANCEL]
    ended = (await world.get(f"/orders/{order['id']}")).json()
    assert (ended["status"], ended["problem"]) == ("cancelled", None)
    assert [line["status"] for line in ended["lines"]] == ["cancelled", "cancelled"]


async def test_lines_that_are_held_are_bought_by_a_second_call(world: MarketWorld) -> None:
    order = await ordered(world, confirm=False)
    assert (order["status"], [line["status"] for line in order["lines"]]) == ("held", ["held", "held"])
    await world.post(f"/orders/{order['id']}/confirm")
    await world.answer_all()
    bought = (await world.get(f"/orders/{order['id']}")).json()
    assert (bought["status"], bought["problem"]) == ("active", None)
    rated = await world.post(f"/orders/{order['id']}/ratings", {"stars": "5", "about": "energy"})
    assert rated.json()["where"] == "body.line"
    rated = await world.post(f"/orders/{order['id']}/ratings", {"stars": "5", "about": "energy", "line": 2})
    assert rated.status_code == 201


async def test_what_is_held_otherwise_in_one_line_is_not_bought(world: MarketWorld) -> None:
    quote = await quoted(world)
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    [row] = await world.requests()
    speaking = world.seller.speaking(PROFILES[row["profile"]])
    sent = simplejson.loads(row["body"], use_decimal=True)["message"]
    wire = wire_of(row["profile"])
    ordered = read_lines(wire, sent)
    less = replace(ordered.lines[1], quantity=Energy(4_000), contracted=None)
    other = write_lines(wire, [ordered.lines[0], less], sent={})
    held = await speaking.send(
        Action.INIT, other, transaction_id=row["transaction_id"], bap_id=BUYER_PLATFORM
    )
    await world.answer(row, held)
    assert await world.requests() == []
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert order["status"] == "held"
    assert order["problem"]["detail"] == (
        "Of line 2, 4 kWh are held at 0.72 USD; ordered were 10 kWh, quoted at 1.80 USD."
    )


async def test_who_asks_for_several_hears_what_is_wrong_with_which(world: MarketWorld) -> None:
    known = await offer_ids(world)
    morning = {"offer_id": known[OFFER], "kwh": "1", "window": span(MORNING_HOURS)}
    gone = await world.post("/quotes", {"items": [morning, {"offer_id": "nothing", "kwh": "1"}]})
    assert (gone.status_code, gone.json()["where"]) == (404, "body.items.1.offer_id")
    window = {"items": [morning], "window": span(WINDOW)}
    assert (await world.post("/quotes", window)).json()["where"] == "body.window"
    nothing = await world.post("/quotes", {"meter": TARGET_METER})
    assert nothing.status_code == 422
    begun = await world.post("/quotes", {"items": [morning, morning], "meter": TARGET_METER})
    await world.answer_all()
    refused = (await world.get(f"/quotes/{begun.json()['id']}")).json()
    assert (refused["status"], refused["price"]) == ("refused", None)
    assert "line 2" in refused["problem"]["seller_said"]
    one = await world.post("/quotes", {"items": [morning], "meter": TARGET_METER})
    await world.answer_all()
    alone = (await world.get(f"/quotes/{one.json()['id']}")).json()
    assert (alone["status"], alone["price"], len(alone["lines"])) == ("ready", alone["lines"][0]["price"], 1)
