"""The way in, over a real socket: what is refused and how, and what is taken exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import orjson
import pytest
import simplejson
from sqlalchemy import select

from kernel.clock import ManualClock
from protocol.actions import Action, Role
from protocol.keys import new_private_key
from protocol.signing import FOUR_LINES, THREE_LINES, Signer, parse_header
from storage.database import Database
from storage.outbox import Outgoing
from storage.tables import inbox, outbox
from tests.support.official_rc import official_answer_errors
from tests.support.participants import (
    RecordingHandler,
    RunningParticipant,
    RunningRegistry,
    all_handlers,
    fresh_database,
    ignore,
    running_participant,
    running_registry,
    stop_all,
)
from tests.support.rc_examples import example
from tests.support.simulated_peer import Received, SimulatedPeer
from tests.support.waiting import eventually

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
LIMIT: Final = 60_000  # bytes
BAP_ID, BPP_ID = "bap.bakery.example", "bpp.sunfield.example"
CONFIRM: Final = example("confirm")["message"]
ON_CONFIRM: Final = example("on_confirm")["message"]

Rows = list[asyncpg.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A BPP that takes messages but handles none, a BAP to write to it, and the registry."""

    bpp: RunningParticipant
    buyer: SimulatedPeer
    stranger: SimulatedPeer
    registry: RunningRegistry
    database: Database
    clock: ManualClock

    def confirm(self, **context: Any) -> Outgoing:
        return self.buyer.write(Action.CONFIRM, CONFIRM, to=self.bpp.address, context=context)

    async def rows(self) -> tuple[Rows, Rows]:
        """Return all that the inbox and the outbox hold."""
        connection = await self.database.raw_connection()
        try:
            return await connection.fetch("TABLE inbox"), await connection.fetch("TABLE outbox")
        finally:
            await connection.close()


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock(NOW)
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(running_registry(database, clock=clock))
        buyer = await stack.enter_async_context(SimulatedPeer(Role.BAP, BAP_ID, clock=clock))
        stranger = await stack.enter_async_context(SimulatedPeer(Role.BAP, "nobody.example", clock=clock))
        await buyer.register(registry.url, token=registry.token)
        bpp = await stack.enter_async_context(
            running_participant(
                role=Role.BPP,
                subscriber_id=BPP_ID,
                database=database,
                registry=registry,
                data_dir=tmp_path,
                clock=clock,
                workers=False,
                max_body_bytes=LIMIT,
            )
        )
        yield World(
            bpp=bpp, buyer=buyer, stranger=stranger, registry=registry, database=database, clock=clock
        )
        await stop_all(registry.server, buyer.server, stranger.server, bpp.server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is posted, and the answer that it must get."""

    name: str
    post: Callable[[World], Awaitable[httpx.Response]]
    status: int
    code: str
    path: str | None = None
    signed: bool = True


async def _with_header(world: World, header: str) -> httpx.Response:
    confirm = world.confirm()
    return await world.buyer.post(confirm.url, confirm.body, authorization=header)


async def _signed_at(world: World, offset: timedelta) -> httpx.Response:
    confirm = world.confirm()
    header = world.buyer.signer.sign(confirm.body, now=NOW + offset, label="BLAKE-512")
    return await world.buyer.post(confirm.url, confirm.body, authorization=header)


async def _changed_byte(world: World) -> httpx.Response:
    confirm = world.confirm()
    body = confirm.body.replace(b'"value": 1.5', b'"value": 9.5', 1)
    if body == confirm.body:
        body = confirm.body.replace(b'"value":1.5', b'"value":9.5', 1)
    assert body != confirm.body
    return await world.buyer.post(confirm.url, body, authorization=world.buyer.sign(confirm.body))


async def _from_stranger(world: World) -> httpx.Response:
    return await world.stranger.send(Action.CONFIRM, CONFIRM, to=world.bpp.address)


async def _with_another_key(world: World) -> httpx.Response:
    confirm = world.confirm()
    signer = Signer(subscriber_id=BAP_ID, key_id="k2", private_key=new_private_key())
    header = signer.sign(confirm.body, now=NOW, label="BLAKE-512")
    return await world.buyer.post(confirm.url, confirm.body, authorization=header)


async def _by_another_key_of_that_name(world: World) -> httpx.Response:
    confirm = world.confirm()
    signer = Signer(subscriber_id=BAP_ID, key_id="k1", private_key=new_private_key())
    header = signer.sign(confirm.body, now=NOW, label="BLAKE-512")
    return await world.buyer.post(confirm.url, confirm.body, authorization=header)


async def _bound_to_nothing(world: World) -> httpx.Response:
    confirm = world.confirm()
    header = world.buyer.sign(confirm.body, request_signature="abc=")
    return await world.buyer.post(confirm.url, confirm.body, authorization=header)


async def _streamed(world: World) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 10_000 + 1):
            yield b" " * 10_000

    async with httpx.AsyncClient() as client:
        return await client.post(f"{world.bpp.url}/beckn/confirm", content=pieces())


async def _get(world: World) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{world.bpp.url}/beckn/confirm")


async def _expired(world: World) -> httpx.Response:
    confirm = world.confirm()
    world.clock.advance(timedelta(seconds=30))
    return await world.buyer.post(confirm.url, confirm.body)


async def _reused(world: World) -> httpx.Response:
    return await world.buyer.post(world.confirm().url, world.confirm(message_id="m-1", ttl="PT9S").body)


def _bytes(body: bytes) -> Callable[[World], Awaitable[httpx.Response]]:
    return lambda world: world.buyer.post(f"{world.bpp.url}/beckn/confirm", body)


def _to(path: str) -> Callable[[World], Awaitable[httpx.Response]]:
    return lambda world: world.buyer.post(world.bpp.url + path, world.confirm().body)


def _context(**changes: Any) -> Callable[[World], Awaitable[httpx.Response]]:
    async def post(world: World) -> httpx.Response:
        confirm = world.confirm(**changes)
        return await world.buyer.post(confirm.url, confirm.body)

    return post


def _order(**changes: Any) -> Callable[[World], Awaitable[httpx.Response]]:
    message = {"order": CONFIRM["order"] | changes}
    return lambda world: world.buyer.send(Action.CONFIRM, message, to=world.bpp.address)


def _deep(levels: int) -> bytes:
    return b'{"context":' + b"[" * levels + b"]" * levels + b"}"


REFUSALS: Final = (
    Refusal(
        name="not signed",
        post=lambda world: _with_header(world, ""),
        status=401,
        code="AUT_SIGNATURE_MISSING",
        path="header Authorization",
        signed=False,
    ),
    Refusal(
        name="signed in an unreadable way",
        post=lambda world: _with_header(world, "Bearer abc"),
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
        signed=False,
    ),
    Refusal(
        name="a signature that is no base64",
        post=lambda world: _with_header(
            world, world.buyer.sign(b"").replace(',signature="', ',signature="%')
        ),
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="a signature of another body",
        post=lambda world: _with_header(world, world.buyer.sign(b"{}")),
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="a signature by another key",
        post=_by_another_key_of_that_name,
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="an expired signature",
        post=lambda world: _signed_at(world, timedelta(minutes=-5)),
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="a signature of the future",
        post=lambda world: _signed_at(world, timedelta(seconds=6)),
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="a changed byte",
        post=_changed_byte,
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="a request that binds a request",
        post=_bound_to_nothing,
        status=401,
        code="AUT_SIGNATURE_INVALID",
        path="header Authorization",
    ),
    Refusal(
        name="an unknown sender",
        post=_from_stranger,
        status=401,
        code="AUT_SUBSCRIBER_NOT_FOUND",
        path="header Authorization, keyId",
    ),
    Refusal(
        name="an unknown key",
        post=_with_another_key,
        status=401,
        code="AUT_KEY_NOT_FOUND",
        path="header Authorization, keyId",
    ),
    Refusal(
        name="a body that says it is too large",
        post=_bytes(b" " * (LIMIT + 1)),
        status=413,
        code="POL_GENERIC_ERROR",
        path="$",
        signed=False,  # it is refused before the header is looked at
    ),
    Refusal(
        name="a body that turns out too large",
        post=_streamed,
        status=413,
        code="POL_GENERIC_ERROR",
        path="$",
        signed=False,
    ),
    Refusal(name="broken JSON", post=_bytes(b'{"context":'), status=400, code="SCH_INVALID_JSON", path="$"),
    Refusal(name="an empty body", post=_bytes(b""), status=400, code="SCH_INVALID_JSON", path="$"),
    Refusal(name="a JSON array", post=_bytes(b"[]"), status=400, code="SCH_INVALID_JSON", path="$"),
    Refusal(name="a bottomless pit", post=_bytes(_deep(9000)), status=400, code="SCH_INVALID_JSON", path="$"),
    Refusal(
        name="a character that cannot be kept",
        post=_order(**{"beckn:orderNumber": "a\x00b"}),
        status=400,
        code="SCH_INVALID_JSON",
        path="$",
    ),
    Refusal(name="no context", post=_bytes(b"{}"), status=400, code="CTX_MISSING_FIELD", path="$.context"),
    Refusal(
        name="no message id",
        post=_context(message_id=""),
        status=400,
        code="CTX_MISSING_FIELD",
        path="$.context.message_id",
    ),
    Refusal(
        name="a line break in an id",
        post=_context(transaction_id="a\nb"),
        status=400,
        code="CTX_INVALID_FIELD",
        path="$.context.transaction_id",
    ),
    Refusal(
        name="the wrong action for the path",
        post=_to("/beckn/init"),
        status=400,
        code="CTX_ACTION_MISMATCH",
        path="$.context.action",
    ),
    Refusal(
        name="an unknown path",
        post=_to("/beckn/confrim"),
        status=404,
        code="NET_NOT_IMPLEMENTED",
        path="/beckn/confrim",
        signed=False,
    ),
    Refusal(
        name="a path of the other role",
        post=_to("/beckn/on_confirm"),
        status=404,
        code="NET_NOT_IMPLEMENTED",
        path="/beckn/on_confirm",
        signed=False,
    ),
    Refusal(
        name="GET",
        post=_get,
        status=404,
        code="NET_NOT_IMPLEMENTED",
        path="/beckn/confirm",
        signed=False,
    ),
    Refusal(
        name="another version",
        post=_context(version="1.1.0"),
        status=400,
        code="CTX_VERSION_UNSUPPORTED",
        path="$.context.version",
    ),
    Refusal(
        name="a sender who did not sign",
        post=_context(bap_id="bap.other.example"),
        status=401,
        code="AUT_UNAUTHORIZED_ACTION",
        path="$.context.bap_id",
    ),
    Refusal(
        name="a message for somebody else",
        post=_context(bpp_id="bpp.other.example"),
        status=400,
        code="CTX_INVALID_FIELD",
        path="$.context.bpp_id",
    ),
    Refusal(
        name="a callback address of somebody else",
        post=_context(bap_uri="https://victim.example"),
        status=400,
        code="CTX_INVALID_FIELD",
        path="$.context.bap_uri",
    ),
    Refusal(
        name="a message that breaks its schema",
        post=_order(**{"beckn:orderStatus": "HOPED_FOR", "beckn:seller": 7}),
        status=400,
        code="SCH_SCHEMA_VALIDATION_FAILED",
        path="$.message.order",
    ),
    Refusal(
        name="a message without its order",
        post=lambda world: world.buyer.send(Action.CONFIRM, {}, to=world.bpp.address),
        status=400,
        code="SCH_SCHEMA_VALIDATION_FAILED",
        path="$.message.order",
    ),
    Refusal(
        name="an expired message", post=_expired, status=400, code="CTX_TTL_EXPIRED", path="$.context.ttl"
    ),
    Refusal(
        name="a message of the future",
        post=_context(timestamp="2026-06-11T18:00:06Z"),
        status=400,
        code="CTX_INVALID_FIELD",
        path="$.context.timestamp",
    ),
    Refusal(
        name="a message id used again",
        post=_reused,
        status=409,
        code="CTX_MESSAGE_ID_DUPLICATE",
        path="$.context.message_id",
    ),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
async def test_what_is_wrong_is_refused_with_a_signed_reason_and_leaves_no_row(
    world: World, refusal: Refusal
) -> None:
    known = world.confirm(message_id="m-1")
    assert (await world.buyer.post(known.url, known.body)).status_code == 200
    before = await world.rows()
    response = await refusal.post(world)
    assert (response.status_code, response.json()["error"]["code"]) == (refusal.status, refusal.code)
    _check_sentence(response.json(), path=refusal.path)
    _check_signature(world, response, signed=refusal.signed)
    assert ("WWW-Authenticate" in response.headers) == (refusal.status == 401)
    assert "Retry-After" not in response.headers
    assert await world.rows() == before


def _check_sentence(answer: Mapping[str, Any], *, path: str | None) -> None:
    assert set(answer) == {"transaction_id", "timestamp", "ack_status", "error"}
    assert answer["ack_status"] == "NACK"
    assert len(answer["error"]["message"].split()) >= 3
    if path is not None:
        assert answer["error"]["details"]["path"].startswith(path)


def _check_signature(world: World, response: httpx.Response, *, signed: bool) -> None:
    header = parse_header(response.headers["Signature"])
    assert (header.subscriber_id, header.headers) == (BPP_ID, FOUR_LINES if signed else THREE_LINES)
    if not signed:
        response.request.headers.pop("Authorization", None)
    world.buyer.check_signature_of(response, of=world.bpp.signer)


async def test_a_nack_names_the_transaction_as_soon_as_it_can_be_read(world: World) -> None:
    confirm = world.confirm(transaction_id="t-9")
    response = await world.buyer.post(confirm.url, confirm.body, authorization="")
    assert response.json()["transaction_id"] == "t-9"
    response = await world.buyer.post(confirm.url, b"{", authorization="")
    assert response.json()["transaction_id"] == ""


async def test_a_401_says_what_to_sign(world: World) -> None:
    response = await _with_header(world, "")
    assert response.headers["WWW-Authenticate"] == f'Signature realm="{BPP_ID}",headers="{THREE_LINES}"'


async def test_every_answer_is_officially_one(world: World, shared: Path) -> None:
    assert shared
    confirm = world.confirm()
    answers = [
        await world.buyer.post(confirm.url, confirm.body),
        await world.buyer.post(confirm.url, confirm.body, authorization=""),
        await world.buyer.post(confirm.url, b"{"),
        await _get(world),
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

    async with httpx.AsyncClient() as client:
        headers = {"Authorization": world.buyer.sign(confirm.body)}
        response = await client.post(confirm.url, content=pieces(), headers=headers)
    assert response.status_code == 200
    (received,), _ = await world.rows()
    assert received["body"] == confirm.body


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
    _check_sentence(response.json(), path=None)
    _check_signature(world, response, signed=True)
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
        _check_sentence(response.json(), path=None)
        _check_signature(world, response, signed=True)
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
    _check_signature(world, response, signed=True)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A BAP and a BPP at full work, and a seller and a buyer that are only simulated."""

    bap: RunningParticipant
    bpp: RunningParticipant
    seller: SimulatedPeer
    buyer: SimulatedPeer
    confirms: RecordingHandler
    callbacks: RecordingHandler


@pytest.fixture
async def pair(
    database: Database, postgres_url: str, template_url: str, tmp_path: Path
) -> AsyncIterator[Pair]:
    confirms, callbacks = RecordingHandler(ON_CONFIRM), RecordingHandler()
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(fresh_database(postgres_url, template_url))
        registry = await stack.enter_async_context(running_registry(database))
        seller = await stack.enter_async_context(SimulatedPeer(Role.BPP, "bpp.simulated.example"))
        buyer = await stack.enter_async_context(SimulatedPeer(Role.BAP, "bap.simulated.example"))
        for peer in (seller, buyer):
            await peer.register(registry.url, token=registry.token)
        bpp = await stack.enter_async_context(
            running_participant(
                role=Role.BPP,
                subscriber_id=BPP_ID,
                database=database,
                registry=registry,
                data_dir=tmp_path,
                handlers=all_handlers(Role.BPP, ignore, {Action.CONFIRM: confirms}),
            )
        )
        bap = await stack.enter_async_context(
            running_participant(
                role=Role.BAP,
                subscriber_id=BAP_ID,
                database=other,
                registry=registry,
                data_dir=tmp_path,
                handlers=all_handlers(Role.BAP, callbacks),
            )
        )
        yield Pair(bap=bap, bpp=bpp, seller=seller, buyer=buyer, confirms=confirms, callbacks=callbacks)
        await stop_all(registry.server, seller.server, buyer.server, bpp.server, bap.server)


async def test_fifty_copies_at_once_get_one_answer_one_effect_and_one_callback(pair: Pair) -> None:
    confirm = pair.buyer.write(Action.CONFIRM, CONFIRM, to=pair.bpp.address)
    header = pair.buyer.sign(confirm.body)
    responses = await asyncio.gather(
        *(pair.buyer.post(confirm.url, confirm.body, authorization=header) for _ in range(50))
    )
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    for response in responses:
        pair.buyer.check_signature_of(response, of=pair.bpp.signer)
    (callback,) = await pair.buyer.wait_for(Action.ON_CONFIRM)
    await eventually(lambda: _states(pair.bpp), ["handled", "delivered"])
    assert callback.message_id == confirm.message_id
    assert len(pair.confirms.handled) == len(pair.buyer.received) == 1


async def test_a_bap_and_a_bpp_understand_each_other_in_four_lines(pair: Pair) -> None:
    message_id = await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.bpp.address)
    await eventually(lambda: _states(pair.bap), ["handled", "delivered"])
    (callback,) = pair.callbacks.handled
    assert (callback.action, callback.context.message_id) == (Action.ON_CONFIRM, message_id)
    assert callback.message == simplejson.loads(simplejson.dumps(ON_CONFIRM), use_decimal=True)
    async with pair.bap.uow_factory() as uow:
        header = (await uow.connection.execute(select(inbox.c.authorization))).scalar_one()
        sent = (await uow.connection.execute(select(outbox.c.authorizations))).scalar_one()
    assert parse_header(header).headers == FOUR_LINES
    assert pair.confirms.handled[0].request_signature == parse_header(sent[0]).signature


