"""Signed questions and verified answers: a forged, replayed or unsigned answer is believed by nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kernel.clock import ManualClock
from kernel.errors import NodeError
from protocol.ed25519 import PublicKey
from protocol.errors import RegistryUnavailable
from protocol.keys import new_private_key
from protocol.signing import Signer, Signers
from registry_client.answer_signature import RegistryTrust
from registry_client.lookup import LookupClient
from registry_client.ports import Wanted
from registry_client.subscriber import Place, SubscriberRecord, SubscriberRole
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import ScriptedRegistry, verify_question
from tests.support.subscribers import BPP, NOW, record

ME = Signer(subscriber_id="bap.example.com", key_id="k1", private_key=new_private_key())
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def known() -> SubscriberRecord:
    return record()


@pytest.fixture
def registry(clock: ManualClock, known: SubscriberRecord) -> ScriptedRegistry:
    def answer(_path: str, question: dict[str, Any]) -> tuple[int, Any]:
        return 200, [known.to_wire()] if question.get("subscriber_id") == BPP else []

    return ScriptedRegistry(clock, answer=answer)


@pytest.fixture
async def url(registry: ScriptedRegistry) -> AsyncIterator[str]:
    async with LoopbackServer(registry.app) as server:
        yield server.url


def client_of(url: str, clock: ManualClock, *keys: PublicKey, signers: Signers | None = ME) -> LookupClient:
    return LookupClient(url, trust=RegistryTrust(clock=clock, signers=signers, keys=keys))


async def refusal(client: LookupClient, subscriber_id: str = BPP) -> str:
    with pytest.raises(RegistryUnavailable) as refused:
        await client.find(Wanted(subscriber_id=subscriber_id))
    assert refused.value.retryable
    await client.close()
    return refused.value.message


async def test_a_question_is_signed_and_its_answer_verified(
    url: str, registry: ScriptedRegistry, clock: ManualClock, known: SubscriberRecord
) -> None:
    client = client_of(url, clock, registry.signer.public_key)
    assert await client.find_key(subscriber_id=BPP, key_id="k1") == [known]
    verify_question(registry.asked[0], signer=ME, clock=clock)
    await client.close()


async def test_a_question_of_a_place_is_asked_as_a_location(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    client = client_of(url, clock)
    here = Place(country="IND", city="std:080")
    at_home, everywhere = record("k1", place=here), record("k2")
    elsewhere = record("k3", place=Place(country="IND", city="std:011"))
    registry.answer = lambda path, question: (
        200,
        [found.to_wire() for found in (at_home, everywhere, elsewhere)],
    )
    assert await client.find(Wanted(role=SubscriberRole.BPP, place=here)) == [at_home, everywhere]
    assert b'"location":{"country":{"code":"IND"},"city":{"code":"std:080"}}' in registry.asked[0][2]
    await client.close()


async def test_without_a_pinned_key_an_answer_is_believed_as_it_comes(
    url: str, registry: ScriptedRegistry, clock: ManualClock, known: SubscriberRecord
) -> None:
    registry.signs = False
    client = client_of(url, clock)
    assert await client.find(Wanted(subscriber_id=BPP)) == [known]
    await client.close()


async def test_either_of_two_pinned_keys_will_do_while_the_registry_changes_its_own(
    url: str, registry: ScriptedRegistry, clock: ManualClock, known: SubscriberRecord
) -> None:
    old = new_private_key().public_key
    client = client_of(url, clock, old, registry.signer.public_key)
    assert await client.find(Wanted(subscriber_id=BPP)) == [known]
    await client.close()


async def test_a_forged_answer_is_none(url: str, registry: ScriptedRegistry, clock: ManualClock) -> None:
    client = client_of(url, clock, new_private_key().public_key)
    assert await refusal(client) == "the registry gave an answer that is not its own"


async def test_an_unsigned_answer_is_none(url: str, registry: ScriptedRegistry, clock: ManualClock) -> None:
    registry.signs = False
    assert "not its own" in await refusal(client_of(url, clock, registry.signer.public_key))


async def test_an_unsigned_error_is_none_either(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    registry.signs = False
    registry.answer = lambda path, question: (404, {})
    assert "not its own" in await refusal(client_of(url, clock, registry.signer.public_key))


async def test_a_changed_answer_is_none(url: str, registry: ScriptedRegistry, clock: ManualClock) -> None:
    client = client_of(url, clock, registry.signer.public_key)
    await client.find(Wanted(subscriber_id=BPP))
    raw, signature = registry.last
    registry.replayed = (raw.replace(b"SUBSCRIBED", b"UNSUBSCRIBED"), signature)
    assert "not its own" in await refusal(client)


async def test_an_answer_to_another_question_is_none(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    client = client_of(url, clock, registry.signer.public_key)
    await client.find(Wanted(subscriber_id=BPP))
    registry.replayed = registry.last
    assert "not its own" in await refusal(client, "bpp.elsewhere.example")


async def test_an_old_answer_to_the_same_question_is_none(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    client = client_of(url, clock, registry.signer.public_key)
    await client.find(Wanted(subscriber_id=BPP))
    registry.replayed = registry.last
    clock.advance(timedelta(seconds=1))
    assert "not its own" in await refusal(client)


async def test_an_answer_that_binds_nothing_is_none(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    registry.binds = False
    assert "not its own" in await refusal(client_of(url, clock, registry.signer.public_key))


async def test_whoever_has_no_key_asks_unsigned_and_still_verifies(
    url: str, registry: ScriptedRegistry, clock: ManualClock, known: SubscriberRecord
) -> None:
    client = client_of(url, clock, registry.signer.public_key, signers=None)
    assert await client.find(Wanted(subscriber_id=BPP)) == [known]
    assert "authorization" not in registry.asked[0][3]
    registry.replayed = registry.last
    clock.advance(10 * MINUTE)
    assert "not its own" in await refusal(client)


async def test_a_node_without_a_key_to_sign_with_does_not_ask(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    class NoKey:
        subscriber_id = "bap.example.com"

        def at(self, now: object, /) -> Signer:
            raise NodeError("there is no key that is valid now")

    assert "no key to sign with" in await refusal(client_of(url, clock, signers=NoKey()))
    assert registry.asked == []


async def test_a_node_that_may_not_ask_is_told_what_to_look_at(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    registry.answer = lambda path, question: (401, {"error": {"code": "AUT_KEY_NOT_FOUND"}})
    assert "is its key entered there" in await refusal(client_of(url, clock, registry.signer.public_key))


async def test_a_key_named_by_its_record_is_none_of_such_a_registry(
    url: str, registry: ScriptedRegistry, clock: ManualClock
) -> None:
    client = client_of(url, clock)
    assert await client.find_key(subscriber_id="", key_id="a/b/c") == []
    assert registry.asked == []
    await client.close()
