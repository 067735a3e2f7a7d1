"""Server-sent events over a real socket: replay, what comes next, heartbeats, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import simplejson

from bap.examples import CALLBACKS, REQUESTS
from bap.handlers import record_undeliverable
from node.api_keys import HEADER
from protocol.actions import Action
from protocol.errors import WireError
from storage.database import Database
from tests.support.buyer_world import KEY, NOW, BuyerWorld, buyer_world, order
from tests.support.calling import calling
from tests.support.loopback_server import LoopbackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as a client reads it; a comment has a name of `:` alone."""

    name: str
    id: str | None
    data: Any


class Events:
    """Reads a stream of events."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def read(self) -> Event:
        """Return what comes next, a comment too."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name or ":"] = value
        else:
            raise EOFError
        if ":" in fields or line.startswith(":"):
            return Event(name=":", id=None, data=line)
        data = simplejson.loads(fields["data"], use_decimal=True)
        return Event(name=fields["event"], id=fields.get("id"), data=data)

    async def next(self) -> Event:
        """Return the next event that is no comment."""
        while (event := await self.read()).name == ":":
            pass
        return event


@pytest.fixture
async def world(database: Database) -> AsyncIterator[BuyerWorld]:
    async with buyer_world(database) as running:
        yield running


@pytest.fixture
async def server(world: BuyerWorld) -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(world.app) as running:
        yield running


@asynccontextmanager
async def listening(
    server: LoopbackServer, path: str, *, last_event_id: str | None = None
) -> AsyncIterator[Events]:
    headers = {HEADER: KEY} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    async with (
        calling(base_url=server.url, headers=headers) as client,
        client.stream("GET", path) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = Events(response)
        assert (await events.read()).name == ":"
        yield events


async def traded(world: BuyerWorld) -> str:
    """Return a transaction with two callbacks, on_select and on_init, and a confirm under way."""
    begun: dict[str, str] = {}
    for action, callback in ((Action.SELECT, Action.ON_SELECT), (Action.INIT, Action.ON_INIT)):
        sent = (await world.send(action, REQUESTS[action] | begun)).json()
        begun = {"transaction_id": sent["transaction_id"]}
        await world.seller.answer(sent["message_id"], CALLBACKS[callback])
        world.clock.advance(timedelta(seconds=1))
    await world.send(Action.CONFIRM, REQUESTS[Action.CONFIRM] | begun)
    return begun["transaction_id"]


def stream_of(transaction_id: str) -> str:
    return f"/api/v1/transactions/{transaction_id}/events"


async def test_a_stream_tells_what_was_there_and_what_comes(
    world: BuyerWorld, server: LoopbackServer
) -> None:
    transaction_id = await traded(world)
    async with listening(server, stream_of(transaction_id)) as events:
        first, second = await events.next(), await events.next()
        assert (first.name, second.name) == ("on_select", "on_init")
        assert int(first.id or 0) < int(second.id or 0)
        await world.seller.tell(
            Action.ON_STATUS, order(contractedQuantity=Decimal("0.30")), transaction_id=transaction_id
        )
        third = await events.next()
    assert (third.name, third.data["action"], third.data["transaction_id"]) == (
        "on_status",
        "on_status",
        transaction_id,
    )
    contract = third.data["message"]["order"]["beckn:orderAttributes"]
    assert str(contract["contractedQuantity"]) == "0.30"


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    world: BuyerWorld, server: LoopbackServer
) -> None:
    transaction_id = await traded(world)
    async with listening(server, stream_of(transaction_id)) as events:
        first = await events.next()
    async with listening(server, stream_of(transaction_id), last_event_id=first.id) as events:
        assert (await events.next()).name == "on_init"


async def test_a_stream_of_everything_starts_now_and_goes_on_where_it_was_left(
    world: BuyerWorld, server: LoopbackServer
) -> None:
    await traded(world)
    async with listening(server, "/api/v1/events") as events:
        another = await traded(world)
        first = await events.next()
        assert (first.name, first.data["transaction_id"]) == ("on_select", another)
    async with listening(server, "/api/v1/events", last_event_id=first.id) as events:
        second = await events.next()
        assert (second.name, second.data["transaction_id"]) == ("on_init", another)


async def test_a_long_history_is_replayed_whole(world: BuyerWorld, server: LoopbackServer) -> None:
    transaction_id = await traded(world)
    for _ in range(60):
        await world.seller.tell(Action.ON_STATUS, {}, transaction_id=transaction_id)
    async with listening(server, stream_of(transaction_id)) as events:
        ids = [int((await events.next()).id or 0) for _ in range(62)]
    assert ids == sorted(set(ids))


async def test_a_stream_tells_of_a_request_that_comes_back_undelivered(
    world: BuyerWorld, server: LoopbackServer
) -> None:
    sent = (await world.send(Action.SELECT, REQUESTS[Action.SELECT])).json()
    async with (
        listening(server, sent["events_url"]) as mine,
        listening(server, "/api/v1/events") as everything,
    ):
        async with world.uow_factory() as uow:
            (claimed,) = await uow.outbox.claim(now=NOW, lease=timedelta(seconds=30), limit=1)
            error = WireError(code="SCH_INVALID_ENUM", message="no such status")
            await record_undeliverable(uow, claimed, error, NOW)
        for events in (mine, everything):
            event = await events.next()
            assert (event.name, event.id) == ("undelivered", None)
            assert event.data == {
                "transaction_id": sent["transaction_id"],
                "message_id": sent["message_id"],
                "action": "select",
                "peer_error": {"code": "SCH_INVALID_ENUM", "message": "no such status"},
            }
            assert (await events.read()).name == ":", "it is told once"


async def test_a_callback_that_carries_a_refusal_is_an_event_with_an_error(
    world: BuyerWorld, server: LoopbackServer
) -> None:
    sent = (await world.send(Action.INIT, REQUESTS[Action.INIT])).json()
    refusal = WireError(code="BIZ_QUANTITY_UNAVAILABLE", message="5 kWh are left")
    await world.seller.answer(sent["message_id"], refusal)
    async with listening(server, sent["events_url"]) as events:
        event = await events.next()
    assert event.data["error"] == {"code": "BIZ_QUANTITY_UNAVAILABLE", "message": "5 kWh are left"}
    assert "message" not in event.data


async def test_a_silent_stream_has_a_heartbeat(world: BuyerWorld, server: LoopbackServer) -> None:
    async with listening(server, "/api/v1/events") as events:
        assert [(await events.read()).name for _ in range(2)] == [":", ":"]


async def test_a_stream_that_nobody_reads_any_more_ends(world: BuyerWorld, server: LoopbackServer) -> None:
    async with listening(server, "/api/v1/events"):
        assert world.buyer.hub.waiting == 1
    while world.buyer.hub.waiting:  # noqa: ASYNC110  the server notices when it will
        await asyncio.sleep(0.01)


async def test_closing_the_hub_ends_the_streams(world: BuyerWorld, server: LoopbackServer) -> None:
    async with listening(server, "/api/v1/events") as events:
        world.buyer.hub.close()
        with pytest.raises(EOFError):
            await events.next()


@pytest.mark.parametrize("last_event_id", ["soon", "-1", "9" * 19])
async def test_a_last_event_id_that_is_none_is_refused(world: BuyerWorld, last_event_id: str) -> None:
    response = await world.api.get("/api/v1/events", headers={"Last-Event-ID": last_event_id})
    assert response.status_code == 422
