"""The short way in of a mirror answers as its routes do, and leaves to them whatever is no plain post."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any, Final

import pytest
from fastapi import Request
from httpx import ASGITransport, AsyncClient, Response

from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.sep.mirror import Mirror
from metering.sep.mirror_server import routes_to
from metering.sep.post_door import PostDoor
from metering.sep.writer import write_mirror_meter_reading
from node.api_keys import ApiKeys
from node.app import create_app
from node.telemetry import Metrics
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import NOW, document, reading, register

_SEP: Final = {"content-type": "application/sep+xml", "authorization": "utility"}
_NEWS: Final = write_mirror_meter_reading(register([reading(2, quarter=1)], kind=None))
_POSTS: Final[tuple[tuple[str, bytes, dict[str, str]], ...]] = (
    ("/mup", document(reading(1)), {}),
    ("/mup", document(reading(1)), {}),
    ("/mup", document(reading(3, quarter=2)), {}),
    ("/mup/1", _NEWS, {}),
    ("/mup/999", _NEWS, {}),
    ("/mup/1", _NEWS, {"authorization": "another"}),
    ("/mup/1", _NEWS, {"authorization": ""}),
    ("/mup", b"<a/>", {}),
    ("/mup", b"", {"content-type": "application/sep-exi"}),
    ("/mup", document(reading(1)), {"content-encoding": "gzip"}),
)


class _NotKnown(NodeError):
    code, http_status, retryable = "NOT_KNOWN", 401, False


class _Broken(Exception):
    """What nobody anticipated."""


async def _authenticate(request: Request) -> str:
    sender = request.headers.get("authorization")
    if sender == "broken":
        raise _Broken
    if sender == "outage":
        raise OSError("the database is away")
    if not sender:
        raise _NotKnown("nobody says who sends this")
    assert request.app.state.api_keys is not None
    return sender


def _client(uow_factory: UnitOfWorkFactory, *, shortened: bool) -> AsyncClient:
    mirror = Mirror(uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=_authenticate)

    async def readiness() -> dict[str, bool]:
        return {}

    app = create_app(
        title="test",
        description="for tests",
        routers=[routes_to(mirror)],
        api_keys=ApiKeys(uow_factory, configured="a key that nobody shows here"),
        metrics=Metrics(),
        readiness=readiness,
        running=nullcontext,
        short_way=PostDoor(mirror) if shortened else None,
    )
    transport = ASGITransport(app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://mirror", headers=_SEP)


@pytest.fixture
async def door(uow_factory: UnitOfWorkFactory) -> AsyncIterator[AsyncClient]:
    async with _client(uow_factory, shortened=True) as client:
        yield client


@pytest.fixture
async def routes(uow_factory: UnitOfWorkFactory) -> AsyncIterator[AsyncClient]:
    async with _client(uow_factory, shortened=False) as client:
        yield client


def _said(response: Response) -> tuple[int, str | None, str | None, bytes]:
    headers = response.headers
    return response.status_code, headers.get("location"), headers.get("content-type"), response.content


async def test_what_is_posted_twice_is_answered_alike_by_both_ways(
    door: AsyncClient, routes: AsyncClient
) -> None:
    """The first time the door is asked first; the repeat is nothing new to either."""
    location = (await door.post("/mup", content=document(reading(1)))).headers["location"]
    for path, content, headers in _POSTS:
        here = path.replace("/mup/1", location) if path == "/mup/1" else path
        first = _said(await door.post(here, content=content, headers=headers))
        assert _said(await routes.post(here, content=content, headers=headers)) == first


async def test_a_new_meter_is_created_by_the_short_way(door: AsyncClient) -> None:
    created = await door.post("/mup", content=document(reading(1)))
    again = await door.post("/mup", content=document(reading(2, quarter=1)))
    assert (created.status_code, again.status_code) == (201, 204)
    assert created.headers["location"] == again.headers["location"]


@pytest.mark.parametrize(("trouble", "status"), [("broken", 500), ("outage", 503)])
async def test_trouble_is_answered_alike_by_both_ways(
    door: AsyncClient, routes: AsyncClient, trouble: str, status: int
) -> None:
    answers = [
        await way.post("/mup", content=document(reading(1)), headers={"authorization": trouble})
        for way in (door, routes)
    ]
    assert [answer.status_code for answer in answers] == [status, status]
    assert _said(answers[0]) == _said(answers[1])


async def test_a_sender_that_goes_away_leaves_nothing_behind(
    door: AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mup",
        "query_string": b"",
        "headers": [(b"content-type", b"application/sep+xml"), (b"authorization", b"utility")],
    }
    assert isinstance(door._transport, ASGITransport)
    await door._transport.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert (await door.get("/dcap")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/mup"), ("HEAD", "/mup/1"), ("POST", "/mup/"), ("POST", "/mup/x"), ("POST", f"/mup/{10**30}")],
)
async def test_what_is_no_plain_post_is_left_to_the_routes(
    uow_factory: UnitOfWorkFactory, method: str, path: str
) -> None:
    door = PostDoor(Mirror(uow_factory=uow_factory, clock=ManualClock(NOW), authenticate=_authenticate))
    assert not door.takes({"type": "http", "method": method, "path": path})
    assert not door.takes({"type": "websocket", "path": "/mup"})
    assert door.takes({"type": "http", "method": "POST", "path": "/mup/17"})
    assert not door.takes({"type": "http", "method": "POST", "path": "/mup", "root_path": "/sep2"})
