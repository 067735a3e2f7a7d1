"""The way in, over a real socket: how it answers, and what happens when its surroundings fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from protocol.actions import Action
from protocol.signing import FOUR_LINES, THREE_LINES, parse_header
from storage.database import Database
from tests.support.calling import calling
from tests.support.door import (
    BPP_ID,
    CONFIRM,
    LIMIT,
    World,
    check_sentence,
    check_signature,
    seller_at_the_door,
)
from tests.support.official import official_answer_errors
from tests.support.rc_examples import example


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with seller_at_the_door(database, tmp_path) as world:
        yield world


async def test_a_nack_names_the_transaction_as_soon_as_it_can_be_read(world: World) -> None:
    confirm = world.confirm(transaction_id="t-9")
    response = await world.buyer.post(confirm.url, confirm.body, authorization="")
    assert response.json()["transaction_id"] == "t-9"
    response = await world.buyer.post(confirm.url, b"{", authorization="")
    assert response.json()["transaction_id"] == ""


async def test_a_401_says_what_to_sign(world: World) -> None:
    response = await world.buyer.post(world.confirm().url, b"{}", authorization="")
    assert response.headers["WWW-Authenticate"] == f'Signature realm="{BPP_ID}",headers="{THREE_LINES}"'


async def test_every_answer_is_officially_one(world: World, shared: Path) -> None:
    assert shared
    confirm = world.confirm()
    answers = [
        await world.buyer.post(confirm.url, confirm.body),
        await world.buyer.post(confirm.url, confirm.body, authorization=""),
        await world.buyer.post(confirm.url, b"{"),
        await world.buyer.post(f"{world.bpp.url}/beckn/unknown", confirm.body),
    ]
    assert [answer.json()["ack_status"] for answer in answers] == ["ACK", "NACK", "NACK", "NACK"]
    for answer in answers:
        assert official_answer_errors(answer.json()) == []


async def test_an_ack_is_signed_and_bound_to_the_request(world: World) -> None:
    response = await world.buyer.send(Action.CONFIRM, CONFIRM, to=world.bpp.address)
    assert response.json() == {
        "transaction_id": "t-1",
        "timestamp": "2026-06-11T18:00:00Z",
        "ack_status": "ACK",
    }
    assert parse_header(response.headers["Signature"]).headers == FOUR_LINES
    world.buyer.check_signature_of(response, of=world.bpp.signer)


async def test_a_body_that_comes_in_pieces_is_taken(world: World) -> None:
    confirm = world.confirm()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(confirm.body), 1000):
            yield confirm.body[start : start + 1000]
            await asyncio.sleep(0)

    async with calling() as client:
        headers = {"Authorization": world.buyer.sign(confirm.body)}
        response = await client.post(confirm.url, content=pieces(), headers=headers)
    assert response.status_code == 200
    (received,), _ = await world.rows()
    assert received["body"] == confirm.body


async def test_a_body_that_comes_in_one_piece_without_its_length_is_measured_too(world: World) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b" " * (LIMIT + 1), "more_body": False}

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": "/beckn/confirm", "headers": []}
    await world.bpp.participant.ingress(scope, receive, send)
    assert sent[0]["status"] == 413


async def test_a_repeat_gets_the_first_answer_even_later(world: World) -> None:
    confirm = world.confirm(ttl="PT5M")
    first = await world.buyer.post(confirm.url, confirm.body)
    world.clock.advance(timedelta(minutes=1))
    second = await world.buyer.post(confirm.url, confirm.body)
    assert second.content == first.content
    assert len((await world.rows())[0]) == 1


async def test_a_discover_may_leave_the_addressee_open(world: World) -> None:
    discover = world.buyer.write(Action.DISCOVER, example("discover")["message"], to=world.bpp.address)
    document = orjson.loads(discover.body)
    del document["context"]["bpp_id"], document["context"]["bpp_uri"]
    assert (await world.buyer.post(discover.url, orjson.dumps(document))).status_code == 200


async def test_with_the_registry_down_nobody_is_believed_and_all_are_asked_to_come_again(
    world: World,
) -> None:
    await world.registry.server.stop()
    confirm = world.confirm()
    response = await world.buyer.post(confirm.url, confirm.body)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    check_sentence(response.json(), path=None)
    check_signature(world, response, signed=True)
    assert await world.rows() == ([], [])
    await world.registry.server.start()
    assert (await world.buyer.post(confirm.url, confirm.body)).status_code == 200


async def test_with_the_database_down_nothing_is_acknowledged(world: World, postgres_url: str) -> None:
    known, lost = world.confirm(message_id="m-1"), world.confirm(message_id="m-2")
    assert (await world.buyer.post(known.url, known.body)).status_code == 200
    server = await asyncpg.connect(postgres_url)
    name = world.database.url.database
    await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    try:
        response = await world.buyer.post(lost.url, lost.body)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.json()["error"]["code"] == "NET_INTERNAL_ERROR"
        check_sentence(response.json(), path=None)
        check_signature(world, response, signed=True)
    finally:
        await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await server.close()
    assert (await world.buyer.post(lost.url, lost.body)).status_code == 200
    assert [row["message_id"] for row in (await world.rows())[0]] == ["m-1", "m-2"]


async def test_what_nobody_foresaw_is_a_signed_500_that_leaks_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(type(world.bpp.participant.ingress.writer), "store", broken)
    response = await world.buyer.send(Action.CONFIRM, CONFIRM, to=world.bpp.address)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "NET_INTERNAL_ERROR")
    assert "42" not in response.text
    check_signature(world, response, signed=True)


async def test_refusals_and_arrivals_are_counted(world: World) -> None:
    confirm = world.confirm()
    for _ in range(3):
        await world.buyer.post(confirm.url, confirm.body)
    await world.buyer.post(confirm.url, confirm.body, authorization="")
    registry = world.bpp.participant.foundation.metrics.registry
    received = "degnode_messages_received_total"
    assert registry.get_sample_value(received, {"action": "confirm", "repeat": "false"}) == 1
    assert registry.get_sample_value(received, {"action": "confirm", "repeat": "true"}) == 2
    refused = {"code": "AUT_SIGNATURE_MISSING"}
    assert registry.get_sample_value("degnode_messages_refused_total", refused) == 1
