"""Keys change while messages flow: none is refused, none is lost, and none passes with a revoked key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from degnode.processes import BPP_ID
from kernel.clock import SystemClock
from node.api_keys import HEADER
from protocol.actions import Action, Role
from protocol.signing import Signer
from storage.outbox import Outgoing
from tests.support.processes import eventually, rows
from tests.support.rc_examples import example
from tests.support.rotating_network import JoinedNetwork, Party, joined_network
from tests.support.simulated_peer import SimulatedPeer

QUESTION: Final[dict[str, Any]] = {
    "bpp_id": BPP_ID,
    "message": {"refId": "order-1", "refType": "ORDER"},
}
EXCHANGES: Final = 1_000  # a request and its callback each: 2,000 signed messages
MOST: Final = 5_000
IN_FLIGHT: Final = 12
SHORT: Final = "20s"  # far less than signatures last: what k2 has signed would outlive it by minutes
BELIEVED: Final = "CTX_ACTION_MISMATCH"
REVOKED: Final = (401, "AUT_KEY_EXPIRED_OR_REVOKED")


@dataclass(slots=True, kw_only=True)
class Flow:
    """An app that asks and asks, several questions at a time, and keeps how each was answered."""

    app: httpx.AsyncClient
    is_enough: Callable[[], bool]
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)

    async def run(self) -> None:
        """Ask until it is enough; every question waits for its callback."""
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(self._ask_on())

    async def _ask_on(self) -> None:
        while not self.is_enough() and self.answers.total() < MOST:
            answer = await self.app.post("/api/v1/support", json=QUESTION, params={"wait": 60})
            self.answers[answer.status_code, answer.json().get("action", answer.text)] += 1


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[JoinedNetwork]:
    async with joined_network(tmp_path) as running:
        yield running


@asynccontextmanager
async def flowing(network: JoinedNetwork, *, least: int) -> AsyncIterator[Flow]:
    """Let messages flow while the block runs, and until there were `least` exchanges."""
    is_through = False
    buyer = network.buyer
    async with (
        httpx.AsyncClient(
            base_url=buyer.service.url, headers={HEADER: buyer.api_key}, timeout=90, trust_env=False
        ) as app,
        asyncio.TaskGroup() as group,
    ):
        flow = Flow(app=app, is_enough=lambda: is_through and flow.answers.total() >= least)
        group.create_task(flow.run())
        yield flow
        is_through = True


class Thief:
    """Has a key of `victim`, and tries it on the other side again and again.

    What it knocks with is wrong in itself: it is refused for that while its signature is believed, and
    for the key from then on. So it tells how the key stands, and leaves nothing behind.
    """

    def __init__(self, peer: SimulatedPeer, key: Signer, *, victim: Party, target: Party) -> None:
        self.said: list[str] = []
        self.refused_at: datetime | None = None
        self.target = target
        self._peer = peer
        self._peer.signer = key
        self._uri = {"bap_uri" if peer.role is Role.BAP else "bpp_uri": victim.service.url}

    def write(self, **changes: Any) -> Outgoing:
        """Return a message as the victim would write it."""
        action, content = Action.SUPPORT, QUESTION["message"]
        if self._peer.role is Role.BPP:
            action, content = Action.ON_STATUS, example("on_status")["message"]
        context = self._uri | changes
        return self._peer.write(action, content, to=self.target.address, context=context)

    def sign(self, message: Outgoing) -> str:
        return self._peer.sign(message.body)

    async def post(self, message: Outgoing, authorization: str | None = None) -> tuple[int, str]:
        """Return the status and the code that a message is refused with."""
        answer = await self._peer.post(message.url, message.body, authorization=authorization)
        self.said.append(answer.json()["error"]["code"])
        return answer.status_code, self.said[-1]

    async def knock(self) -> bool:
        """Try the key; say whether it is refused."""
        status, _ = await self.post(self.write(action="bogus"))
        if status == 401 and self.refused_at is None:
            self.refused_at = SystemClock().now()
        return status == 401

    async def taken_since(self, key_id: str) -> int:
        """Return how many messages the target took under the key since it first refused it."""
        found = await rows(
            self.target.database_url,
            'SELECT count(*) AS n FROM inbox WHERE "authorization" LIKE :key AND received_at > :since',
            key=f"%|{key_id}|%",
            since=self.refused_at,
        )
        return int(found[0]["n"])


@asynccontextmanager
async def thieves(network: JoinedNetwork, key_id: str) -> AsyncIterator[list[Thief]]:
    """Rob both sides of a key, and let the robbers knock until the block ends."""
    sides = ((Role.BAP, network.buyer, network.seller), (Role.BPP, network.seller, network.buyer))
    async with AsyncExitStack() as stack:
        robbers = []
        for role, victim, target in sides:
            peer = await stack.enter_async_context(SimulatedPeer(role, victim.subscriber_id))
            robbers.append(Thief(peer, await victim.stolen(key_id), victim=victim, target=target))
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for robber in robbers:
                group.create_task(_knock_on(robber, is_over))
            try:
                yield robbers
            finally:
                is_over.set()  # the last answer is waited for: every knock is to be counted


async def _knock_on(robber: Thief, is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        await robber.knock()
        await asyncio.sleep(0.05)


async def both(*calls: Awaitable[None]) -> None:
    await asyncio.gather(*calls)


async def check_all_was_taken(network: JoinedNetwork, flow: Flow) -> None:
    """Every question was answered, and each message that left was delivered."""
    exchanges = flow.answers.total()
    assert flow.answers == {(200, "on_support"): exchanges}
    for party in network.parties:

        async def is_empty(party: Party = party) -> bool:
            return await party.outbox() == {"delivered": exchanges}

        await eventually(is_empty, what=f"all of {party.subscriber_id}'s messages are delivered")


@pytest.mark.timeout(600)
async def test_two_thousand_messages_flow_while_both_sides_rotate_twice_and_none_is_refused(
    network: JoinedNetwork,
) -> None:
    parties, robbers_of = network.parties, {}
    async with flowing(network, least=EXCHANGES) as flow:
        await both(*(party.signs_with("k1") for party in parties))
        await both(*(party.rotate(overlap="1h") for party in parties))
        await both(*(party.signs_with("k2") for party in parties))

        async with thieves(network, "k1") as robbers_of["k1"]:
            captured = [(each, message := each.write(), each.sign(message)) for each in robbers_of["k1"]]
            await both(*(party.revoke("k1") for party in parties))
            await both(*(is_refused(robber) for robber in robbers_of["k1"]))
            for robber, message, authorization in captured:  # signed while the key was good
                assert await robber.post(message, authorization) == REVOKED
                assert await robber.post(robber.write()) == REVOKED

            await both(*(party.rotate(overlap=SHORT) for party in parties))
            await both(*(party.signs_with("k3") for party in parties))

        async with thieves(network, "k2") as robbers_of["k2"]:
            await both(*(party.has_told_all_of("k2") for party in parties))
            await both(*(is_refused(robber) for robber in robbers_of["k2"]))

    await check_all_was_taken(network, flow)
    for party in parties:
        assert set(await party.inbox()) == {"k1", "k2", "k3"}
        robbers = [each for pair in robbers_of.values() for each in pair if each.target is party]
        assert await party.refusals() == Counter(code for robber in robbers for code in robber.said)
    for key_id, robbers in robbers_of.items():
        for robber in robbers:
            first = robber.said.index(REVOKED[1])
            assert set(robber.said[:first]) <= {BELIEVED}
            assert set(robber.said[first:]) == {REVOKED[1]}  # refused once, believed never again
            assert await robber.taken_since(key_id) == 0


@pytest.mark.timeout(600)
async def test_a_key_that_is_revoked_in_full_use_takes_no_message_along(network: JoinedNetwork) -> None:
    """What it has signed is refused where it comes too late, and is signed again with another."""
    parties = network.parties
    async with flowing(network, least=0) as flow:
        await both(*(party.rotate(overlap="1h") for party in parties))
        await both(*(party.signs_with("k2") for party in parties))
        await both(*(party.revoke("k2") for party in parties))
        await both(*(party.signs_with("k3") for party in parties))
    await check_all_was_taken(network, flow)
    for party in parties:
        assert set(await party.inbox()) >= {"k1", "k2", "k3"}


async def is_refused(robber: Thief) -> None:
    async def is_known() -> bool:
        return robber.refused_at is not None

    await eventually(is_known, what="the other side refuses the key")
