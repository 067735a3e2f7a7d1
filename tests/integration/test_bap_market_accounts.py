"""The plain API keeps accounts apart, does nothing twice, and tells problems in plain words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from bap.market.account import Account
from bap.market.stream import MarketStream
from bap.market.tables import market_events
from node.scopes import Scope
from protocol.profile import V2_RC
from storage.database import Database
from tests.support.market_world import PLAIN, MarketWorld, market_world
from tests.support.seller_world import BPP_ID

Json = dict[str, Any]


@pytest.fixture
async def world(database: Database) -> AsyncIterator[MarketWorld]:
    async with market_world(database, profile=V2_RC) as running:
        yield running


async def test_no_account_sees_what_is_anothers(world: MarketWorld) -> None:
    search = await world.found()
    order = await world.bought()
    offer_id = search["offers"][0]["id"]
    strangers = [
        await world.key_for("another app"),
        {"X-Account": "user-1"},
    ]
    for headers in strangers:
        for path in (
            f"/searches/{search['id']}",
            f"/offers/{offer_id}",
            f"/quotes/{order['id']}",
            f"/orders/{order['id']}",
            f"/orders/{order['id']}/bills",
            f"/orders/{order['id']}/tracking",
            f"/orders/{order['id']}/events",
            f"/orders/{order['id']}/requests/{order['requests'][0]['id']}",
        ):
            answer = await world.get(path, headers=headers)
            assert (answer.status_code, path) == (404, path)
            assert answer.json()["type"] == "urn:degnode:problem:not-found"
        for path in ("confirm", "cancel"):
            assert (await world.post(f"/orders/{order['id']}/{path}", headers=headers)).status_code == 404
        body = {"offer_id": offer_id, "kwh": "1", "meter": "98765456"}
        assert (await world.post("/quotes", body, headers=headers)).status_code == 404
        assert (await world.post("/orders", {"quote_id": order["id"]}, headers=headers)).status_code == 404
        assert (await world.get("/orders", headers=headers)).json()["items"] == []


async def test_each_member_of_a_holder_has_orders_of_its_own(world: MarketWorld) -> None:
    app = await world.key_for("an app")
    for member in ("ann", "bob"):
        headers = app | {"X-Account": member}
        begun = await world.post("/offers/search", {"sellers": [BPP_ID]}, headers=headers)
        await world.answer_all()
        [offer] = (await world.get(f"/searches/{begun.json()['id']}", headers=headers)).json()["offers"]
        body = {"offer_id": offer["id"], "kwh": "1", "meter": "98765456"}
        quote = (await world.post("/quotes", body, headers=headers)).json()
        await world.answer_all()
        await world.post("/orders", {"quote_id": quote["id"]}, headers=headers)
        await world.answer_all()
        [listed] = (await world.get("/orders", headers=headers)).json()["items"]
        assert listed["id"] == quote["id"]
    assert (await world.get("/orders", headers=app)).json()["items"] == []


async def test_a_key_for_the_market_opens_no_raw_call(world: MarketWorld) -> None:
    app = await world.key_for("an app")
    for method, path in (
        ("GET", "/api/v1/transactions"),
        ("GET", "/api/v1/events"),
        ("POST", "/api/v1/discover"),
    ):
        answer = await world.api.request(method, path, headers=app)
        assert answer.status_code == 403, path


async def test_a_key_of_the_operators_without_the_scope_is_refused_as_a_problem(world: MarketWorld) -> None:
    meters = await world.key_for("meters", Scope.METERS_WRITE)
    refused = await world.get("/orders", headers=meters)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["title"] == "The API key is not for this"
    unknown = await world.get("/orders", headers={"X-Api-Key": "dgn_guessed"})
    assert (unknown.status_code, unknown.json()["type"]) == (401, "urn:degnode:problem:key-refused")


async def test_the_same_key_and_body_do_nothing_twice(world: MarketWorld) -> None:
    [offer] = (await world.found())["offers"]
    body = {"offer_id": offer["id"], "kwh": "10", "meter": "98765456"}
    key = {"Idempotency-Key": "purchase-1"}
    answers = await asyncio.gather(*(world.post("/quotes", body, headers=key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await world.requests()) == 1
    other = await world.post("/quotes", body | {"kwh": "11"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:degnode:problem:key-reused")
    strangers = await world.key_for("another app")
    assert (await world.post("/quotes", body, headers=strangers | key)).status_code == 404


async def test_a_repeated_confirmation_or_rating_is_sent_once(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"]}, headers={"Idempotency-Key": "o"})
    again = await world.post("/orders", {"quote_id": quote["id"]}, headers={"Idempotency-Key": "o"})
    assert again.status_code == 201
    await world.answer_all()
    path = f"/orders/{quote['id']}"
    for _ in range(2):
        await world.post(f"{path}/confirm", headers={"Idempotency-Key": "c"})
    assert len(await world.requests()) == 1
    await world.answer_all()
    rated = [
        (await world.post(f"{path}/ratings", {"stars": "5"}, headers={"Idempotency-Key": "r"})).json()["id"]
        for _ in range(2)
    ]
    assert rated[0] == rated[1]
    assert len(await world.requests()) == 1


async def test_of_two_confirmations_or_changes_at_once_one_is_sent(world: MarketWorld) -> None:
    quote = await world.quoted()
    await world.post("/orders", {"quote_id": quote["id"]})
    await world.answer_all()
    path = f"/orders/{quote['id']}"
    for what, body in (("confirm", None), ("update", {"kwh": "5"}), ("cancel", None)):
        answers = await asyncio.gather(*(world.post(f"{path}/{what}", body) for _ in range(3)))
        refused = [answer.json() for answer in answers if answer.status_code == 409]
        assert len(refused) == 2, what
        assert {problem["type"] for problem in refused} == {"urn:degnode:problem:wrong-moment"}
        assert len(await world.requests()) == 1
        await world.answer_all()
    again = await world.post(f"{path}/cancel")
    assert again.json()["detail"] == "The order is cancelled"


async def test_what_cannot_be_read_says_where(world: MarketWorld) -> None:
    for body, where in (
        ({"offer_id": "x", "kwh": "0"}, "body.kwh"),
        ({"offer_id": "x", "kwh": "1.0005"}, "body.kwh"),
        ({"offer_id": "x", "kwh": "1", "surprise": 1}, "body.surprise"),
        ({"kwh": "1"}, "body.offer_id"),
        ({"items": [{"offer_id": "x", "kwh": "1"}], "kwh": "1"}, "body.kwh"),
        ({"items": [{"offer_id": "x", "kwh": "0"}]}, "body.items.0.kwh"),
        ({"items": []}, "body.items"),
    ):
        refused = await world.post("/quotes", body)
        assert refused.status_code == 422
        assert refused.json()["where"] == where
        assert refused.json()["what_to_do"]
    misspelt = (await world.post("/quotes", {"offerId": "x", "kwh": "many"})).json()
    told = [(fault["where"], fault["detail"], fault["what_to_do"]) for fault in misspelt["errors"]]
    assert (misspelt["where"], misspelt["detail"]) == told[0][:2]
    assert ("body.offerId", "offerId is not known here.", "Did you mean offer_id?") in told
    assert ("body.kwh", '"many" is not a decimal number.') in [fault[:2] for fault in told]
    headers = {"Content-Type": "application/json"}
    plain = await world.api.post(f"{PLAIN}/quotes", content=b'{"kwh": "1"}')
    assert plain.json()["what_to_do"] == "Send it with the header Content-Type: application/json."
    broken = await world.api.post(f"{PLAIN}/quotes", content=b"{", headers=headers)
    assert (broken.status_code, broken.json()["where"]) == (422, "the body")
    for content in (b"\xff", b"[" * 40_000, b'{"kwh": ' + b"1" * 5_000 + b"}"):
        broken = await world.api.post(f"{PLAIN}/quotes", content=content, headers=headers)
        assert broken.headers["content-type"] == "application/problem+json"
        assert (broken.status_code, broken.json()["where"]) == (422, "the body")
    for path in ("/orders?cursor=x", "/orders?cursor=WzEsMl0", "/orders?cursor=WyJub3ciLCAieCJd"):
        assert (await world.get(path)).json()["where"] == "query.cursor", path
    search = await world.found()
    for cursor in ("WyJVU0QiLCAieCIsICJ4Il0", "WyJVU0QiLCAiTmFOIiwgIngiXQ", "WyJ4Il0"):
        refused = await world.get(f"/searches/{search['id']}?cursor={cursor}")
        assert refused.status_code == 422, cursor


async def test_orders_are_listed_page_by_page_the_latest_first(world: MarketWorld) -> None:
    ids = []
    for _ in range(3):
        ids.append((await world.bought("1"))["id"])
        world.clock.advance(world.desk.buyer.correspondent.request_ttl)
    first = (await world.get("/orders?limit=2")).json()
    assert [order["id"] for order in first["items"]] == [ids[2], ids[1]]
    rest = (await world.get(f"/orders?limit=2&cursor={first['next']}")).json()
    assert ([order["id"] for order in rest["items"]], rest["next"]) == ([ids[0]], None)
    assert len((await world.get("/orders?status=active")).json()["items"]) == 3
    assert (await world.get("/orders?status=held")).json()["items"] == []
    since = first["items"][0]["updated_at"]
    assert [order["id"] for order in (await world.get(f"/orders?since={since}")).json()["items"]] == [ids[2]]


async def test_changes_are_events_in_their_order(world: MarketWorld) -> None:
    order = await world.bought()
    async with world.uow_factory() as uow:
        rows = await uow.connection.execute(select(market_events).order_by(market_events.c.sequence))
        told = [(row.type, row.data["about"], row.data["status"]) for row in rows]
    assert told == [
        ("search.updated", "search", "done"),
        ("quote.updated", "quote", "ready"),
        ("order.updated", "order", "held"),
        ("order.updated", "confirm", "active"),
    ]
    stream = MarketStream(
        uow_factory=world.uow_factory,
        hub=world.desk.buyer.hub,
        account=Account(holder="configured").key,
        thread_id=order["id"],
        after=0,
    )
    chunks = stream.chunks()
    assert await anext(chunks) == b": listening\nid: 0\n\n"  # where to go on, should it break off now
    events = [(await anext(chunks)).decode() for _ in range(3)]
    assert [event.splitlines()[0] for event in events] == [
        "event: quote.updated",
        "event: order.updated",
        "event: order.updated",
    ]
    world.desk.buyer.hub.close()
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
