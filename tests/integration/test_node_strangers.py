"""A hundred senders whom nobody has heard of, all at once: the registry is asked once for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol.actions import Action, Role
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.loopback_server import LoopbackServer
from tests.support.participants import RunningParticipant, RunningRegistry, running_participant
from tests.support.rc_examples import example
from tests.support.registries import TOKEN, registry_app
from tests.support.simulated_peer import SimulatedPeer

STRANGERS: Final = 100
MESSAGES: Final = 20  # of each
CONFIRM: Final = example("confirm")["message"]


class Counting:
    """An application that counts what it is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked[scope["path"]] += 1
        await self._app(scope, receive, send)


@pytest.fixture
async def seller(database: Database, tmp_path: Path) -> AsyncIterator[tuple[RunningParticipant, Counting]]:
    """A BPP at its door, and what its registry is asked."""
    counting = Counting(registry_app(UnitOfWorkFactory(database)))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(LoopbackServer(counting))
        seller = await stack.enter_async_context(
            running_participant(
                role=Role.BPP,
                subscriber_id="bpp.sunfield.example",
                database=database,
                registry=RunningRegistry(server=server),
                data_dir=tmp_path,
                workers=False,
            )
        )
        yield seller, counting


@pytest.fixture
async def strangers() -> AsyncIterator[list[SimulatedPeer]]:
    """A hundred buyers' platforms, each at an address of its own."""
    async with AsyncExitStack() as stack:
        peers = [SimulatedPeer(Role.BAP, f"bap-{number}.example") for number in range(STRANGERS)]
        yield [await stack.enter_async_context(peer) for peer in peers]


async def test_a_hundred_unknown_senders_cost_at_most_a_hundred_questions(
    seller: tuple[RunningParticipant, Counting], strangers: list[SimulatedPeer]
) -> None:
    bpp, registry = seller
    entered, unheard_of = strangers[::2], strangers[1::2]
    for peer in entered:
        await peer.register(registry_url(bpp), token=TOKEN)
    registry.asked.clear()

    connector = aiohttp.TCPConnector(limit=40)  # httpx's pool takes minutes for so many at once
    async with aiohttp.ClientSession(connector=connector) as client:

        async def send(peer: SimulatedPeer) -> int:
            message = peer.write(Action.CONFIRM, CONFIRM, to=bpp.address, context={"ttl": "PT10M"})
            headers = {"Authorization": peer.sign(message.body), "Content-Type": "application/json"}
            async with client.post(message.url, data=message.body, headers=headers) as answer:
                return answer.status

        everybody = [peer for peer in strangers for _ in range(MESSAGES)]
        statuses = await asyncio.gather(*map(send, everybody))

    said = Counter((peer in entered, status) for peer, status in zip(everybody, statuses, strict=True))
    assert said == {(True, 200): len(entered) * MESSAGES, (False, 401): len(unheard_of) * MESSAGES}
    assert 0 < registry.asked["/lookup"] <= STRANGERS


def registry_url(bpp: RunningParticipant) -> str:
    return str(bpp.participant.foundation.settings.registry_url).rstrip("/")
