"""The buyer's API on a real PostgreSQL: requests out, callbacks back, and what is told of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from fastapi import FastAPI, Request, Response
from sqlalchemy import delete, select

from bap.call_request import parse_call_request
from bap.examples import CALLBACKS, REQUESTS, SELLER_PLATFORM
from bap.tables import bap_calls, bap_messages, bap_transactions
from node.api_keys import HEADER
from node.correspondence import Peer
from protocol.actions import TRADE, Action
from protocol.errors import RegistryUnavailable, WireError
from protocol.signing import digest
from schemas.validation import schema_set
from storage.database import Database
from storage.inbox import Inbox
from storage.inbox_writer import Arrival, InboxWriter
from storage.tables import outbox
from tests.support.buyer_world import NOW, BuyerWorld, buyer_world, count, deliver_all, order, to_json
from tests.support.loopback_server import LoopbackServer


@pytest.fixture
async def world(database: Database) -> AsyncIterator[BuyerWorld]:
    async with buyer_world(database) as running:
        yield running


def exact(text: str | bytes) -> Any:
    return simplejson.loads(text, use_decimal=True)


async def rows_of(world: BuyerWorld) -> list[int]:
    async with world.uow_factory() as uow:
        return [await count(uow, table) for table in (bap_calls, bap_messages, bap_transactions, outbox)]


@pytest.mark.parametrize("action", [exchange.request for exchange in TRADE])
async def test_every_request_is_accepted_and_put_in_the_outbox(world: BuyerWorld, action: Action) -> None:
    response = await world.send(action, REQUESTS[action])
    assert response.status_code == 202
    sent = response.json()
    status_url = f"/api/v1/transactions/{sent['transaction_id']}"
    assert sent == {
        "transaction_id": sent["transaction_id"],
        "message_id": sent["message_id"],
        "action": action.value,
        "status_url": status_url,
        "events_url": f"{status_url}/events",
        "waited": False,
    }
    assert response.headers["location"] == status_url
    request = await world.seller.request(sent["message_id"])
    assert (request.action, request.transaction_id) == (action, sent["transaction_id"])
    assert request.message == REQUESTS[action]["message"]
    assert await rows_of(world) == [1, 1, 1, 1]


async def test_a_waiting_call_gets_the_callback_that_comes_meanwhile(world: BuyerWorld) -> None:
    waiting = asyncio.create_task(world.send(Action.SELECT, REQUESTS[Action.SELECT], wait=30))
    message_id = await _first_message_id(world)
    await world.seller.answer(message_id, CALLBACKS[Action.ON_SELECT])
    response = await waiting
    assert response.status_code == 200
    answer = exact(response.content)
    assert list(answer) == ["transaction_id", "message_id", "action", "context", "message"]
    assert (answer["message_id"], answer["action"]) == (message_id, "on_select")
    assert answer["context"]["bpp_id"] == SELLER_PLATFORM
    assert answer["message"] == CALLBACKS[Action.ON_SELECT]


async def test_a_waiting_call_gets_the_refusal_that_a_callback_carries(world: BuyerWorld) -> None:
    waiting = asyncio.create_task(world.send(Action.INIT, REQUESTS[Action.INIT], wait=30))
    refusal = WireError(code="BIZ_QUANTITY_UNAVAILABLE", message="5 kWh are left")
    await world.seller.answer(await _first_message_id(world), refusal)
    response = await waiting
    assert response.status_code == 200
    assert response.json()["error"] == {"code": "BIZ_QUANTITY_UNAVAILABLE", "message": "5 kWh are left"}
    assert "message" not in response.json()


async def test_a_call_that_waits_in_vain_says_so(world: BuyerWorld) -> None:
    response = await world.send(Action.SELECT, REQUESTS[Action.SELECT], wait=0.05)
    assert response.status_code == 202
    assert response.json()["waited"] is True
    assert world.buyer.hub.waiting == 0


@pytest.mark.parametrize("wait", ["0", "-1", "60.5", "soon"])
async def test_a_wait_out_of_bounds_sends_nothing(world: BuyerWorld, wait: str) -> None:
    response = await world.send(Action.SELECT, REQUESTS[Action.SELECT], wait=wait)
    assert response.status_code == 422
    assert response.json()["error"]["details"]["path"] == "query wait"
    assert await rows_of(world) == [0, 0, 0, 0]


async def test_a_waiting_call_tells_a_peers_refusal_as_the_peers(world: BuyerWorld) -> None:
    async with LoopbackServer(_refusing_platform()) as platform:
        body = REQUESTS[Action.CONFIRM] | {"bpp_uri": platform.url}
        waiting = asyncio.create_task(world.send(Action.CONFIRM, body, wait=30))
        await _first_message_id(world)
        await deliver_all(world.delivery())
        response = await waiting
    assert response.status_code == 502
    told = response.json()
    assert told["error"]["code"] == "NET_CALLBACK_FAILED"
    assert told["error"]["message"].startswith("the peer refused: ")
    assert told["peer_error"] == {"code": "SCH_REQUIRED_FIELD_MISSING", "message": "no payment"}
    view = (await world.api.get(told["status_url"])).json()
    (message,) = view["messages"]
    assert (message["state"], message["error"]["code"]) == ("undelivered", "SCH_REQUIRED_FIELD_MISSING")
    assert message["explanation"].startswith(f"no callback will come: {SELLER_PLATFORM} refused it")
    assert (message["delivery"]["state"], message["delivery"]["last_status"]) == ("refused", 400)


async def test_a_waiting_call_tells_that_a_peer_could_not_be_reached(world: BuyerWorld) -> None:
    body = REQUESTS[Action.SELECT] | {"bpp_uri": "http://127.0.0.1:9"}  # the port of discard, closed
    waiting = asyncio.create_task(world.send(Action.SELECT, body, wait=30))
    await _first_message_id(world)
    world.clock.advance(timedelta(seconds=31))
    await deliver_all(world.delivery())
    response = await waiting
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    assert response.json()["error"]["message"].startswith("the peer could not be reached: ")


async def test_a_message_that_breaks_its_schema_is_not_sent(world: BuyerWorld) -> None:
    message = {"order": REQUESTS[Action.SELECT]["message"]["order"] | {"beckn:orderStatus": "HOPED_FOR"}}
    del message["order"]["beckn:seller"]
    response = await world.send(Action.SELECT, {"bpp_id": SELLER_PLATFORM, "message": message})
    assert response.status_code == 422
    refusal = response.json()
    assert refusal["error"]["code"] == "SCH_SCHEMA_VALIDATION_FAILED"
    assert refusal["error"]["message"].startswith("not sent: ")
    found = {violation["path"]: violation for violation in refusal["violations"]}
    assert found["$.message.order['beckn:seller']"]["rule"] == "required"
    assert found["$.message.order['beckn:orderStatus']"]["rule"] == "enum"
    assert "CREATED" in found["$.message.order['beckn:orderStatus']"]["hint"]
    assert refusal["error"]["details"]["path"] in found
    assert await rows_of(world) == [0, 0, 0, 0]


async def test_an_attribute_bag_that_breaks_its_bundle_is_not_sent(world: BuyerWorld) -> None:
    sent = order(Action.ON_INIT, contractedQuantity=-1)
    response = await world.send(Action.INIT, {"bpp_id": SELLER_PLATFORM, "message": sent})
    assert response.status_code == 422
    path = "$.message.order['beckn:orderAttributes'].contractedQuantity"
    assert response.json()["error"]["details"]["path"] == path


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "SCH_INVALID_JSON"),
        (b"\xff", 400, "SCH_INVALID_JSON"),
        (b'{"message": NaN}', 400, "SCH_INVALID_JSON"),
        (b'{"message": {"text_search": "\\ud800"}}', 400, "SCH_INVALID_JSON"),
        (b"[" * 50_000, 400, "SCH_INVALID_JSON"),
        (b'{"message": ' + b"9" * 5_000 + b"}", 400, "SCH_INVALID_JSON"),
        (b'"' + b"x" * 100_000 + b'"', 413, "POL_GENERIC_ERROR"),
        (b"[]", 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        (b'{"message": {"text_search": "sun"}}', 422, "CTX_MISSING_FIELD"),
        (
            b'{"message": {"text_search": "sun"}, "bpp_id": "nobody.example"}',
            422,
            "AUT_SUBSCRIBER_NOT_FOUND",
        ),
        (b'{"message": {}, "bpp_id": "a\\u0000b"}', 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        (b'{"message": {}, "bpp_id": "a\\u000fb"}', 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        (b'{"message": {}, "bpp_id": "\\u00c6"}', 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        (
            b'{"message": {}, "bpp_id": "a", "bpp_uri": "http://me:secret@a.example"}',
            422,
            "SCH_SCHEMA_VALIDATION_FAILED",
        ),
    ],
)
async def test_a_body_that_cannot_be_served_is_refused_in_words(
    world: BuyerWorld, body: bytes, status: int, code: str
) -> None:
    response = await world.api.post("/api/v1/discover", content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"]
    assert await rows_of(world) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("action", "hint"),
    [
        ("on_select", "POST /api/v1/select asks for it"),
        ("selct", "Did you mean select?"),
        ("settle-up-now", "There are discover, select, init"),
    ],
)
async def test_an_unknown_action_is_refused_with_the_known_ones(
    world: BuyerWorld, action: str, hint: str
) -> None:
    response = await world.api.post(f"/api/v1/{action}", content=b"{}")
    assert response.status_code == 404
    assert hint in response.json()["error"]["details"]["hint"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/select"),
        ("POST", "/api/v1/anything"),
        ("GET", "/api/v1/transactions"),
        ("GET", "/api/v1/transactions/t-1"),
        ("GET", "/api/v1/transactions/t-1/events"),
        ("GET", "/api/v1/events"),
    ],
)
@pytest.mark.parametrize("key", ["", "dgn_wrong"])
async def test_nothing_is_told_or_done_without_a_key(
    world: BuyerWorld, method: str, path: str, key: str
) -> None:
    headers = {HEADER: key}
    response = await world.api.request(
        method, path, headers=headers, content=to_json(REQUESTS[Action.SELECT])
    )
    assert response.status_code == 401
    assert await rows_of(world) == [0, 0, 0, 0]


async def test_numbers_survive_the_whole_way_digit_by_digit(world: BuyerWorld) -> None:
    message = order(Action.ON_INIT, contractedQuantity=Decimal("0.1000000000000000055511151231257827"))
    message["order"]["beckn:orderItems"][0]["beckn:quantity"]["unitQuantity"] = Decimal("10.0")
    message["order"]["beckn:orderValue"]["value"] = Decimal("12345678901234567890.123")
    body = {"bpp_id": SELLER_PLATFORM, "message": message}
    sent = (await world.send(Action.INIT, body)).json()
    request = await world.seller.request(sent["message_id"])
    for text in ("0.1000000000000000055511151231257827", "10.0", "12345678901234567890.123"):
        assert text.encode() in request.raw
    await world.seller.answer(sent["message_id"], request.message)
    response = await world.api.get(sent["status_url"], params={"documents": True})
    view = exact(response.content)
    assert view["contract"]["contractedQuantity"] == Decimal("0.1000000000000000055511151231257827")
    quantity = view["order"]["beckn:orderItems"][0]["beckn:quantity"]["unitQuantity"]
    assert isinstance(quantity, Decimal)
    assert str(quantity) == "10.0"
    assert view["bill"]["order_value"]["value"] == Decimal("12345678901234567890.123")
    assert [message["document"]["message"] for message in view["messages"]] == [request.message] * 2


async def test_a_transaction_shows_contract_bill_delivery_and_messages(world: BuyerWorld) -> None:
    sent = (await world.send(Action.CONFIRM, REQUESTS[Action.CONFIRM])).json()
    await world.seller.answer(sent["message_id"], CALLBACKS[Action.ON_CONFIRM])
    world.clock.advance(timedelta(hours=30))
    transaction_id = sent["transaction_id"]
    await world.seller.tell(Action.ON_STATUS, CALLBACKS[Action.ON_STATUS], transaction_id=transaction_id)
    view = exact((await world.api.get(sent["status_url"])).content)
    assert (view["bpp_id"], view["order_id"]) == (SELLER_PLATFORM, "order-7f3a")
    assert (view["order_status"], view["contract_status"]) == ("COMPLETED", "COMPLETED")
    assert view["contract"]["sourceMeterId"] == "5F1A0001"
    assert view["delivery"]["deliveredQuantity"] == Decimal("10.0")
    (cycle,) = view["bill"]["billing_cycles"]
    assert cycle["totalAmount"] == Decimal("4.00")
    assert [(line["title"], line["amount"]) for line in cycle["lineItems"]] == [
        ("Energy Cost", Decimal("1.50")),
        ("Wheeling Charges", Decimal("2.50")),
    ]
    assert [cycle["status"] for cycle in view["bill"]["settlement_cycles"]] == ["SETTLED"]
    assert [(m["direction"], m["action"], m["state"]) for m in view["messages"]] == [
        ("out", "confirm", "answered"),
        ("in", "on_confirm", "taken"),
        ("in", "on_status", "taken"),
    ]
    assert view["messages"][0]["explanation"] == "answered by on_confirm"


async def test_a_request_without_an_answer_is_explained(world: BuyerWorld) -> None:
    sent = (await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()
    (message,) = (await world.api.get(sent["status_url"])).json()["messages"]
    assert message["state"] == "sent"
    assert message["explanation"] == f"waiting to be sent to {SELLER_PLATFORM}"
    assert message["delivery"] == {
        "state": "pending",
        "attempts": 0,
        "last_status": None,
        "last_error": None,
        "due_at": "2026-06-11T18:00:00Z",
        "url": "https://bpp.sunfield.example/beckn/select",
    }


async def test_callbacks_that_were_not_taken_are_shown_with_the_reason(
    world: BuyerWorld, database: Database
) -> None:
    sent = (await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()
    writer = InboxWriter(database)
    writer.start()
    for number in range(3):
        await writer.store(
            Arrival(
                profile="v2_rc",
                action="on_select",
                sender=SELLER_PLATFORM,
                message_id=f"m-{number}",
                transaction_id=sent["transaction_id"],
                body=b"{}",
                body_digest=digest(b"{}"),
                authorization="Signature …",
                received_at=NOW + timedelta(seconds=number),
            )
        )
    await writer.stop()
    for end in ("refuse", "fail"):
        async with world.uow_factory() as uow:
            (claimed,) = await Inbox(uow.connection).claim(now=NOW, lease=timedelta(seconds=30), limit=1)
            if end == "refuse":
                await Inbox(uow.connection).mark_handled(claimed, now=NOW, refusal="nothing was asked")
            else:
                await Inbox(uow.connection).mark_failed(claimed, now=NOW, error="broken")
    view = (await world.api.get(sent["status_url"])).json()
    assert [(m["message_id"], m["state"], m["explanation"]) for m in view["messages"][1:]] == [
        ("m-0", "refused", "arrived and was not taken: nothing was asked"),
        ("m-1", "failed", "arrived, but this node failed on it: broken"),
        ("m-2", "waiting", "arrived and not looked at yet"),
    ]


async def test_a_call_is_told_of_even_when_its_outbox_row_is_gone(world: BuyerWorld) -> None:
    sent = (await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()
    async with world.uow_factory() as uow:
        await uow.connection.execute(delete(outbox))
    (message,) = (await world.api.get(sent["status_url"])).json()["messages"]
    assert (message["state"], message["delivery"]) == ("sent", None)
    assert "no longer on record" in message["explanation"]


async def test_a_registry_that_cannot_be_asked_is_told_as_such(world: BuyerWorld) -> None:
    async def find_peer(_subscriber_id: str) -> Peer:
        raise RegistryUnavailable("the registry does not answer")

    buyer = replace(world.buyer, find_peer=find_peer)
    with pytest.raises(RegistryUnavailable):
        await buyer.send(Action.SELECT, parse_call_request(REQUESTS[Action.SELECT]), requested_by="test")
    assert await rows_of(world) == [0, 0, 0, 0]


async def test_an_unknown_transaction_is_told_as_unknown(world: BuyerWorld) -> None:
    for transaction_id in ("t-1", "%00"):
        response = await world.api.get(f"/api/v1/transactions/{transaction_id}")
        assert response.status_code == 404
        assert "/api/v1/transactions" in response.json()["error"]["details"]["hint"]
        assert (await world.api.get(f"/api/v1/transactions/{transaction_id}/events")).status_code == 404


async def test_transactions_are_listed_by_page_the_latest_first(world: BuyerWorld) -> None:
    ids = []
    for _ in range(3):
        ids.append((await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()["transaction_id"])
        world.clock.advance(timedelta(seconds=1))
    page = (await world.api.get("/api/v1/transactions", params={"limit": 2})).json()
    assert [entry["transaction_id"] for entry in page["transactions"]] == [ids[2], ids[1]]
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 0)
    page = (await world.api.get("/api/v1/transactions", params={"limit": 2, "offset": 2})).json()
    assert [entry["transaction_id"] for entry in page["transactions"]] == [ids[0]]


async def test_a_transaction_with_an_order_stays_with_its_platform(world: BuyerWorld) -> None:
    sent = (await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()
    await world.seller.answer(sent["message_id"], CALLBACKS[Action.ON_SELECT])
    before = await rows_of(world)
    elsewhere = {"bpp_id": "bpp.other.example", "bpp_uri": "https://bpp.other.example"}
    body = REQUESTS[Action.INIT] | elsewhere | {"transaction_id": sent["transaction_id"]}
    response = await world.send(Action.INIT, body)
    assert (response.status_code, response.json()["error"]["details"]["path"]) == (409, "$.transaction_id")
    assert await rows_of(world) == before
    again = REQUESTS[Action.INIT] | {"transaction_id": sent["transaction_id"]}
    assert (await world.send(Action.INIT, again)).status_code == 202


async def test_the_documentation_has_a_valid_example_for_every_action(world: BuyerWorld) -> None:
    paths = (await world.api.get("/openapi.json")).json()["paths"]
    for action, callback in ((exchange.request, exchange.callback) for exchange in TRADE):
        described = paths[f"/api/v1/{action}"]["post"]
        assert described["security"]
        examples = described["requestBody"]["content"]["application/json"]["examples"]
        response = await world.send(action, examples[action.value]["value"])
        assert response.status_code == 202, response.text
        request = await world.seller.request(response.json()["message_id"])
        assert schema_set("v2_rc").violations(action.value, exact(request.raw)) == []
        shown = described["responses"]["200"]["content"]["application/json"]["example"]
        context = simplejson.loads(request.raw)["context"] | {"action": callback.value}
        callback_document = {"context": context, "message": shown["message"]}
        assert schema_set("v2_rc").violations(callback.value, callback_document) == []


async def _first_message_id(world: BuyerWorld) -> str:
    """Return the message id of the first request as soon as somebody waits for its answer."""
    while True:
        async with world.uow_factory() as uow:
            found = await uow.connection.execute(select(bap_calls.c.message_id))
            if (message_id := found.scalar()) is not None and world.buyer.hub.waiting:
                return str(message_id)
        await asyncio.sleep(0.01)


def _refusing_platform() -> FastAPI:
    platform = FastAPI()

    @platform.post("/beckn/{action}")
    async def refuse(request: Request) -> Response:
        context = (await request.json())["context"]
        body = {
            "transaction_id": context["transaction_id"],
            "ack_status": "NACK",
            "error": {"code": "SCH_REQUIRED_FIELD_MISSING", "message": "no payment"},
        }
        return Response(to_json(body), status_code=400, media_type="application/json")

    return platform
