"""The plain API from the first look to the bill, on each generation of the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select, text, update

from bap.market.offers import FoundOffer, OfferView
from bap.market.searches import find_search, put_offers
from bap.market.tables import market_offers
from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.errors import WireError
from protocol.profile import PROFILES, V2_RC, Profile
from storage.database import Database
from storage.tables import OutboxState
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.discovery_world import shop
from tests.support.market_world import PLAIN, MarketWorld, market_world
from tests.support.seller_world import (
    BPP_ID,
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)
from trading.allocations import AllocationStore, RecordedAllocations
from trading.contracts import ContractStore
from trading.due_contracts import mark_these_due
from trading.grid import GridStanding
from trading.grid_statement import Allocation, Allocations

Json = dict[str, Any]

every_wire = pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))


@pytest.fixture
def profile() -> Profile:
    return V2_RC


@pytest.fixture
async def world(database: Database, profile: Profile) -> AsyncIterator[MarketWorld]:
    async with market_world(database, profile=profile) as running:
        yield running


@every_wire
async def test_an_offer_is_found_with_what_an_app_needs_to_know_of_it(world: MarketWorld) -> None:
    found = await world.found()
    assert found["status"] == "closed"
    assert found["sellers"] == [
        {"platform": BPP_ID, "state": "done", "offers": 1, "problem": None, "part": None}
    ]
    [offer] = found["offers"]
    assert offer["seller"]["platform"] == BPP_ID
    assert offer["price"]["per_kwh"] == {"amount": "0.15", "currency": "USD"}
    assert offer["price"]["wheeling"] == {"amount": "2.50", "currency": "USD"}
    assert offer["kwh_available"] == "30.5"
    assert offer["source"] == "solar"
    assert (await world.get(f"/offers/{offer['id']}")).json()["name"] == offer["name"]


@every_wire
async def test_a_purchase_goes_from_the_quote_to_the_bill(world: MarketWorld) -> None:
    quote = await world.quoted()
    assert quote["status"] == "ready"
    assert quote["price"]["total"] == {"amount": "4.00", "currency": "USD"}
    assert [line["amount"]["amount"] for line in quote["price"]["lines"]] == ["1.50", "2.50"]

    made = await world.post("/orders", {"quote_id": quote["id"]})
    assert (made.status_code, made.json()["status"]) == (201, "requested")
    assert await world.answer_all() == [Action.INIT]
    held = (await world.get(f"/orders/{quote['id']}")).json()
    assert (held["status"], held["price"]["total"]["amount"]) == ("held", "4.00")

    await world.post(f"/orders/{quote['id']}/confirm")
    assert await world.answer_all() == [Action.CONFIRM]
    assert (await world.get(f"/orders/{quote['id']}")).json()["status"] == "active"

    world.clock.set(WINDOW.end + timedelta(days=1))
    await world.seller.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [2_000] * 8))
    await world.seller.report(TARGET_METER, IMPORT, hours_of(WINDOW, [1_500] * 8))
    await world.seller.refresh_all()
    await world.tell_all()
    done = (await world.get(f"/orders/{quote['id']}")).json()
    assert (done["status"], done["delivery"]["status"], done["delivery"]["kwh"]) == (
        "completed",
        "completed",
        "10",
    )
    [bill] = (await world.get(f"/orders/{quote['id']}/bills")).json()
    assert bill["total"] == {"amount": "4.00", "currency": "USD"}
    assert [(line["title"], line["amount"]["amount"]) for line in bill["lines"]] == [
        ("Energy Cost", "1.50"),
        ("Wheeling Charges", "2.50"),
    ]
    assert done["bills"] == [bill]
    assert done["readings"][-1]["kwh_delivered"] == "10"


@every_wire
async def test_one_call_buys_what_is_held_at_the_quoted_price(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    assert await world.answer_all() == [Action.INIT, Action.CONFIRM]
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]) == ("active", None)
    assert [(request["what"], request["state"]) for request in order["requests"]] == [
        ("order", "done"),
        ("confirm", "done"),
    ]


@every_wire
async def test_an_order_is_changed_followed_rated_asked_about_and_cancelled(world: MarketWorld) -> None:
    order = await world.bought()
    path = f"/orders/{order['id']}"
    await world.post(f"{path}/update", {"kwh": "20"})
    assert await world.answer_all() == [Action.UPDATE]
    assert (await world.get(path)).json()["kwh"] == "20"

    asked = (await world.get(f"{path}/tracking?wait=0.1")).json()
    await world.answer_all()
    tracking = (await world.get(f"{path}/requests/{asked['id']}")).json()
    assert tracking["tracking"]["url"].startswith("https://bpp.valley-solar.example/track/")

    asked = (await world.post(f"{path}/support", {"about": "order"})).json()
    await world.answer_all()
    support = (await world.get(f"{path}/requests/{asked['id']}")).json()
    assert support["contact"]["email"] == "help@valley-solar.example"

    asked = (await world.post(f"{path}/ratings", {"stars": "4", "about": "energy"})).json()
    await world.answer_all()
    rating = (await world.get(f"{path}/requests/{asked['id']}")).json()
    assert (rating["what"], rating["state"], rating["rating"]) == (
        "rating",
        "done",
        {"count": 1, "average": "4"},
    )

    await world.post(f"{path}/cancel")
    await world.answer_all()
    assert (await world.get(path)).json()["status"] == "cancelled"


async def test_what_a_seller_refuses_is_told_in_plain_words(world: MarketWorld) -> None:
    quote = await world.quoted("21")
    assert (quote["status"], quote["price"]) == ("refused", None)
    problem = quote["problem"]
    assert problem["type"] == "urn:degnode:problem:energy-unavailable"
    assert problem["seller_said"] == "21 kWh is too much at once. Order at most 20 kWh."
    refused = await world.post("/orders", {"quote_id": quote["id"]})
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:degnode:problem:wrong-moment"


async def test_what_is_held_at_another_price_is_not_bought(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    [asked] = await world.requests()
    dearer = await world._say(asked)
    assert not isinstance(dearer, WireError)
    value = dearer["order"]["beckn:orderValue"]
    value["value"] += 1
    value["components"][0]["value"] += 1
    await world.answer(asked, dearer)
    assert await world.requests() == []
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]["type"]) == ("held", "urn:degnode:problem:price-changed")
    assert "5.00 USD" in order["problem"]["detail"]


async def test_what_is_held_for_another_quantity_is_not_bought(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    [asked] = await world.requests()
    less = await world._say(asked)
    assert not isinstance(less, WireError)
    less["order"]["beckn:orderAttributes"]["contractedQuantity"] = 5
    await world.answer(asked, less)
    assert await world.requests() == []
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]["type"]) == ("held", "urn:degnode:problem:price-changed")
    assert order["problem"]["detail"] == (
        "5 kWh are held at 4.00 USD; ordered were 10 kWh, quoted at 4.00 USD."
    )


async def test_what_was_told_as_failed_is_not_bought_when_its_answer_comes_after_all(
    world: MarketWorld,
) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    [asked] = await world.requests()
    said = await world._say(asked)
    error = WireError(code="NET_DOWNSTREAM_UNAVAILABLE", message="no answer within 10 s")
    await world.lose(asked, error, state=OutboxState.DEAD)
    assert (await world.get(f"/orders/{quote['id']}")).json()["status"] == "failed"
    await world.answer(asked, said)
    assert await world.requests() == []
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]["type"]) == ("held", "urn:degnode:problem:hold-over")
    await world.post(f"/orders/{quote['id']}/confirm")
    assert await world.answer_all() == [Action.CONFIRM]
    assert (await world.get(f"/orders/{quote['id']}")).json()["status"] == "active"


async def test_an_order_that_the_seller_never_gets_has_failed(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"]})
    [asked] = await world.requests()
    error = WireError(code="NET_DOWNSTREAM_UNAVAILABLE", message="no answer within 10 s")
    await world.lose(asked, error, state=OutboxState.DEAD)
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]["type"]) == (
        "failed",
        "urn:degnode:problem:seller-unreachable",
    )


async def test_a_window_finer_than_a_millisecond_is_bought_as_it_was_quoted(world: MarketWorld) -> None:
    finer = timedelta(microseconds=383_456)
    window = {"start": (WINDOW.start + finer).isoformat(), "end": (WINDOW.end - finer).isoformat()}
    quote = await world.quoted(window=window)
    assert quote["window"]["start"].endswith(".383Z")
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    assert await world.answer_all() == [Action.INIT, Action.CONFIRM]
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["problem"]) == ("active", None)


async def test_an_offer_and_a_quote_of_it_say_when_it_was_found(world: MarketWorld) -> None:
    [offer] = (await world.found())["offers"]
    assert (await world.get(f"/offers/{offer['id']}")).json() == offer
    assert (await world.quoted())["offer"]["found_at"] is not None


async def test_support_is_asked_without_saying_what_about(world: MarketWorld) -> None:
    order = await world.bought()
    assert (await world.post(f"/orders/{order['id']}/support")).status_code == 201
    assert await world.answer_all() == [Action.SUPPORT]


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", "/order", "no-such-call", 404),
        ("POST", "/", "no-such-call", 404),
        ("PUT", "/quotes", "wrong-method", 405),
        ("DELETE", "/orders/x", "wrong-method", 405),
    ],
)
async def test_a_call_that_is_not_there_is_a_problem_like_others(
    world: MarketWorld, method: str, path: str, kind: str, status: int
) -> None:
    refused = await world.api.request(method, f"{PLAIN}{path}")
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (status, f"urn:degnode:problem:{kind}")
    allowed = refused.headers.get("allow")
    assert allowed is None or allowed in problem["what_to_do"]
    assert (allowed is not None) == (status == 405)


async def test_a_quote_is_ordered_once(world: MarketWorld) -> None:
    order = await world.bought()
    again = await world.post("/orders", {"quote_id": order["id"]})
    assert (again.status_code, again.json()["detail"]) == (409, "The quote was ordered already")


async def test_what_is_not_held_cannot_be_confirmed(world: MarketWorld) -> None:
    order = await world.bought()
    refused = await world.post(f"/orders/{order['id']}/confirm")
    assert refused.status_code == 409
    assert refused.json()["what_to_do"] == "This can be done while it is held."


@every_wire
async def test_a_search_near_a_place_and_for_a_time_finds_what_is_there_then(world: MarketWorld) -> None:
    start, end = WINDOW.start.isoformat(), WINDOW.end.isoformat()
    window = {"start": start, "end": end}
    assert len((await world.found(window=window))["offers"]) == 1
    later = {"start": start, "end": (WINDOW.end + timedelta(days=9)).isoformat()}
    assert (await world.found(window=later))["offers"] == []
    nowhere = {"latitude": "0", "longitude": "0", "metres": 1000}
    found = await world.found(near=nowhere)
    assert (found["offers"], found["sellers"][0]["state"]) == ([], "done")


async def test_a_search_tells_who_is_missing_and_why(world: MarketWorld) -> None:
    body = {"sellers": [BPP_ID, "nobody.example", "silent.example"]}
    begun = await world.post("/offers/search", body)
    assert begun.status_code == 201
    search = begun.json()
    by_seller = {seller["platform"]: seller for seller in search["sellers"]}
    assert by_seller["nobody.example"]["state"] == "unreachable"
    assert by_seller["nobody.example"]["problem"]["detail"].startswith("nobody.example cannot be looked up")
    assert (search["status"], by_seller[BPP_ID]["state"]) == ("open", "waiting")
    first = next(row for row in await world.requests() if row["peer"] == BPP_ID)
    await world.answer(first)
    partial = (await world.get(begun.headers["location"].removeprefix("/api/v1/market"))).json()
    assert (partial["status"], len(partial["offers"])) == ("open", 1)
    world.clock.advance(timedelta(minutes=1))
    closed = (await world.get(f"/searches/{search['id']}")).json()
    states = {seller["platform"]: seller["state"] for seller in closed["sellers"]}
    assert states == {BPP_ID: "done", "nobody.example": "unreachable", "silent.example": "silent"}
    assert closed["status"] == "closed"


@every_wire
async def test_a_seller_that_tells_a_part_of_what_fits_is_told_of_with_what_to_do(
    database: Database, profile: Profile
) -> None:
    sold = replace(shop("roof", "barn", "shed"), id="valley")
    few = replace(SellerWorld(uow_factory=UnitOfWorkFactory(database)).bpp, catalogue=sold, most_found=2)
    async with market_world(database, profile=profile, bpp=few) as world:
        [seller] = (await world.found(words="solar"))["sellers"]
        assert (seller["offers"], seller["part"]["told"], seller["part"]["of"]) == (2, 2, 3)
        assert "more words" in seller["part"]["what_to_do"]
        [seller] = (await world.found(words="barn"))["sellers"]
        assert (seller["offers"], seller["part"]) == (1, None)


async def test_without_a_name_all_sellers_of_the_network_are_asked(world: MarketWorld) -> None:
    await world.post("/offers/search", {})
    assert [row["peer"] for row in await world.requests()] == [BPP_ID]


async def test_of_a_large_network_those_beyond_are_told_as_not_asked(database: Database) -> None:
    names = [f"seller-{number}.example" for number in range(52)]
    async with market_world(database, profile=V2_RC, sellers=names) as world:
        search = (await world.post("/offers/search", {})).json()
        assert [row["peer"] for row in await world.requests()] == names[:50]
    beyond = [seller for seller in search["sellers"] if seller["state"] != "waiting"]
    assert [seller["platform"] for seller in beyond] == names[50:]
    assert {seller["problem"]["what_to_do"] for seller in beyond} == {"Name it under `sellers`."}


async def test_no_seller_tells_otherwise_what_another_sells(world: MarketWorld) -> None:
    search = await world.found()
    async with world.uow_factory() as uow:
        [row] = (await uow.connection.execute(select(market_offers))).mappings()
        found = await find_search(uow, search["id"])
    assert found is not None
    offer = SimpleNamespace(
        view=OfferView(**row["offer"] | {"name": "Told by another"}),
        names=row["names"],
        price=Decimal("0.01"),
        resource=SimpleNamespace(available=Energy(1), connector=None),
        delivery=WINDOW,
    )
    path = f"/searches/{search['id']}"
    for teller, name in (("rival.example", search["offers"][0]["name"]), (BPP_ID, "Told by another")):
        async with world.uow_factory() as uow:
            await put_offers(uow, found, [cast("FoundOffer", offer)], bpp_id=teller, now=world.clock.now())
        [told] = (await world.get(path)).json()["offers"]
        assert told["name"] == name, teller


async def test_offers_that_an_index_tells_of_are_found_by_who_sells_them(world: MarketWorld) -> None:
    search = await world.found()
    async with world.uow_factory() as uow:
        await uow.connection.execute(update(market_offers).values(bpp_id="index.example"))
    path = f"/searches/{search['id']}"
    assert len((await world.get(f"{path}?seller={BPP_ID}")).json()["offers"]) == 1
    assert (await world.get(f"{path}?seller=index.example")).json()["offers"] == []


async def test_filters_narrow_what_is_seen(world: MarketWorld) -> None:
    search = await world.found()
    path = f"/searches/{search['id']}"
    for query, count in (
        ("source=solar", 1),
        ("source=grid", 0),
        ("price_at_most=0.15", 1),
        ("price_at_most=0.14", 0),
        ("kwh_at_least=30.5", 1),
        ("kwh_at_least=31", 0),
        (f"seller={BPP_ID}&sort=kwh", 1),
        ("seller=other.example&sort=newest", 0),
    ):
        assert len((await world.get(f"{path}?{query}")).json()["offers"]) == count, query


async def test_an_answer_that_nobody_can_read_is_told_as_such(world: MarketWorld) -> None:
    [offer] = (await world.found())["offers"]
    body = {"offer_id": offer["id"], "kwh": "10", "meter": TARGET_METER}
    quote = (await world.post("/quotes", body)).json()
    [asked] = await world.requests()
    said = await world._say(asked)
    assert not isinstance(said, WireError)
    del said["order"]["beckn:orderValue"]
    await world.answer(asked, said)
    told = (await world.get(f"/quotes/{quote['id']}")).json()
    assert (told["status"], told["problem"]["type"]) == ("unreadable", "urn:degnode:problem:seller-unclear")

    search = (await world.post("/offers/search", {"sellers": [BPP_ID]})).json()
    [asked] = await world.requests()
    await world.answer(asked, {"catalogs": [{"beckn:id": "empty"}]})
    [seller] = (await world.get(f"/searches/{search['id']}")).json()["sellers"]
    assert (seller["state"], seller["offers"]) == ("unreadable", 0)


async def test_a_catalogue_that_nobody_can_read_hides_none_of_the_others(world: MarketWorld) -> None:
    search = (await world.post("/offers/search", {"sellers": [BPP_ID]})).json()
    [asked] = await world.requests()
    said = await world._say(asked)
    assert not isinstance(said, WireError)
    await world.answer(asked, {"catalogs": [{"beckn:id": "empty"}, *said["catalogs"]]})
    [seller] = (await world.get(f"/searches/{search['id']}")).json()["sellers"]
    assert (seller["state"], seller["offers"]) == ("done", 1)
    assert seller["problem"]["type"] == "urn:degnode:problem:seller-unclear"
    assert "1 of the catalogues" in seller["problem"]["detail"]
    assert "in the catalogue 1" in seller["problem"]["detail"]


async def test_a_search_that_never_reaches_its_seller_says_so(world: MarketWorld) -> None:
    search = (await world.post("/offers/search", {"sellers": [BPP_ID]})).json()
    [asked] = await world.requests()
    error = WireError(code="AUT_SIGNATURE_INVALID", message="the signature does not hold")
    await world.lose(asked, error, state=OutboxState.REFUSED)
    [seller] = (await world.get(f"/searches/{search['id']}")).json()["sellers"]
    assert (seller["state"], seller["problem"]["seller_said"]) == ("refused", "the signature does not hold")


async def test_an_order_shows_what_utilities_say_was_delivered_and_bills_do_not_depend_on_it(
    world: MarketWorld,
) -> None:
    order = await world.bought()
    assert order["utilities"] == []
    period = Interval(WINDOW.start, WINDOW.start + timedelta(hours=1))
    told = Allocations(
        said_at=WINDOW.end,
        delivered=Energy(1_500),
        by_period=(Allocation(period=period, allocated=Energy(1_500)),),
    )
    said = RecordedAllocations(
        utility_id="valley-grid.example", message_id="m-1", told=told, recorded_at=world.clock.now()
    )
    async with world.uow_factory() as uow:
        contracts = ContractStore(uow.connection)
        [found] = await uow.connection.execute(text("SELECT id FROM contracts"))
        contract = await contracts.get(found.id)
        utility = "valley-grid.example"
        grid = GridStanding(platform=BPP_ID, seller_utility=utility, buyer_utility=utility, offered=0)
        await contracts.save(replace(contract, grid=grid))
        await AllocationStore(uow.connection).add(contract.id, said)
        await mark_these_due(uow, [contract.id], at=world.clock.now())
    await world.seller.refresh_all()
    await world.tell_all()
    shown = (await world.get(f"/orders/{order['id']}")).json()
    span = {"start": format_instant(period.start), "end": format_instant(period.end)}
    expected = {
        "utility": "valley-grid.example",
        "line": 1,
        "said_at": format_instant(WINDOW.end),
        "kwh": "1.5",
        "periods": [{"period": span, "kwh": "1.5"}],
    }
    assert shown["utilities"] == shown["lines"][0]["utilities"] == [expected]
    assert (shown["delivery"]["kwh"], shown["bills"]) == ("0", [])
