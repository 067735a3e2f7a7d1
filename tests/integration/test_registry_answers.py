"""What anybody may ask of a registry: its card, look-ups, DeDi records, changes; every answer signed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from kernel.clock import ManualClock, SystemClock
from protocol.errors import SignatureInvalid
from protocol.keys import write_public_key
from protocol.signing import Signer, parse_answer_header
from protocol.x25519 import write_encryption_public_key
from registry.history import find_changes, last_change
from registry.news import News
from registry_client.answer_signature import RegistryTrust
from registry_client.connection import RegistryConnection
from storage.database import Database
from tests.support.calling import calling, enter_by_token
from tests.support.overtaking import Look, overtake
from tests.support.registries import (
    LOOPBACK,
    Newcomer,
    SigningRegistry,
    enter,
    look_up,
    running_signing_registry,
    standing_of,
)
from tests.support.subscribers import BPP, record
from tests.support.tls_server import tls_server
from tests.support.waiting import eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def http(registry: SigningRegistry) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(base_url=registry.url) as client:
        yield client


async def register(registry: SigningRegistry, key_id: str = "k1", **changes: Any) -> Any:
    entered = record(key_id, **changes)
    await enter_by_token(registry.url, record=entered, token=registry.token)
    return entered


# --- the card, and signatures


async def test_the_card_says_who_the_registry_is_and_how_it_is_joined(
    registry: SigningRegistry, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/")).json() == {
        "subscriber_id": "registry.local",
        "key_id": "r1",
        "signing_public_key": write_public_key(registry.keys.signer.public_key),
        "encr_public_key": write_encryption_public_key(registry.keys.encryption.public_key),
        "challenge_scheme": "aes-ecb",
        "approval": "automatic",
        "checks": "loopback",
        "network_id": "pilot.example/2026",
    }


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/", b"", 200),
        ("GET", "/healthz", b"", 200),
        ("POST", "/lookup", b"{}", 200),
        ("POST", "/lookup", b"{", 400),
        ("POST", "/lookup", b" " * 70_000, 413),
        ("POST", "/subscribe", b"{}", 401),
        ("PATCH", "/subscribe", b"{}", 401),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/subscriptions/nobody", b"", 404),
        ("GET", "/subscriptions/no%00body", b"", 400),
        ("GET", "/changes?after=x", b"", 400),
        ("GET", "/dedi/lookup/a/b/c", b"", 404),
        ("GET", "/admin/history", b"", 401),
    ],
)
async def test_every_answer_is_signed_also_a_refusal(
    registry: SigningRegistry,
    http: httpx.AsyncClient,
    clock: ManualClock,
    method: str,
    path: str,
    content: bytes,
    status: int,
) -> None:
    answer = await http.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    registry.check_answer(answer, now=clock.now())
    header = parse_answer_header(answer.headers["Signature"])
    assert (header.subscriber_id, header.key_id) == ("registry.local", "r1")


async def test_an_answer_that_the_registry_itself_is_to_blame_for_is_signed_too(clock: ManualClock) -> None:
    nowhere = Database.connect("postgresql://nobody@127.0.0.1:9/nothing")
    async with (
        running_signing_registry(nowhere, clock=clock, with_workers=False) as registry,
        calling() as client,
    ):
        answer = await client.post(f"{registry.url}/lookup", json={})
        assert answer.status_code == 500
        registry.check_answer(answer, now=clock.now())
    await nowhere.close()


async def test_an_answer_to_a_signed_question_is_bound_to_it(
    registry: SigningRegistry, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    stranger = Newcomer(subscriber_id="stranger.example.com", clock=clock)
    raw = orjson.dumps({"subscriber_id": BPP})
    first, second = (
        signer.sign(raw, now=clock.now(), label="BLAKE-512")
        for signer in (stranger.signer, stranger.new_signer("k2"))
    )
    headers = {"Content-Type": "application/json", "Authorization": first}
    answer = await http.post("/lookup", content=raw, headers=headers)
    registry.check_answer(answer, now=clock.now(), request=first)
    with pytest.raises(SignatureInvalid):
        registry.check_answer(answer, now=clock.now(), request=second)
    with pytest.raises(SignatureInvalid):
        registry.check_answer(answer, now=clock.now())


async def test_a_client_that_has_the_registrys_key_believes_its_answers(registry: SigningRegistry) -> None:
    await register(registry)
    trust = RegistryTrust(clock=SystemClock(), keys=(registry.keys.signer.public_key,))
    async with RegistryConnection(registry.url, trust=trust) as connection:
        assert (await connection.get("/")).status == 200


# --- /lookup


async def test_a_signed_question_must_hold_if_the_registry_knows_the_asker(
    registry: SigningRegistry, clock: ManualClock
) -> None:
    async with Newcomer(subscriber_id=BPP, clock=clock) as bpp:
        await enter(registry, bpp)

        async def ask(signer: Signer) -> int:
            answer = await bpp.send(registry, "POST", "/lookup", {"subscriber_id": BPP}, signer=signer)
            return answer.status_code

        assert await ask(bpp.signer) == 200
        assert await ask(bpp.new_signer("k1")) == 401
        assert await ask(bpp.new_signer("k7")) == 401
        stranger = Newcomer(subscriber_id="stranger.example.com", clock=clock)
        assert await ask(stranger.signer) == 200
        await bpp.patch(registry, status="UNSUBSCRIBED")
        assert await ask(bpp.signer) == 401


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({}, ["bangalore", "delhi", "everywhere", "india"]),
        ({"location": {"city": {"code": "std:080"}}}, ["bangalore", "everywhere", "india"]),
        ({"city": "std:080"}, ["bangalore", "everywhere", "india"]),
        (
            {"location": {"city": {"code": "std:080"}, "country": {"code": "IND"}}},
            ["bangalore", "everywhere", "india"],
        ),
        ({"country": "DEU"}, ["everywhere"]),
        (
            {"location": {"city": {"code": "*"}, "country": None}},
            ["bangalore", "delhi", "everywhere", "india"],
        ),
        ({"location": {"city": "std:080"}}, ["bangalore", "delhi", "everywhere", "india"]),
    ],
)
async def test_who_serves_a_place_is_found_and_so_is_who_named_none(
    registry: SigningRegistry, http: httpx.AsyncClient, question: Any, found: list[str]
) -> None:
    places: dict[str, Any] = {
        "bangalore": {"city": {"code": "std:080"}, "country": {"code": "IND"}},
        "delhi": {"city": {"code": "std:011"}, "country": {"code": "IND"}},
        "india": {"city": {"code": "*"}, "country": {"code": "IND"}},
        "everywhere": None,
    }
    token = {"Authorization": f"Bearer {registry.token}"}
    for name, location in places.items():
        body = record(subscriber_id=name).to_wire() | {"location": location}
        assert (await http.post("/subscribe", json=body, headers=token)).status_code == 200
    assert [each["subscriber_id"] for each in await look_up(registry, **question)] == found


@pytest.mark.parametrize(("city", "found"), [("std:080", [BPP]), ("std:011", [])])
async def test_who_is_not_proven_yet_is_found_by_its_place_too(
    database: Database, city: str, found: list[str]
) -> None:
    async with (
        running_signing_registry(database, with_workers=False) as registry,
        Newcomer(subscriber_id=BPP) as bpp,
    ):
        await bpp.subscribe(registry, location={"city": {"code": "std:080"}})
        asked = await look_up(registry, status="INITIATED", city=city)
        assert [each["subscriber_id"] for each in asked] == found


# --- DeDi


async def test_a_record_stands_at_its_own_address_as_a_dedi_has_it(
    registry: SigningRegistry, http: httpx.AsyncClient
) -> None:
    entered = await register(registry)
    answer = await http.get(f"/dedi/lookup/{BPP}/subscribers.beckn.one/k1")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["network_memberships"] == ["pilot.example/2026"]
    assert data["details"]["signing_public_key"] == write_public_key(entered.signing_public_key)
    assert (data["details"]["subscriber_id"], data["details"]["type"]) == (BPP, "BPP")
    assert {"created_at", "updated_at"} <= set(data)
    by_name = await http.get(f"/dedi/lookup/registry.local/subscribers.beckn.one/{data['record_id']}")
    assert by_name.json() == answer.json()


@pytest.mark.parametrize(
    "path",
    [
        f"{BPP}/subscribers.beckn.one/k2",
        f"{BPP}/elsewhere/k1",
        "nobody/subscribers.beckn.one/k1",
        "registry.local/subscribers.beckn.one/k1",
        "registry.local/subscribers.beckn.one/%FF",
        f"{BPP}/subscribers.beckn.one/k%001",
    ],
)
async def test_what_is_not_there_is_not_found(
    registry: SigningRegistry, http: httpx.AsyncClient, path: str
) -> None:
    await register(registry)
    answer = await http.get(f"/dedi/lookup/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "AUT_KEY_NOT_FOUND")


async def test_a_record_that_does_not_count_now_is_not_given_out(
    registry: SigningRegistry, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    await register(registry, valid_until=clock.now() + timedelta(hours=1))
    path = f"/dedi/lookup/{BPP}/subscribers.beckn.one/k1"
    assert (await http.get(path)).json()["data"]["valid_till"]
    clock.advance(timedelta(hours=1))
    answer = await http.get(path)
    assert (answer.status_code, "stands as EXPIRED" in answer.text) == (404, True)


async def test_without_a_network_of_its_own_nothing_is_said_of_memberships(database: Database) -> None:
    async with (
        running_signing_registry(
            database, policy=replace(LOOPBACK, network_id=None), with_workers=False
        ) as registry,
        calling() as client,
    ):
        await register(registry)
        answer = await client.get(f"{registry.url}/dedi/lookup/{BPP}/subscribers.beckn.one/k1")
        assert "network_memberships" not in answer.json()["data"]
        assert "network_id" not in (await client.get(registry.url)).json()


async def test_json_is_read_whether_its_sender_calls_it_so_or_not(http: httpx.AsyncClient) -> None:
    assert (await http.post("/lookup", content=b"{}")).json() == []


# --- changes


async def test_changes_are_told_in_order_from_any_number_on(
    registry: SigningRegistry, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/changes?after=0")).json() == {"changes": [], "last": 0}
    await register(registry, "k1")
    await register(registry, "k2")
    told = (await http.get("/changes?after=0")).json()
    first, second = told["changes"]
    assert [first["key_id"], second["key_id"]] == ["k1", "k2"]
    assert first["number"] < second["number"] == told["last"]
    assert set(first) == {"number", "subscriber_id", "key_id", "at"}
    assert (await http.get(f"/changes?after={first['number']}")).json()["changes"] == [second]
    assert (await http.get("/changes")).json() == {"changes": [], "last": told["last"]}


async def test_a_wish_alone_is_no_change(
    registry: SigningRegistry, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    async with Newcomer(subscriber_id=BPP, clock=clock) as bpp:
        bpp.hold()
        await bpp.subscribe(registry)
        assert (await http.get("/changes?after=0&wait=0")).json()["changes"] == []


async def test_whoever_waits_is_told_as_soon_as_something_changes(
    registry: SigningRegistry, http: httpx.AsyncClient
) -> None:
    waiting = [asyncio.create_task(http.get("/changes?after=0&wait=30")) for _ in range(5)]

    async def how_many_wait() -> int:
        return len(registry.news._waiting)

    await eventually(how_many_wait, 5)
    await register(registry)
    for answer in await asyncio.gather(*waiting):
        assert [each["key_id"] for each in answer.json()["changes"]] == ["k1"]


@pytest.mark.parametrize("look", [find_changes, last_change], ids=lambda look: str(look.__name__))
async def test_what_changes_while_somebody_looks_is_not_skipped(
    registry: SigningRegistry,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    look: Look,
) -> None:
    overtake(monkeypatch, look, used_in="registry.changes_api", by=lambda: register(registry))
    told = (await http.get("/changes?after=0")).json()
    later = (await http.get(f"/changes?after={told['last']}")).json()
    assert [each["key_id"] for each in told["changes"] + later["changes"]] == ["k1"]


async def test_changes_at_the_same_time_are_numbered_as_they_are_committed(
    registry: SigningRegistry, http: httpx.AsyncClient
) -> None:
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 30:
            after = seen[-1] if seen else 0
            told = (await http.get(f"/changes?after={after}&wait=5")).json()
            seen.extend(each["number"] for each in told["changes"])

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(register(registry, subscriber_id=f"s{number}") for number in range(30)))
    await asyncio.wait_for(follower, 20)
    async with registry.uow_factory() as uow:
        assert seen[-1] == await last_change(uow)
    assert len(set(seen)) == 30


async def test_only_so_many_wait_and_nobody_when_the_registry_stops() -> None:
    news = News(most=1)
    first = asyncio.create_task(news.wait(timedelta(seconds=30)))
    await asyncio.sleep(0)  # it waits
    assert not await news.wait(timedelta(seconds=30))
    news.close()
    assert not await first
    assert not await news.wait(timedelta(seconds=30))


# --- TLS


async def test_a_certificate_that_does_not_hold_is_told_as_invalid_ssl(
    database: Database, tmp_path: Path
) -> None:
    policy = replace(LOOPBACK, max_attempts=2)
    with tls_server(tmp_path, lambda request: request.send_error(404)) as tls:
        async with running_signing_registry(database, policy=policy) as registry:
            await Newcomer(subscriber_id=BPP).subscribe(registry, url=tls.url)

            async def told() -> tuple[Any, ...]:
                stands = await standing_of(registry, BPP)
                return stands["status"], stands["requests"][0]["step"]

            await eventually(told, ("INVALID_SSL", "failed"))
            assert "certificate" in (await standing_of(registry, BPP))["reason"]
            assert [each["status"] for each in await look_up(registry, status="INVALID_SSL")] == [
                "INVALID_SSL"
            ]


async def test_with_a_certificate_that_holds_it_goes_on_to_the_challenge(
    database: Database, tmp_path: Path
) -> None:
    with tls_server(tmp_path, lambda request: request.send_error(404)) as tls:
        trust = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
        async with running_signing_registry(
            database, policy=replace(LOOPBACK, max_attempts=1), trust=trust
        ) as registry:
            await Newcomer(subscriber_id=BPP).subscribe(registry, url=tls.url)

            async def told() -> bool:
                return "HTTP 501" in (await standing_of(registry, BPP)).get("reason", "")

            await eventually(told, True)
            assert (await standing_of(registry, BPP))["status"] == "UNDER_SUBSCRIPTION"
