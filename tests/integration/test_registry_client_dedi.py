"""DeDi look-ups over a real socket: one record under one path, and whom it may speak for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kernel.clock import ManualClock
from protocol.errors import RegistryUnavailable
from protocol.keys import write_public_key
from registry_client.answer_signature import RegistryTrust
from registry_client.dedi import DediClient, DirectoryCannotSearch
from registry_client.keyring import KeyRing
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRecord, SubscriberRole, SubscriberStatus
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import ScriptedRegistry
from tests.support.subscribers import BPP, DOMAIN, NOW, record

REGISTRY = "subscribers.beckn.one"
MEMBERSHIPS = ("beckn.one/testnet", "energy.example/pilot")


def entry(of: SubscriberRecord, **changes: Any) -> dict[str, Any]:
    """Return a record as DeDi writes it."""
    details = {
        "subscriber_id": of.subscriber_id,
        "url": of.url,
        "type": "BPP",
        "domain": DOMAIN,
        "signing_public_key": write_public_key(of.signing_public_key),
    }
    return {
        "record_id": of.key_id,
        "details": details,
        "network_memberships": list(MEMBERSHIPS),
        "created_at": "2026-01-01T00:00:00Z",
    } | changes


class Dedi:
    """Records by their path below `/lookup/`, and lists by theirs below `/query/`."""

    def __init__(self, clock: ManualClock) -> None:
        self.records: dict[str, Any] = {}
        self.registry = ScriptedRegistry(clock, answer=self._answer)

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.registry.asked]

    def _answer(self, path: str, _question: object) -> tuple[int, Any]:
        found = self.records.get(path)
        if found is None:
            return 404, {"message": "not found"}
        return 200, {"message": "found", "data": found}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def dedi(clock: ManualClock) -> Dedi:
    return Dedi(clock)


@pytest.fixture
async def url(dedi: Dedi) -> AsyncIterator[str]:
    async with LoopbackServer(dedi.registry.app) as server:
        yield f"{server.url}/dedi"


@pytest.fixture
async def client(url: str) -> AsyncIterator[DediClient]:
    looking = DediClient(url, registry=REGISTRY)
    yield looking
    await looking.close()


async def test_a_key_is_found_under_its_subscriber(client: DediClient, dedi: Dedi) -> None:
    known = record("k1")
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(known)
    (found,) = await client.find_key(subscriber_id=BPP, key_id="k1")
    assert (found.subscriber_id, found.key_id, found.role) == (BPP, "k1", SubscriberRole.BPP)
    assert found.signing_public_key == known.signing_public_key
    assert found.network_memberships == MEMBERSHIPS
    assert await client.find_key(subscriber_id=BPP, key_id="k2") == []
    assert dedi.paths == [f"/dedi/lookup/{BPP}/{REGISTRY}/{key}" for key in ("k1", "k2")]


async def test_a_key_is_found_under_the_name_of_its_record(client: DediClient, dedi: Dedi) -> None:
    known, name = record("k1"), f"{BPP}/{REGISTRY}/k1"
    dedi.records[f"/dedi/lookup/{name}"] = entry(known, record_id="76EU8vY9TkuJ9T62Sc3FyQ")
    (found,) = await client.find_key(subscriber_id="", key_id=name)
    assert (found.subscriber_id, found.key_id) == (BPP, "k1")


@pytest.mark.parametrize(
    "name",
    [
        f"mallory.example/{REGISTRY}/k1",  # a namespace of somebody else
        f"{BPP}/playground/k1",  # another list than that of subscribers
    ],
)
async def test_nobody_else_speaks_for_a_subscriber(client: DediClient, dedi: Dedi, name: str) -> None:
    dedi.records[f"/dedi/lookup/{name}"] = entry(record("k1"))
    assert await client.find_key(subscriber_id="", key_id=name) == []


async def test_a_namespace_that_the_operator_trusts_speaks_for_others(url: str, dedi: Dedi) -> None:
    name = "beckn.one/members/77"
    dedi.records[f"/dedi/lookup/{name}"] = entry(record("77"))
    client = DediClient(url, registry=REGISTRY, speaking_for_others=["beckn.one"])
    (found,) = await client.find_key(subscriber_id="", key_id=name)
    assert found.subscriber_id == BPP
    await client.close()


async def test_a_record_that_names_another_subscriber_is_not_believed(client: DediClient, dedi: Dedi) -> None:
    stranger = record("k1", subscriber_id="bank.example")
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(stranger)
    assert await client.find_key(subscriber_id=BPP, key_id="k1") == []


@pytest.mark.parametrize("name", ["../../admin", "a/../b", "a//b", "a/b", "a/b/c/d"])
async def test_a_name_that_is_none_is_not_asked_for(client: DediClient, dedi: Dedi, name: str) -> None:
    assert await client.find_key(subscriber_id="", key_id=name) == []
    assert await client.find_key(subscriber_id="..", key_id="k1") == []
    assert dedi.paths == []


async def test_odd_characters_stay_in_their_part_of_the_path(client: DediClient, dedi: Dedi) -> None:
    odd = "k1?x=1#y;z"
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1%3Fx=1%23y;z"] = entry(record("k1"))
    (found,) = await client.find_key(subscriber_id=BPP, key_id=odd)
    assert found.key_id == odd


@pytest.mark.parametrize("key_id", ["k1/../k2", "k1\\..\\k2", "k1%2F..%2Fk2", ".."])
async def test_a_key_that_could_lead_elsewhere_is_not_asked_for(
    client: DediClient, dedi: Dedi, key_id: str
) -> None:
    assert await client.find_key(subscriber_id=BPP, key_id=key_id) == []
    assert dedi.paths == []


@pytest.mark.parametrize(
    "content", [{}, {"details": []}, {"details": {"subscriber_id": BPP}}, {"details": {}, "record_id": 7}]
)
async def test_a_record_that_cannot_be_read_means_try_again(
    client: DediClient, dedi: Dedi, content: dict[str, Any]
) -> None:
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = content
    with pytest.raises(RegistryUnavailable, match="no record"):
        await client.find_key(subscriber_id=BPP, key_id="k1")


async def test_an_answer_of_another_form_means_try_again(client: DediClient, dedi: Dedi) -> None:
    dedi.registry.answer = lambda path, question: (200, ["what?"])
    with pytest.raises(RegistryUnavailable, match=r"gave no record .HTTP 200"):
        await client.find_key(subscriber_id=BPP, key_id="k1")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, SubscriberStatus.SUBSCRIBED),
        ({"state": "live"}, SubscriberStatus.SUBSCRIBED),
        ({"state": "revoked"}, SubscriberStatus.UNSUBSCRIBED),
        ({"is_revoked": True}, SubscriberStatus.UNSUBSCRIBED),
        ({"status": "EXPIRED"}, SubscriberStatus.EXPIRED),
    ],
)
async def test_a_record_tells_how_it_stands(
    client: DediClient, dedi: Dedi, changes: dict[str, Any], status: SubscriberStatus
) -> None:
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(record("k1"), **changes)
    (found,) = await client.find_key(subscriber_id=BPP, key_id="k1")
    assert found.status is status


async def test_a_window_beside_the_details_counts(client: DediClient, dedi: Dedi) -> None:
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(
        record("k1"), valid_until="2026-02-01T00:00:00Z"
    )
    (found,) = await client.find_key(subscriber_id=BPP, key_id="k1")
    assert found.valid_until is not None
    assert found.valid_until.month == 2


async def test_subscribers_are_listed_where_the_registry_lists_them(client: DediClient, dedi: Dedi) -> None:
    first, second = record("k1"), record("k2")
    entries = [entry(first), entry(second) | {"record_name": "k2"}, {"record_id": "k3"}, 7]
    dedi.records[f"/dedi/query/{BPP}/{REGISTRY}"] = {"records": entries}
    found = await client.find(Wanted(subscriber_id=BPP, role=SubscriberRole.BPP))
    assert [record.key_id for record in found] == ["k1", "k2"]
    assert await client.find(Wanted(subscriber_id=BPP, role=SubscriberRole.BAP)) == []


async def test_where_the_registry_lists_nobody_whoever_was_heard_is_found(
    client: DediClient, dedi: Dedi, clock: ManualClock
) -> None:
    assert await client.find(Wanted(subscriber_id=BPP)) == []
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(record("k1"))
    ring = KeyRing(client, clock=clock)
    await ring.key_for(subscriber=BPP, key_id="k1", at=NOW)
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == "https://bpp.example.com/beckn"
    assert len(await client.find(Wanted(subscriber_id=BPP, key_id="k1"))) == 1


async def test_nobody_is_found_without_a_name(client: DediClient) -> None:
    with pytest.raises(DirectoryCannotSearch) as refused:
        await client.find(Wanted(role=SubscriberRole.BG, domain=DOMAIN))
    assert refused.value.hint


async def test_a_signed_answer_is_believed_and_a_forged_one_is_not(
    url: str, dedi: Dedi, clock: ManualClock
) -> None:
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(record("k1"))
    trust = RegistryTrust(clock=clock, keys=(dedi.registry.signer.public_key,))
    client = DediClient(url, registry=REGISTRY, trust=trust)
    assert await client.find_key(subscriber_id=BPP, key_id="k1")
    assert await client.find_key(subscriber_id=BPP, key_id="k2") == []
    raw, signature = dedi.registry.last
    dedi.registry.replayed = (raw.replace(b"not found", b"no, found"), signature)
    with pytest.raises(RegistryUnavailable, match="not its own"):
        await client.find_key(subscriber_id=BPP, key_id="k1")
    await client.close()


async def test_a_signed_record_of_another_key_answers_no_question(
    url: str, dedi: Dedi, clock: ManualClock
) -> None:
    dedi.records[f"/dedi/lookup/{BPP}/{REGISTRY}/k1"] = entry(record("k1"))
    trust = RegistryTrust(clock=clock, keys=(dedi.registry.signer.public_key,))
    client = DediClient(url, registry=REGISTRY, trust=trust)
    await client.find_key(subscriber_id=BPP, key_id="k1")
    dedi.registry.replayed = dedi.registry.last
    with pytest.raises(RegistryUnavailable, match="no record that can be read"):
        await client.find_key(subscriber_id=BPP, key_id="k2")
    clock.advance(timedelta(minutes=10))
    with pytest.raises(RegistryUnavailable, match="not its own"):
        await client.find_key(subscriber_id=BPP, key_id="k1")
    await client.close()
