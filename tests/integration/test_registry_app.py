"""The registry on a real PostgreSQL, behind a real socket: entering, finding, refusing, history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from kernel.clock import ManualClock
from protocol.errors import KeyExpired, KeyUnknown, RegistryUnavailable, SubscriberUnknown
from registry.app import create_registry_app
from registry.policy import RegistryPolicy
from registry.tables import history
from registry.tokens import TokenGuard
from registry_client.keyring import KeyRing
from registry_client.lookup import LookupClient
from registry_client.onboarding import SubscriptionRefused
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRole, SubscriberStatus
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.calling import PATIENT, calling, enter_by_token
from tests.support.loopback_server import LoopbackServer
from tests.support.registries import FixedKeys, registry_app
from tests.support.subscribers import BPP, DOMAIN, NOW, record

TOKEN = "a-token-of-the-registry"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def server(uow_factory: UnitOfWorkFactory, clock: ManualClock) -> AsyncIterator[LoopbackServer]:
    app = create_registry_app(
        uow_factory=uow_factory,
        clock=clock,
        keys=FixedKeys(),
        guard=TokenGuard.of(TOKEN, name="pilot"),
        policy=RegistryPolicy(max_lookup_records=3),
    )
    async with LoopbackServer(app) as running:
        yield running


@pytest.fixture
async def http(server: LoopbackServer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
async def directory(server: LoopbackServer) -> AsyncIterator[LookupClient]:
    client = LookupClient(server.url, limits=PATIENT)
    yield client
    await client.close()


async def read_history(uow_factory: UnitOfWorkFactory) -> list[Any]:
    async with uow_factory() as uow:
        return list(await uow.connection.execute(select(history).order_by(history.c.id)))


async def test_whoever_subscribes_is_found_with_what_it_gave(
    server: LoopbackServer, directory: LookupClient, http: httpx.AsyncClient
) -> None:
    entered = record(valid_from=NOW, valid_until=NOW + timedelta(days=365))
    assert await enter_by_token(server.url, record=entered, token=TOKEN) is SubscriberStatus.SUBSCRIBED
    (found,) = await directory.find(Wanted(subscriber_id=BPP, key_id="k1"))
    assert found.signing_public_key == entered.signing_public_key
    assert (found.url, found.role, found.domain) == (
        "https://bpp.example.com/beckn",
        SubscriberRole.BPP,
        DOMAIN,
    )
    (wire,) = (await http.post("/lookup", json={"subscriber_id": BPP})).json()
    assert wire["key_id"] == wire["unique_key_id"] == "k1"
    assert (wire["valid_until"], wire["created"]) == ("2027-01-09T10:00:00Z", "2026-01-09T10:00:00Z")
    assert wire["status"] == "SUBSCRIBED"


async def test_a_repeat_changes_nothing_and_a_change_is_kept_with_who_and_when(
    server: LoopbackServer, clock: ManualClock, uow_factory: UnitOfWorkFactory, http: httpx.AsyncClient
) -> None:
    entered = record()
    for _ in range(3):
        await enter_by_token(server.url, record=entered, token=TOKEN)
        clock.advance(timedelta(minutes=1))
    (first,) = await read_history(uow_factory)
    assert (first.changed_by, first.changed_from, first.changed_at) == ("pilot", "127.0.0.1", NOW)
    changed = record()
    await enter_by_token(server.url, record=changed, token=TOKEN)
    rows = await read_history(uow_factory)
    assert [row.content["signing_public_key"] for row in rows] == [
        entered.to_wire()["signing_public_key"],
        changed.to_wire()["signing_public_key"],
    ]
    (wire,) = (await http.post("/lookup", json={})).json()
    assert (wire["created"], wire["updated"]) == ("2026-01-09T10:00:00Z", "2026-01-09T10:03:00Z")
    assert wire["valid_from"] == "2026-01-09T10:00:00Z"


async def test_a_location_comes_back_as_it_was_given(
    http: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    location = {"city": {"code": "std:080"}, "circle": {"radius": 1.1}, "name": "Bengaluru — ಬೆಂಗಳೂರು"}
    for _ in range(2):
        answer = await http.post("/subscribe", json=record("k1").to_wire() | {"location": location} | KEY)
        assert answer.status_code == 200
    (wire,) = (await http.post("/lookup", json={"subscriber_id": BPP})).json()
    assert wire["location"] == location
    assert len(await read_history(uow_factory)) == 1


KEY = {"signing_public_key": "ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw="}


async def test_twenty_equal_forms_at_once_are_one_change(
    server: LoopbackServer, uow_factory: UnitOfWorkFactory
) -> None:
    entered = record()
    await asyncio.gather(*(enter_by_token(server.url, record=entered, token=TOKEN) for _ in range(20)))
    assert len(await read_history(uow_factory)) == 1


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        ({}, ["bap:k1", "bpp:k1", "bpp:k2"]),
        ({"subscriber_id": "bpp"}, ["bpp:k1", "bpp:k2"]),
        ({"subscriber_id": "bpp", "key_id": "k2"}, ["bpp:k2"]),
        ({"unique_key_id": "k1"}, ["bap:k1", "bpp:k1"]),
        ({"ukId": "k1", "type": "BAP"}, ["bap:k1"]),
        ({"domain": "retail"}, ["bap:k1"]),
        ({"status": "EXPIRED"}, ["bpp:k2"]),
        ({"status": "SUBSCRIBED"}, ["bap:k1", "bpp:k1"]),
        ({"status": "UNSUBSCRIBED"}, []),
        ({"subscriber_id": "nobody"}, []),
        (
            {"subscriber_id": "bpp", "key_id": "k1", "url": "", "valid_from": "0001-01-01T00:00:00Z"},
            ["bpp:k1"],
        ),
    ],
)
async def test_a_lookup_finds_what_has_all_that_it_names(
    server: LoopbackServer, http: httpx.AsyncClient, clock: ManualClock, question: Any, keys: list[str]
) -> None:
    for entered in (
        record("k1", subscriber_id="bap", role=SubscriberRole.BAP, domain="retail"),
        record("k1", subscriber_id="bpp"),
        record("k2", subscriber_id="bpp", valid_until=NOW + timedelta(hours=1)),
    ):
        await enter_by_token(server.url, record=entered, token=TOKEN)
    clock.advance(timedelta(hours=1))
    found = (await http.post("/lookup", json=question)).json()
    assert [f"{entry['subscriber_id']}:{entry['key_id']}" for entry in found] == keys


async def test_a_lookup_that_finds_too_many_is_refused_rather_than_cut(
    server: LoopbackServer, http: httpx.AsyncClient
) -> None:
    for number in range(4):
        await enter_by_token(server.url, record=record(f"k{number}"), token=TOKEN)
    answer = await http.post("/lookup", json={"subscriber_id": BPP})
    assert answer.status_code == 400
    assert "more than 3" in answer.json()["error"]["message"]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi", "Bearer", TOKEN])
async def test_nobody_enters_without_the_token(
    server: LoopbackServer, uow_factory: UnitOfWorkFactory, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with calling() as client:
        answer = await client.post(f"{server.url}/subscribe", json=record().to_wire(), headers=headers)
        unreadable = await client.post(f"{server.url}/subscribe", json={}, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["code"] == "AUT_UNAUTHORIZED_ACTION"
    assert TOKEN not in answer.text
    assert unreadable.status_code == 401
    assert await read_history(uow_factory) == []


async def test_a_wrong_token_is_said_so_to_the_node(server: LoopbackServer) -> None:
    with pytest.raises(SubscriptionRefused, match="HTTP 401: this is not the token") as refusal:
        await enter_by_token(server.url, record=record(), token="wrong")
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("changes", "path", "why"),
    [
        ({"url": "ftp://x"}, "url", "url: "),
        ({"signing_public_key": "AAAA"}, "signing_public_key", "no Ed25519 public key"),
        ({"subscriber_id": None}, "subscriber_id", "subscriber_id is missing"),
        ({"type": None, "domain": None}, "type", "type is missing; domain is missing"),
        ({"valid_until": "2026-01-09T10:00:00Z"}, "valid_until", "is over already"),
        (
            {"valid_from": "2027-01-01T00:00:00Z", "valid_until": "2026-12-01T00:00:00Z"},
            "valid_until",
            "not after",
        ),
        ({"encr_public_key": KEY["signing_public_key"]} | KEY, "body", "a key of its own"),
    ],
)
async def test_a_bad_form_is_refused_with_its_field_and_a_reason(
    http: httpx.AsyncClient, uow_factory: UnitOfWorkFactory, changes: Any, path: str, why: str
) -> None:
    answer = await http.post("/subscribe", json=record().to_wire() | changes)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "SCH_SCHEMA_VALIDATION_FAILED")
    assert error["details"]["path"] == path
    assert error["details"]["hint"]
    assert why in error["message"]
    assert await read_history(uow_factory) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/lookup", b"{", 400, "SCH_INVALID_JSON"),
        ("POST", "/lookup", b"", 400, "SCH_SCHEMA_VALIDATION_FAILED"),
        ("POST", "/lookup", b"[]", 400, "SCH_SCHEMA_VALIDATION_FAILED"),
        ("POST", "/lookup", b"\xff", 400, "SCH_INVALID_JSON"),
        ("POST", "/lookup", b"[" * 60_000, 400, "SCH_INVALID_JSON"),
        ("POST", "/lookup", b'{"subscriber_id": "a\\u0000b"}', 400, "SCH_SCHEMA_VALIDATION_FAILED"),
        ("POST", "/lookup", b" " * 65_537, 413, "POL_GENERIC_ERROR"),
        ("POST", "/subscribe", b" " * 65_537, 413, "POL_GENERIC_ERROR"),
        ("GET", "/lookup", b"", 405, "NET_NOT_IMPLEMENTED"),
        ("POST", "/elsewhere", b"", 404, "NET_NOT_IMPLEMENTED"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_the_one_form(
    http: httpx.AsyncClient, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    answer = await http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_body_without_a_length_is_bounded_too(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    answer = await http.post("/lookup", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_it_says_whether_it_is_alive_and_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).status_code == 200
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_without_its_database_it_is_alive_but_not_ready(clock: ManualClock) -> None:
    nowhere = Database.connect("postgresql://nobody@127.0.0.1:9/nothing")
    app = registry_app(UnitOfWorkFactory(nowhere), clock=clock, token=TOKEN)
    async with LoopbackServer(app) as server, calling() as client:
        assert (await client.get(f"{server.url}/healthz")).status_code == 200
        answer = await client.get(f"{server.url}/readyz")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NET_DOWNSTREAM_UNAVAILABLE")
        failed = await client.post(f"{server.url}/lookup", json={})
        assert (failed.status_code, failed.json()["error"]["code"]) == (500, "NET_INTERNAL_ERROR")
        assert "127.0.0.1:9" not in failed.text
    await nowhere.close()


async def test_a_ring_over_a_real_registry_tells_every_case_apart(
    server: LoopbackServer, directory: LookupClient, clock: ManualClock
) -> None:
    ring = KeyRing(directory, clock=clock)
    current, ended = record("k1"), record("k2", valid_until=NOW + timedelta(hours=1))
    for entered in (current, ended):
        await enter_by_token(server.url, record=entered, token=TOKEN)
    now = clock.advance(timedelta(hours=1))
    found = await ring.key_for(subscriber=BPP, key_id="k1", at=now)
    assert found.signing_public_key == current.signing_public_key
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == "https://bpp.example.com/beckn"
    assert [entry.key_id for entry in await ring.find(Wanted(domain=DOMAIN))] == ["k1"]
    with pytest.raises(KeyExpired, match="ended at 2026-01-09T11:00:00Z"):
        await ring.key_for(subscriber=BPP, key_id="k2", at=now)
    with pytest.raises(KeyUnknown):
        await ring.key_for(subscriber=BPP, key_id="k3", at=now)
    with pytest.raises(SubscriberUnknown):
        await ring.key_for(subscriber="stranger", key_id="k1", at=now)


async def test_fifty_messages_at_once_are_one_request_to_the_registry(
    uow_factory: UnitOfWorkFactory, clock: ManualClock
) -> None:
    app = registry_app(uow_factory, clock=clock, token=TOKEN)
    asked: list[str] = []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await app(scope, receive, send)

    async with LoopbackServer(counting) as server:
        await enter_by_token(server.url, record=record(), token=TOKEN)
        directory = LookupClient(server.url)
        ring = KeyRing(directory, clock=clock)
        found = await asyncio.gather(*(ring.key_for(subscriber=BPP, key_id="k1", at=NOW) for _ in range(50)))
        await directory.close()
    assert len({id(entry) for entry in found}) == 1
    assert asked == ["/subscribe", "/lookup"]


async def test_a_registry_that_dies_means_cached_keys_a_refusal_and_then_all_is_well(
    server: LoopbackServer, directory: LookupClient, clock: ManualClock
) -> None:
    ring = KeyRing(directory, clock=clock)
    await enter_by_token(server.url, record=record(), token=TOKEN)
    await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    await server.stop()
    assert await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    with pytest.raises(RegistryUnavailable):
        await ring.key_for(subscriber="newcomer", key_id="k1", at=NOW)
    now = clock.advance(timedelta(hours=2))  # beyond the time of grace
    with pytest.raises(RegistryUnavailable):
        await ring.key_for(subscriber=BPP, key_id="k1", at=now)
    with pytest.raises(RegistryUnavailable):
        await enter_by_token(server.url, record=record(), token=TOKEN)
    await server.start()
    assert await ring.key_for(subscriber=BPP, key_id="k1", at=now)