async def test_a_simulated_seller_may_bind_its_callback_or_not(pair: Pair) -> None:
    await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    (request,) = await pair.seller.wait_for(Action.CONFIRM)
    bound = await pair.seller.answer(request, ON_CONFIRM, to=pair.bap.address)
    unbound = await pair.seller.send(Action.ON_STATUS, example("on_status")["message"], to=pair.bap.address)
    assert (bound.status_code, unbound.status_code) == (200, 200)
    pair.seller.check_signature_of(bound, of=pair.bap.signer)
    pair.seller.check_signature_of(unbound, of=pair.bap.signer)


async def test_a_callback_that_binds_a_request_which_was_never_sent_is_refused(pair: Pair) -> None:
    stray = pair.buyer.write(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    request = Received(action=Action.CONFIRM, body=stray.body, authorization=pair.buyer.sign(stray.body))
    response = await pair.seller.answer(request, ON_CONFIRM, to=pair.bap.address)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUT_SIGNATURE_INVALID")


async def test_a_callback_that_binds_another_signature_than_the_requests_is_refused(pair: Pair) -> None:
    await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    (request,) = await pair.seller.wait_for(Action.CONFIRM)
    forged = replace(request, authorization=pair.buyer.sign(request.body))
    response = await pair.seller.answer(forged, ON_CONFIRM, to=pair.bap.address)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUT_SIGNATURE_INVALID")


async def _states(node: RunningParticipant) -> list[str]:
    async with node.uow_factory() as uow:
        return [
            state
            for table in (inbox, outbox)
            for state in (await uow.connection.execute(select(table.c.state))).scalars()
        ]
