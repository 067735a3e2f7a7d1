"""Events are posted to apps, signed, until they are taken; nobody is told of another's."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bap.market.tables import market_deliveries, market_webhooks
from bap.market.webhook_post import WAITS
from protocol.profile import V2_RC
from storage.database import Database
from tests.support.loopback_server import LoopbackServer
from tests.support.market_world import MarketWorld, market_world

Json = dict[str, Any]


class AppServer:
    """An app's server: keeps what is posted and answers with the statuses it is told, then with 204."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.before: Callable[[], Awaitable[object]] | None = None
        self.server = LoopbackServer(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.posts.append((dict(request.headers), await request.body()))
        if self.before is not None:
            await self.before()
        status = self.statuses.pop(0) if self.statuses else 204
        await Response(status_code=status)(scope, receive, send)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[MarketWorld]:
    async with market_world(database, profile=V2_RC) as running:
        yield running


@pytest.fixture
async def app() -> AsyncIterator[AppServer]:
    server = AppServer()
    async with server.server:
        yield server


async def hooked(world: MarketWorld, app: AppServer, *events: str, **options: Any) -> Json:
    body = {"url": f"{app.server.url}/hook", "events": list(events)}
    made = await world.post("/webhooks", body, **options)
    assert made.status_code == 201, made.text
    hook: Json = made.json()
    return hook


async def post_all(world: MarketWorld) -> None:
    while await world.post_due.step():
        pass


async def log_of(world: MarketWorld, hook: Json) -> list[Json]:
    entries: list[Json] = (await world.get(f"/webhooks/{hook['id']}/deliveries")).json()
    return entries


async def test_an_event_is_posted_signed_as_standard_webhooks_are(world: MarketWorld, app: AppServer) -> None:
    hook = await hooked(world, app, "order.updated")
    order = await world.bought()
    await post_all(world)
    assert len(app.posts) == 2
    headers, body = app.posts[-1]
    assert json.loads(body)["data"] == {"id": order["id"], "status": "active", "about": "confirm"}
    secret = b64decode(hook["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = b64encode(hmac.new(secret, signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert int(headers["webhook-timestamp"]) == int(world.clock.now().timestamp())
    assert len({headers["webhook-id"] for headers, _ in app.posts}) == 2
    assert {entry["state"] for entry in await log_of(world, hook)} == {"delivered"}


async def test_the_secret_is_shown_once_and_kept_sealed(world: MarketWorld, app: AppServer) -> None:
    key = {"Idempotency-Key": "hook"}
    hook = await hooked(world, app, headers=key)
    again = await hooked(world, app, headers=key)
    assert (again["id"], again["secret"]) == (hook["id"], None)
    [listed] = (await world.get("/webhooks")).json()
    assert "secret" not in listed
    async with world.uow_factory() as uow:
        rows = await uow.connection.execute(select(market_webhooks.c.secret))
        sealed = rows.scalar_one()
    assert b64decode(hook["secret"].removeprefix("whsec_")) not in sealed


async def test_what_is_not_taken_is_posted_again_under_the_same_id_until_it_is(
    world: MarketWorld, app: AppServer
) -> None:
    hook = await hooked(world, app, "search.updated")
    app.statuses = [500, 302]
    await world.found()
    await post_all(world)
    [waiting] = await log_of(world, hook)
    assert (waiting["state"], waiting["attempts"], waiting["last_status"]) == ("pending", 1, 500)
    world.clock.advance(WAITS[0])
    await post_all(world)
    world.clock.advance(WAITS[1] - timedelta(seconds=1))
    await post_all(world)
    assert len(app.posts) == 2
    world.clock.advance(timedelta(seconds=1))
    await post_all(world)
    assert len({headers["webhook-id"] for headers, _ in app.posts}) == 1
    [taken] = await log_of(world, hook)
    assert (taken["state"], taken["attempts"], taken["last_error"]) == ("delivered", 3, None)


async def test_what_nobody_takes_is_given_up_and_can_be_sent_again(
    world: MarketWorld, app: AppServer
) -> None:
    hook = await hooked(world, app, "search.updated")
    await app.server.stop()
    await world.found()
    for wait in (*WAITS, timedelta(0)):
        await post_all(world)
        world.clock.advance(wait)
    [given_up] = await log_of(world, hook)
    assert (given_up["state"], given_up["attempts"]) == ("failed", len(WAITS) + 1)
    assert given_up["last_error"]
    await app.server.start()
    path = f"/webhooks/{hook['id']}/deliveries/{given_up['id']}/retry"
    assert (await world.post(path)).status_code == 204
    await post_all(world)
    assert [entry["state"] for entry in await log_of(world, hook)] == ["delivered"]
    assert (await world.post(path.replace(given_up["id"], "999999"))).status_code == 404


async def test_a_server_that_answers_nobody_holds_up_no_other(world: MarketWorld, app: AppServer) -> None:
    slow, heard = AppServer(), asyncio.Event()

    async def hear() -> None:
        heard.set()

    slow.before, app.before = heard.wait, hear
    async with slow.server:
        hook = await hooked(world, slow, "search.updated")
        await hooked(world, app, "search.updated")
        await world.found()
        async with asyncio.timeout(4):  # a server is waited for longer
            await post_all(world)
    assert [entry["state"] for entry in await log_of(world, hook)] == ["delivered"]


async def test_a_server_that_is_away_is_tried_once_at_a_time(world: MarketWorld, app: AppServer) -> None:
    hook = await hooked(world, app, "search.updated")
    await app.server.stop()
    for _ in range(7):
        await world.found()
    await world.post_due.step()
    attempts = sorted(entry["attempts"] for entry in await log_of(world, hook))
    assert attempts == [0] * 6 + [1]
    await app.server.start()
    world.clock.advance(WAITS[0])
    await post_all(world)
    assert {entry["state"] for entry in await log_of(world, hook)} == {"delivered"}


async def test_a_server_that_is_gone_is_not_posted_to_any_more(world: MarketWorld, app: AppServer) -> None:
    hook = await hooked(world, app)
    app.statuses = [410]
    await world.found()
    await post_all(world)
    assert (await world.get("/webhooks")).json() == []
    await world.found()
    await post_all(world)
    assert len(app.posts) == 1
    assert (await world.get(f"/webhooks/{hook['id']}/deliveries")).status_code == 404


async def test_a_sender_that_died_is_followed_by_another_when_its_lease_is_over(
    world: MarketWorld, app: AppServer
) -> None:
    await hooked(world, app, "search.updated")
    await world.found()
    assert len(await world.post_due._claim()) == 1  # and then nothing: it died
    await post_all(world)
    assert app.posts == []
    world.clock.advance(timedelta(minutes=2))
    await post_all(world)
    assert len(app.posts) == 1


async def test_an_ended_webhook_is_told_nothing_more(world: MarketWorld, app: AppServer) -> None:
    hook = await hooked(world, app)
    await world.found()
    assert (await world.api.delete(f"/api/v1/market/webhooks/{hook['id']}")).status_code == 204
    await world.found()
    await post_all(world)
    assert app.posts == []
    async with world.uow_factory() as uow:
        rows = await uow.connection.execute(select(market_deliveries.c.state, market_deliveries.c.last_error))
        assert [tuple(row) for row in rows] == [("failed", "the webhook was ended")]


async def test_no_account_hears_or_sees_anything_of_anothers(world: MarketWorld, app: AppServer) -> None:
    strangers = await world.key_for("another app")
    theirs = await hooked(world, app, headers=strangers)
    await hooked(world, app, headers={"X-Account": "ann"})
    await world.found()
    await post_all(world)
    assert app.posts == []
    assert (await world.get("/webhooks")).json() == []
    for method, path in (("DELETE", ""), ("GET", "/deliveries"), ("POST", "/deliveries/1/retry")):
        answer = await world.api.request(method, f"/api/v1/market/webhooks/{theirs['id']}{path}")
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest",
        "https://me:secret@app.example/",
        "ftp://app.example/",
    ],
)
async def test_nothing_is_posted_where_this_node_does_not_go(world: MarketWorld, url: str) -> None:
    refused = await world.post("/webhooks", {"url": url})
    assert (refused.status_code, refused.json()["where"]) == (422, "body.url")
    assert "secret" not in refused.text


async def test_an_account_has_so_many_webhooks_and_no_more(world: MarketWorld, app: AppServer) -> None:
    for _ in range(10):
        await hooked(world, app)
    refused = await world.post("/webhooks", {"url": f"{app.server.url}/hook"})
    assert (refused.status_code, refused.json()["what_to_do"]) == (409, "Delete one first.")
