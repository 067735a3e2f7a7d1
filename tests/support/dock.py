"""A seller's way out, two buyers' platforms at its end, and its outbox to be filled and looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from kernel.clock import ManualClock
from node.delivery import Delivery
from node.telemetry import Metrics
from node.transport import Transport
from protocol.actions import Action, Role
from protocol.profile import V2_RC
from protocol.signing import parse_header, verify
from registry_client.reach import Reach
from storage.backoff import Backoff
from storage.outbox import Outgoing
from storage.tables import outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import NOW
from tests.support.peers import unhealthy_peers
from tests.support.rc_examples import example
from tests.support.simulated_peer import Received, SimulatedPeer

BACKOFF: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))
LEASE: Final = timedelta(seconds=30)
PATIENCE: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dock:
    """A seller's way out, and two buyers' platforms to deliver to."""

    seller: SimulatedPeer
    buyer: SimulatedPeer
    other: SimulatedPeer
    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    transport: Transport
    metrics: Metrics = field(default_factory=Metrics)

    def delivery(self, **changes: Any) -> Delivery:
        values: dict[str, Any] = {
            "uow_factory": self.uow_factory,
            "transport": self.transport,
            "signers": self.seller.signer,
            "clock": self.clock,
            "metrics": self.metrics,
            "lease": LEASE,
            "backoff": BACKOFF,
        }
        return Delivery(**values | changes)

    def write(self, to: SimulatedPeer | None = None, *, transaction_id: str = "t-1") -> Outgoing:
        return self.seller.write(
            Action.ON_STATUS,
            example("on_status")["message"],
            to=(to or self.buyer).address,
            transaction_id=transaction_id,
        )

    async def put(self, *messages: Outgoing) -> None:
        async with self.uow_factory() as uow:
            for message in messages:
                await uow.outbox.put(message)

    async def rows(self) -> list[Any]:
        async with self.uow_factory() as uow:
            return list((await uow.connection.execute(select(outbox).order_by(outbox.c.id))).all())

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]

    async def blocked(self) -> list[tuple[str, int]]:
        async with self.uow_factory() as uow:
            return [(peer.subscriber_id, peer.failures) for peer in await unhealthy_peers(uow.connection)]

    def check_signature(self, received: Received, *, request_signatures: tuple[str, ...] = ()) -> None:
        verify(
            received.body,
            parse_header(received.authorization),
            key=self.seller.signer.public_key,
            now=self.clock.now(),
            labels=V2_RC.digest_labels[:1],
            request_signatures=request_signatures,
        )


@asynccontextmanager
async def delivery_dock(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Dock]:
    """Run the peers and open the way out; all clocks stand still."""
    clock = ManualClock(NOW)
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(SimulatedPeer(role, subscriber_id, clock=clock))
            for role, subscriber_id in (
                (Role.BPP, "bpp.example.com"),
                (Role.BAP, "bap.example.com"),
                (Role.BAP, "bap.other.example"),
            )
        ]
        transport = await stack.enter_async_context(Transport(timeout=PATIENCE, reach=Reach.LOOPBACK))
        yield Dock(
            seller=peers[0],
            buyer=peers[1],
            other=peers[2],
            uow_factory=uow_factory,
            clock=clock,
            transport=transport,
        )


async def once(delivery: Delivery) -> bool:
    """Send what is due and record what came of it; say whether there was anything."""
    did = await delivery.step()
    await delivery.drain()
    return did
