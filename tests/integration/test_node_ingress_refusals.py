"""The way in, over a real socket: whatever is wrong is refused with its reason and leaves no row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from protocol.actions import Action
from protocol.keys import new_private_key
from protocol.signing import Signer
from storage.database import Database
from tests.support.calling import calling
from tests.support.door import (
    BAP_ID,
    CONFIRM,
    LIMIT,
    NOW,
    World,
    check_sentence,
    check_signature,
    seller_at_the_door,
)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with seller_at_the_door(database, tmp_path) as world:
        yield world


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

    async with calling() as client:
        return await client.post(f"{world.bpp.url}/beckn/confirm", content=pieces())


def _as(**headers: str) -> Callable[[World], Awaitable[httpx.Response]]:
    async def post(world: World) -> httpx.Response:
        confirm = world.confirm()
        authorization = world.buyer.sign(confirm.body)
        sent = {"Authorization": authorization, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with calling() as client:
            return await client.post(confirm.url, content=confirm.body, headers=sent)

    return post


async def _get(world: World) -> httpx.Response:
    async with calling() as client:
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
        name="another media type",
        post=_as(content_type="text/plain"),
        status=415,
        code="SCH_TYPE_NOT_SUPPORTED",
        path="header Content-Type",
        signed=False,
    ),
    Refusal(
        name="a compressed body",
        post=_as(content_encoding="gzip"),
        status=415,
        code="SCH_TYPE_NOT_SUPPORTED",
        path="header Content-Type",
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
    check_sentence(response.json(), path=refusal.path)
    check_signature(world, response, signed=refusal.signed)
    assert ("WWW-Authenticate" in response.headers) == (refusal.status == 401)
    assert "Retry-After" not in response.headers
    assert await world.rows() == before
