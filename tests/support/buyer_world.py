"""A buyer's node with its real database, API and records, and the seller's platform it trades with."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import simplejson
from fastapi import FastAPI
from sqlalchemy import func, select

from bap.api import buyer_router
from bap.bindings import bind
from bap.buyer import Buyer
from bap.events import EventHub
from bap.examples import CALLBACKS, SELLER_PLATFORM
from bap.handlers import record_undeliverable
from kernel.clock import ManualClock
from node.api_keys import ApiKeys
from node.app import create_app
from node.correspondence import Correspondent, Peer
from node.delivery import Delivery
from node.message import Handler, Inbound, decode
from node.peer_pins import PeerPins
from node.telemetry import Metrics
from node.transport import Transport
from node.wires import Wires
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.errors import SubscriberUnknown, WireError
from protocol.keys import new_private_key
from protocol.profile import V2_RC, Profile
from protocol.rulebook import make_rulebook
from protocol.signing import Signer
from registry_client.reach import Reach
from storage.database import Database
from storage.inbox import ClaimedMessage
from storage.outbox import Outgoing
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from storage.wakeup import Listener

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
KEY: Final = "dgn_test"
BUYER_PLATFORM: Final = "bap.bakery.example"
SELLER_URL: Final = "https://bpp.sunfield.example"
_DOMAIN: Final = "energy-trade"

Json = dict[str, Any]


def correspondent(role: Role, subscriber_id: str, url: str) -> Correspondent:
    return Correspondent(
        role=role,
        subscriber_id=subscriber_id,
        url=url,
        domain=_DOMAIN,
        profile=V2_RC,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
    )


def signer(subscriber_id: str) -> Signer:
    return Signer(
        subscriber_id=subscriber_id,
        key_id="k1",
        private_key=new_private_key(),
        validity=timedelta(minutes=5),
    )


def order(callback: Action = Action.ON_STATUS, **attributes: Any) -> Json:
    """Return the message of a callback, with changes to the contract's attributes."""
    message: Json = copy.deepcopy(CALLBACKS[callback])
    message["order"].setdefault("beckn:orderAttributes", {}).update(attributes)
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerPlatform:
    """A seller's platform that signs for real and hands its callbacks straight to the buyer's handlers."""

    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    writer: Correspondent
    signer: Signer
    handlers: Mapping[Action, Handler] = field(default_factory=bind)

    @classmethod
    def called(
        cls,
        subscriber_id: str,
        *,
        uow_factory: UnitOfWorkFactory,
        clock: ManualClock,
        handlers: Mapping[Action, Handler] | None = None,
    ) -> SellerPlatform:
        return cls(
            uow_factory=uow_factory,
            clock=clock,
            writer=correspondent(Role.BPP, subscriber_id, SELLER_URL),
            signer=signer(subscriber_id),
            handlers=bind() if handlers is None else handlers,
        )

    async def request(self, message_id: str) -> Inbound:
        """Return a request of the buyer's as this platform would have received it."""
        async with self.uow_factory() as uow:
            rows = await uow.connection.execute(select(outbox).where(outbox.c.message_id == message_id))
            row = rows.mappings().one()
        sent = Outgoing(**{name: row[name] for name in Outgoing.__dataclass_fields__})
        return self.arrive(sent, sender=signer(BUYER_PLATFORM))

    async def answer(
        self, message_id: str, content: Mapping[str, Any] | WireError, *, callback: Action | None = None
    ) -> Outgoing:
        """Answer a request of the buyer's, under another callback's name if one is given."""
        request = await self.request(message_id)
        if callback is not None:
            (action,) = (asked for asked, answer in CALLBACK_OF.items() if answer is callback)
            request = replace(request, action=action)
        outgoing = self.writer.answer(request, content, now=self.clock.now())
        await self.hand_over(outgoing)
        return outgoing

    async def tell(
        self,
        action: Action,
        message: Mapping[str, Any],
        *,
        transaction_id: str,
        at: datetime | None = None,
        profile: Profile | None = None,
    ) -> Outgoing:
        """Send a callback that nobody asked for, written `at` an instant."""
        outgoing = self.write(action, message, transaction_id=transaction_id, at=at, profile=profile)
        await self.hand_over(outgoing)
        return outgoing

    def write(
        self,
        action: Action,
        message: Mapping[str, Any],
        *,
        transaction_id: str,
        at: datetime | None = None,
        profile: Profile | None = None,
    ) -> Outgoing:
        """Return a callback that nobody asked for, without sending it."""
        return self.writer.unsolicited(
            action,
            to=Peer(subscriber_id=BUYER_PLATFORM, url="https://bap.bakery.example"),
            message=message,
            transaction_id=transaction_id,
            now=at or self.clock.now(),
            profile=profile,
        )

    async def hand_over(self, outgoing: Outgoing) -> None:
        """Have the buyer's handler take a callback, in one unit of work as dispatch does it."""
        inbound = self.arrive(outgoing, sender=self.signer)
        async with self.uow_factory() as uow:
            assert await self.handlers[inbound.action](inbound, uow, self.clock.now()) is None

    def arrive(self, outgoing: Outgoing, *, sender: Signer) -> Inbound:
        now = self.clock.now()
        return decode(
            ClaimedMessage(
                id=1,
                attempt=1,
                profile=outgoing.profile,
                action=outgoing.action,
                sender=sender.subscriber_id,
                message_id=outgoing.message_id,
                transaction_id=outgoing.transaction_id,
                body=outgoing.body,
                authorization=sender.sign(outgoing.body, now=now, label="BLAKE-512"),
                received_at=now,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerWorld:
    """The buyer's node, a client of its API, and the seller's platform."""

    app: FastAPI
    api: httpx.AsyncClient
    buyer: Buyer
    seller: SellerPlatform
    clock: ManualClock
    uow_factory: UnitOfWorkFactory
    transport: Transport

    async def send(self, action: Action, body: Json, **parameters: Any) -> httpx.Response:
        return await self.api.post(f"/api/v1/{action}", content=to_json(body), params=parameters)

    def delivery(self) -> Delivery:
        """Return the real way out, which tells the buyer what it cannot deliver."""
        return Delivery(
            uow_factory=self.uow_factory,
            transport=self.transport,
            signers=signer(BUYER_PLATFORM),
            clock=self.clock,
            metrics=Metrics(),
            on_undeliverable=record_undeliverable,
        )


def to_json(body: object) -> bytes:
    return simplejson.dumps(body, use_decimal=True).encode()


async def deliver_all(delivery: Delivery) -> None:
    """Send what is due and record what came of it."""
    await delivery.step()
    await delivery.drain()


@asynccontextmanager
async def buyer_world(database: Database) -> AsyncIterator[BuyerWorld]:
    """Run a buyer's node on `database`; its clock stands still."""
    clock, hub = ManualClock(NOW), EventHub()
    uow_factory, listener = UnitOfWorkFactory(database), Listener(database)
    hub.listen_on(listener)

    async def find_peer(subscriber_id: str) -> Peer:
        if subscriber_id != SELLER_PLATFORM:
            raise SubscriberUnknown(f"no subscriber {subscriber_id!r}")
        return Peer(subscriber_id=subscriber_id, url=SELLER_URL)

    async def find_gateway() -> Peer:
        raise SubscriberUnknown("this network has no gateway")

    buyer = Buyer(
        uow_factory=uow_factory,
        correspondent=correspondent(Role.BAP, BUYER_PLATFORM, "https://bap.bakery.example"),
        wires=Wires(spoken=(V2_RC,), usual=V2_RC, pins=PeerPins(), uow_factory=uow_factory),
        rulebook=make_rulebook(),
        find_peer=find_peer,
        find_gateway=find_gateway,
        hub=hub,
        clock=clock,
    )
    app = create_app(
        title="A buyer's platform",
        description="for tests",
        routers=[buyer_router(buyer, max_body_bytes=100_000, heartbeat_seconds=0.2)],
        api_keys=ApiKeys(uow_factory, configured=KEY),
        metrics=Metrics(),
        readiness=_ready,
        running=nullcontext,
    )
    assert isinstance(app, FastAPI)
    async with AsyncExitStack() as stack:
        await listener.start()
        stack.push_async_callback(listener.stop)
        transport = await stack.enter_async_context(
            Transport(timeout=timedelta(seconds=20), reach=Reach.LOOPBACK)
        )
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://bap", headers={"X-Api-Key": KEY}
        )
        api = await stack.enter_async_context(client)
        seller = SellerPlatform.called(SELLER_PLATFORM, uow_factory=uow_factory, clock=clock)
        yield BuyerWorld(
            app=app,
            api=api,
            buyer=buyer,
            seller=seller,
            clock=clock,
            uow_factory=uow_factory,
            transport=transport,
        )


async def count(uow: UnitOfWork, table: Any) -> int:
    found = await uow.connection.execute(select(func.count()).select_from(table))
    return int(found.scalar_one())


async def _ready() -> Mapping[str, bool]:
    return {}
