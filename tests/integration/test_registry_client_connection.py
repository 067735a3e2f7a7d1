"""Look-ups over a real socket, with registries that misbehave in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from protocol.errors import RegistryUnavailable
from registry_client.connection import ConnectionLimits, RegistryConnection, RegistryUrlInvalid
from registry_client.lookup import LookupClient
from registry_client.onboarding import SubscriptionRefused, subscribe
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRole
from tests.support.calling import PATIENT
from tests.support.loopback_server import LoopbackServer
from tests.support.subscribers import BPP, DOMAIN, record

LIMITS = replace(PATIENT, max_answer_bytes=10_000)


class OddRegistry:
    """Answers `/lookup` and `/subscribe` with whatever it was told to, and keeps the questions."""

    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.answer: Response = JSONResponse([])
        self.patience = asyncio.Event()
        self.patience.set()
        routes = [Route(path, self._serve, methods=["POST"]) for path in ("/lookup", "/subscribe", "/other")]
        self.app = Starlette(routes=routes)

    async def _serve(self, request: Request) -> Response:
        self.questions.append((request.url.path, orjson.loads(await request.body())))
        await self.patience.wait()
        return self.answer


@pytest.fixture
def odd() -> OddRegistry:
    return OddRegistry()


@pytest.fixture
async def url(odd: OddRegistry) -> AsyncIterator[str]:
    async with LoopbackServer(odd.app) as server:
        yield server.url
        odd.patience.set()


@pytest.fixture
async def client(url: str) -> AsyncIterator[LookupClient]:
    looking = LookupClient(f"{url}/", limits=LIMITS)
    yield looking
    await looking.close()


async def test_the_question_is_posted_as_the_specification_says(
    client: LookupClient, odd: OddRegistry
) -> None:
    assert await client.find(Wanted(subscriber_id=BPP, key_id="k1")) == []
    await client.find(Wanted(role=SubscriberRole.BAP, domain=DOMAIN))
    assert odd.questions == [
        ("/lookup", {"subscriber_id": BPP, "key_id": "k1"}),
        ("/lookup", {"type": "BAP", "domain": DOMAIN, "status": "SUBSCRIBED"}),
    ]


async def test_only_what_was_asked_for_is_believed(client: LookupClient, odd: OddRegistry) -> None:
    wanted, other, stranger = record("k1"), record("k2"), record("k1", subscriber_id="bap.example.com")
    odd.answer = JSONResponse([other.to_wire(), stranger.to_wire(), wanted.to_wire()])
    assert await client.find(Wanted(subscriber_id=BPP, key_id="k1")) == [wanted]
    assert await client.find_key(subscriber_id=BPP, key_id="k1") == [other, wanted]


async def test_a_record_that_nobody_can_read_does_not_spoil_the_others(
    client: LookupClient, odd: OddRegistry
) -> None:
    wanted = record()
    odd.answer = JSONResponse([{"subscriber_id": BPP}, 7, wanted.to_wire()])
    assert await client.find(Wanted(subscriber_id=BPP)) == [wanted]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(status_code=500), "HTTP 500"),
        (JSONResponse([], status_code=503), "HTTP 503"),
        (RedirectResponse("/other", status_code=307), "HTTP 307"),
        (Response(status_code=404), "answers no look-up .HTTP 404"),
        (JSONResponse({"error": {}}, status_code=401), "not let this node ask .HTTP 401"),
        (JSONResponse({"subscribers": []}), "no list of subscribers .HTTP 200, dict"),
        (Response("<html>", media_type="text/html"), "no list of subscribers"),
        (Response(b"\xff\xfe"), "no list of subscribers"),
        (JSONResponse([{"subscriber_id": BPP}]), "no record that can be read"),
        (JSONResponse(["x" * 10_000]), "more than 10000 bytes"),
    ],
)
async def test_an_answer_that_is_none_means_try_again(
    client: LookupClient, odd: OddRegistry, answer: Response, why: str
) -> None:
    odd.answer = answer
    with pytest.raises(RegistryUnavailable, match=why) as refusal:
        await client.find(Wanted(subscriber_id=BPP))
    assert refusal.value.retryable
    assert [path for path, _ in odd.questions] == ["/lookup"]


async def test_a_registry_that_takes_too_long_is_not_waited_for(url: str, odd: OddRegistry) -> None:
    odd.patience.clear()
    hurried = LookupClient(url, limits=ConnectionLimits(answer_timeout=timedelta(milliseconds=50)))
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        await hurried.find(Wanted(subscriber_id=BPP))
    await hurried.close()


async def test_nobody_at_the_other_end_means_try_again(odd: OddRegistry) -> None:
    server = LoopbackServer(odd.app)
    await server.start()
    await server.stop()
    client = LookupClient(server.url, limits=LIMITS)
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        await client.find(Wanted(subscriber_id=BPP))
    await client.close()


async def test_a_proxy_of_the_environment_is_not_used_on_loopback(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with RegistryConnection(url) as connection:
        assert (await connection.post("/lookup", {})).content == []


@pytest.mark.parametrize(
    "wrong", ["registry.example.com", "ftp://registry.example.com", "http://", "http://registry:port", ""]
)
def test_a_registry_without_a_usable_url_stops_the_start(wrong: str) -> None:
    with pytest.raises(RegistryUrlInvalid):
        LookupClient(wrong)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(RegistryUrlInvalid) as refusal:
        LookupClient("https://user:secret@registry.example.com")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("answer", "why", "hint"),
    [
        (JSONResponse({"error": {"message": "no"}}, status_code=400), "HTTP 400: no", None),
        (
            JSONResponse({"error": {"message": "no", "details": {"hint": "do"}}}, status_code=401),
            "no",
            "do",
        ),
        (Response(status_code=401), "no reason", "Check the registry token."),
        (JSONResponse({"error": "no"}, status_code=403), "no reason", None),
    ],
)
async def test_a_refused_subscription_says_why(
    url: str, odd: OddRegistry, answer: Response, why: str, hint: str | None
) -> None:
    odd.answer = answer
    with pytest.raises(SubscriptionRefused, match=why) as refusal:
        await subscribe(url, record=record(), token="t", limits=LIMITS)
    assert refusal.value.hint == hint


@pytest.mark.parametrize("content", [{}, [], {"status": "PERHAPS"}, {"status": []}])
async def test_a_registry_that_does_not_say_how_it_stands_is_asked_again_later(
    url: str, odd: OddRegistry, content: Any
) -> None:
    odd.answer = JSONResponse(content)
    with pytest.raises(RegistryUnavailable, match="how the subscription stands"):
        await subscribe(url, record=record(), token="t", limits=LIMITS)
