"""Passing messages on: the sender's signature beside ours, nobody held up, nothing sent when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from kernel.clock import ManualClock
from node.delivery import Delivery
from node.telemetry import Metrics
from node.transport import Transport
from protocol.actions import Action, Role
from protocol.profile import V1_1
from protocol.signing import THREE_LINES, parse_header, verify
from registry_client.reach import Reach
from storage.outbox import Outgoing, relay_key
from storage.tables import outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.dock import once
from tests.support.outgoing import NOW, outgoing
from tests.support.peers import unhealthy_peers
from tests.support.simulated_peer import Reply, SimulatedPeer
from tests.support.waiting import eventually

SEARCH = b'{"context": {"message_id": "m-1", "transaction_id": "t-1"}}'
LIFE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """A gateway's way out, and two sellers' platforms; the gateway and the buyer only sign."""

    gateway: SimulatedPeer
    buyer: SimulatedPeer
    sellers: tuple[SimulatedPeer, SimulatedPeer]
    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    transport: Transport

    def delivery(self, **changes: Any) -> Delivery:
        return Delivery(
            uow_factory=self.uow_factory,
            transport=self.transport,
            signers=self.gateway.signer,
            clock=self.clock,
            metrics=Metrics(),
            **changes,
        )

    def relay(self, seller: SimulatedPeer, message_id: str = "m-1", **changes: Any) -> Outgoing:
        fields = {
            "profile": V1_1.name,
            "action": Action.DISCOVER,
            "peer": seller.signer.subscriber_id,
            "url": V1_1.url_of(Action.DISCOVER, seller.url),
            "body": SEARCH,
            "expires_at": NOW + LIFE,
            "sender_authorization": self.buyer.sign(SEARCH),
            "relay": relay_key(sender="bap.example", receiver=seller.signer.subscriber_id),
        }
        return outgoing(message_id, **fields | changes)

    async def pass_on(self, *messages: Outgoing) -> None:
        async with self.uow_factory() as uow:
            await uow.outbox.pass_on(messages)

    async def states(self) -> dict[str, str]:
        async with self.uow_factory() as uow:
            found = await uow.connection.execute(select(outbox.c.peer, outbox.c.state))
            return {row.peer: row.state for row in found}


@pytest.fixture
async def yard(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Yard]:
    clock = ManualClock(NOW)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(SimulatedPeer(Role.BPP, name, clock=clock, profile=V1_1))
            for name in ("bpp.one.example", "bpp.two.example")
        ]
        gateway, buyer = (
            SimulatedPeer(Role.BAP, name, clock=clock) for name in ("bg.example", "bap.example")
        )
        transport = Transport(timeout=timedelta(seconds=20), reach=Reach.LOOPBACK)
        yield Yard(
            gateway=gateway,
            buyer=buyer,
            sellers=(first, second),
            uow_factory=uow_factory,
            clock=clock,
            transport=await stack.enter_async_context(transport),
        )


async def test_the_senders_signature_goes_on_unchanged_and_ours_stands_beside_it(yard: Yard) -> None:
    seller, _ = yard.sellers
    await yard.pass_on(relay := yard.relay(seller))
    assert await once(yard.delivery())
    (received,) = seller.received
    assert (received.body, received.authorization) == (SEARCH, relay.sender_authorization)
    header = parse_header(received.gateway_authorization)
    assert (header.subscriber_id, header.headers) == ("bg.example", THREE_LINES)
    verify(
        received.body,
        header,
        key=yard.gateway.signer.public_key,
        now=NOW,
        labels=V1_1.digest_labels[:1],
    )
    assert await yard.states() == {"bpp.one.example": "delivered"}


async def test_our_own_messages_go_without_the_gateways_header(yard: Yard) -> None:
    seller, _ = yard.sellers
    async with yard.uow_factory() as uow:
        await uow.outbox.put(yard.relay(seller, sender_authorization=None, relay=""))
    await once(yard.delivery())
    (received,) = seller.received
    assert parse_header(received.authorization).subscriber_id == "bg.example"
    assert received.gateway_authorization == ""


async def test_what_has_lapsed_is_not_sent_and_blames_nobody(yard: Yard) -> None:
    seller, _ = yard.sellers
    await yard.pass_on(yard.relay(seller))
    yard.clock.advance(LIFE)
    assert await once(yard.delivery())
    assert await yard.states() == {"bpp.one.example": "dead"}
    assert seller.received == []
    async with yard.uow_factory() as uow:
        assert await unhealthy_peers(uow.connection) == []
        (row,) = (await uow.connection.execute(select(outbox.c.authorizations, outbox.c.last_error))).all()
    assert row == ([], "it lapsed before it was sent")


async def test_one_that_is_silent_holds_up_nobody_and_takes_no_more_than_its_share(yard: Yard) -> None:
    silent, other = yard.sellers
    speak = asyncio.Event()
    silent.reply = Reply(after=speak)
    await yard.pass_on(*(yard.relay(silent, f"m-{number}") for number in range(6)), yard.relay(other))
    delivery = yard.delivery(concurrency=4, per_peer=2)

    async def seen() -> tuple[int, int]:
        await delivery.step()
        return len(silent.received), len(other.received)

    await eventually(seen, (2, 1))
    speak.set()
    await delivery.drain()
    while await once(delivery):
        pass
    assert len(silent.received) == 6
    assert set((await yard.states()).values()) == {"delivered"}
