"""The registry's feed of changes, read over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kernel.clock import ManualClock
from protocol.errors import RegistryUnavailable
from protocol.keys import new_private_key
from registry_client.answer_signature import RegistryTrust
from registry_client.changes import Change, ChangeFeed, Changes
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import ScriptedRegistry
from tests.support.subscribers import BPP, NOW


@pytest.fixture
def registry() -> ScriptedRegistry:
    return ScriptedRegistry(ManualClock(NOW))


@pytest.fixture
async def feed(registry: ScriptedRegistry) -> AsyncIterator[ChangeFeed]:
    async with LoopbackServer(registry.app) as server:
        following = ChangeFeed(server.url, wait=timedelta(seconds=7))
        yield following
        await following.close()


async def test_changes_are_read_in_their_order(feed: ChangeFeed, registry: ScriptedRegistry) -> None:
    told = {"number": 7, "subscriber_id": BPP, "key_id": "k1", "at": "2026-01-09T10:00:00Z"}
    registry.answer = lambda path, question: (200, {"changes": [told], "last": 9})
    change = Change(number=7, subscriber_id=BPP, key_id="k1")
    assert await feed.after(6) == Changes(changes=(change,), last=9)
    await feed.after(6, may_wait=False)
    await feed.after(None)
    assert [path for _, path, _, _ in registry.asked] == [
        "/changes?after=6&wait=7",
        "/changes?after=6&wait=0",
        "/changes",
    ]


@pytest.mark.parametrize("status", [404, 405])
async def test_a_registry_without_a_feed_is_none_that_is_down(
    feed: ChangeFeed, registry: ScriptedRegistry, status: int
) -> None:
    registry.answer = lambda path, question: (status, {})
    assert await feed.after(0) is None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"changes": []},
        {"changes": [{}], "last": 1},
        {"changes": [7], "last": 1},
        {"changes": 1, "last": 1},
    ],
)
async def test_changes_that_cannot_be_read_mean_try_again(
    feed: ChangeFeed, registry: ScriptedRegistry, content: Any
) -> None:
    registry.answer = lambda path, question: (200, content)
    with pytest.raises(RegistryUnavailable, match="no changes that can be read"):
        await feed.after(0)


async def test_where_the_registry_signs_forged_changes_are_not_believed(registry: ScriptedRegistry) -> None:
    registry.answer = lambda path, question: (200, {"changes": [], "last": 0})
    async with LoopbackServer(registry.app) as server:
        feeds = [
            ChangeFeed(server.url, trust=RegistryTrust(clock=registry.clock, keys=(key,)))
            for key in (registry.signer.public_key, new_private_key().public_key)
        ]
        assert await feeds[0].after(0) == Changes(changes=(), last=0)
        with pytest.raises(RegistryUnavailable, match="not its own"):
            await feeds[1].after(0)
        for feed in feeds:
            await feed.close()
