"""What stands in a registry of a participant: an answer that does not tell is no word that all is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kernel.clock import ManualClock
from protocol.errors import RegistryUnavailable
from registry_client.registrar import Registrar
from registry_client.standing import Standing
from registry_client.subscriber import SubscriberStatus
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import ScriptedRegistry
from tests.support.subscribers import BPP, NOW, record


@pytest.fixture
def registry() -> ScriptedRegistry:
    return ScriptedRegistry(ManualClock(NOW))


@pytest.fixture
async def registrar(registry: ScriptedRegistry) -> AsyncIterator[Registrar]:
    async with (
        LoopbackServer(registry.app) as server,
        Registrar(server.url, clock=registry.clock) as registrar,
    ):
        yield registrar


async def test_entries_are_read_as_peers_see_them(registrar: Registrar, registry: ScriptedRegistry) -> None:
    known = record()
    assert await registrar.records(BPP) == []
    registry.answer = lambda path, question: (200, [known.to_wire(), {"subscriber_id": BPP}])
    assert await registrar.records(BPP) == [known]


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (401, {"error": {"code": "AUT_SIGNATURE_MISSING"}}),
        (429, {"error": {"code": "NET_RATE_LIMITED"}}),
        (404, {"detail": "Not Found"}),
        (200, {"subscribers": []}),
        (200, [{"subscriber_id": BPP}]),
    ],
)
async def test_a_registry_that_does_not_tell_is_not_taken_to_have_nothing(
    registrar: Registrar, registry: ScriptedRegistry, status: int, content: Any
) -> None:
    registry.answer = lambda path, question: (status, content)
    with pytest.raises(RegistryUnavailable):
        await registrar.records(BPP)


async def test_a_registry_that_tells_no_standing_is_asked_by_look_up(
    registrar: Registrar, registry: ScriptedRegistry
) -> None:
    known = record()
    registry.answer = lambda path, question: (200, [known.to_wire()]) if path == "/lookup" else (404, {})
    standing = await registrar.standing(BPP, key_id="k1", key=known.signing_public_key)
    assert standing == Standing(status=SubscriberStatus.SUBSCRIBED)
    assert await registrar.standing(BPP, key_id="k2", key=known.signing_public_key) is None
    assert [path for _, path, _, _ in registry.asked][:2] == [f"/subscriptions/{BPP}", "/lookup"]
