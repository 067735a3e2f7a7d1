"""The plain API of a buyer's node, and the built-in seller that answers it, on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import httpx
import simplejson
from fastapi import FastAPI
from sqlalchemy import select

from bap.api import buyer_router
from bap.bindings import bind
from bap.buyer import Buyer
from bap.events import EventHub
from bap.handlers import record_undeliverable
from bap.market.api import market_router
from bap.market.desk import MarketDesk
from bap.market.news import MarketNews
from bap.market.webhook_api import WebhookDesk
from bap.market.webhook_post import WebhookPost
from bpp.platform import Bpp
from kernel.clock import ManualClock
from kernel.errors import NodeError
from keystore.local_key_manager import LocalKeyManager
from node.api_key_store import ApiKeyWish, issue_api_key
from node.api_keys import ApiKeys
from node.app import create_app
from node.audit import Actor
from node.correspondence import Peer
from node.peer_pins import PeerPins
from node.scopes import Scope
from node.telemetry import Metrics
from node.transport import Transport
from node.wires import Wires
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.errors import SubscriberUnknown, WireError
from protocol.profile import PROFILES, Profile
from protocol.rulebook import make_rulebook
from registry_client.reach import Reach
from storage.database import Database
from storage.outbox import ClaimedOutgoing
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.buyer_world import BUYER_PLATFORM, KEY, SellerPlatform, correspondent
from tests.support.seller_world import BPP_ID, BPP_URL, NOW, SellerWorld

Json = dict[str, Any]
PLAIN: Final = "/api/v1/market"
_UNASKED: Final = (Action.ON_STATUS, Action.ON_UPDATE)


@dataclass(kw_only=True)
class MarketWorld:
    """An app's client of the plain API, and the seller, whose answers come when they are let come."""

    app: FastAPI
    api: httpx.AsyncClient
    desk: MarketDesk
    news: MarketNews
    post_due: WebhookPost
    seller: SellerWorld
    platform: SellerPlatform
    clock: ManualClock
    uow_factory: UnitOfWorkFactory
    _answered: set[str] = field(default_factory=set)

    async def post(self, path: str, body: Json | None = None, **options: Any) -> httpx.Response:
        return await self.api.post(f"{PLAIN}{path}", json=body, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.api.get(f"{PLAIN}{path}", **options)

    async def answer_all(self) -> list[Action]:
        """Have the seller answer everything that it was asked, also what comes of its answers."""
        answered = []
        while row := await self._next_request():
            await self.answer(row)
            answered.append(Action(row["action"]))
        return answered

    async def answer(self, row: Mapping[str, Any], content: Json | WireError | None = None) -> None:
        """Hand the seller's answer to a request over, or another one."""
        self._answered.add(row["message_id"])
        if content is None:
            content = await self._say(row)
        await self.platform.answer(row["message_id"], content)

    async def lose(self, row: Mapping[str, Any], error: WireError, *, state: OutboxState) -> None:
        """Have a request come back undelivered."""
        self._answered.add(row["message_id"])
        async with self.uow_factory() as uow:
            await uow.connection.execute(outbox.update().where(outbox.c.id == row["id"]).values(state=state))
            claimed = ClaimedOutgoing(
                **{name: row[name] for name in ClaimedOutgoing.__dataclass_fields__ if name in row}, attempt=1
            )
            record = partial(record_undeliverable, on_undelivered=self.news.undeliverable)
            await record(uow, claimed, error, self.clock.now())

    async def tell_all(self) -> None:
        """Hand over what the seller tells unasked."""
        async with self.uow_factory() as uow:
            query = select(outbox).where(outbox.c.action.in_(_UNASKED)).order_by(outbox.c.id)
            rows = (await uow.connection.execute(query)).mappings().all()
        for row in rows:
            document = simplejson.loads(row["body"], use_decimal=True)
            if row["message_id"] not in self._answered:
                self._answered.add(row["message_id"])
                await self.platform.tell(
                    Action(row["action"]),
                    document["message"],
                    transaction_id=row["transaction_id"],
                    profile=PROFILES[row["profile"]],
                )

    async def requests(self) -> list[Mapping[str, Any]]:
        """Return what lies in the outbox for sellers and was not answered."""
        async with self.uow_factory() as uow:
            query = select(outbox).where(outbox.c.action.in_(list(CALLBACK_OF))).order_by(outbox.c.id)
            rows = (await uow.connection.execute(query)).mappings().all()
        return [dict(row) for row in rows if row["message_id"] not in self._answered]

    async def found(self, **form: Any) -> Json:
        """Return a search that everybody who was asked has answered."""
        begun = (await self.post("/offers/search", {"words": "rooftop", "sellers": [BPP_ID]} | form)).json()
        await self.answer_all()
        found: Json = (await self.get(f"/searches/{begun['id']}")).json()
        return found

    async def quoted(self, kwh: str = "10", **form: Any) -> Json:
        """Return a quote for the only offer."""
        [offer] = (await self.found())["offers"]
        body = {"offer_id": offer["id"], "kwh": kwh, "meter": "98765456"} | form
        begun = (await self.post("/quotes", body)).json()
        await self.answer_all()
        quote: Json = (await self.get(f"/quotes/{begun['id']}")).json()
        return quote

    async def bought(self, kwh: str = "10") -> Json:
        """Return an order that binds."""
        quote = await self.quoted(kwh)
        await self.post("/orders", {"quote_id": quote["id"], "confirm": True})
        await self.answer_all()
        order: Json = (await self.get(f"/orders/{quote['id']}")).json()
        return order

    async def key_for(self, name: str, *scopes: Scope) -> dict[str, str]:
        """Return the header of another holder's API key."""
        async with self.uow_factory() as uow:
            wish = ApiKeyWish(name=name, scopes=frozenset(scopes or {Scope.MARKET}))
            issued = await issue_api_key(uow, wish, by=Actor(who="a test"), now=self.clock.now())
        return {"X-Api-Key": issued.text}

    async def _next_request(self) -> Mapping[str, Any] | None:
        return next(iter(await self.requests()), None)

    async def _say(self, row: Mapping[str, Any]) -> Json | WireError:
        message = simplejson.loads(row["body"], use_decimal=True)["message"]
        speaking = self.seller.speaking(PROFILES[row["profile"]])
        try:
            return await speaking.send(
                Action(row["action"]), message, transaction_id=row["transaction_id"], bap_id=BUYER_PLATFORM
            )
        except NodeError as error:
            return WireError.of(error)


@asynccontextmanager
async def market_world(
    database: Database, *, profile: Profile, bpp: Bpp | None = None, sellers: Sequence[str] = (BPP_ID,)
) -> AsyncIterator[MarketWorld]:
    """Run a buyer's node that speaks `profile` with a seller it has not heard of; its clock stands still."""
    clock, hub = ManualClock(NOW), EventHub()
    uow_factory, listener = UnitOfWorkFactory(database), Listener(database)
    hub.listen_on(listener)

    async def find_peer(subscriber_id: str) -> Peer:
        if subscriber_id == "nobody.example":
            raise SubscriberUnknown(f"no subscriber {subscriber_id!r}")
        return Peer(subscriber_id=subscriber_id, url=BPP_URL)

    async def find_gateway() -> Peer:
        raise SubscriberUnknown("this network has no gateway")

    async def find_sellers() -> Sequence[str]:
        return sellers

    buyer = Buyer(
        uow_factory=uow_factory,
        correspondent=correspondent(Role.BAP, BUYER_PLATFORM, "https://bap.bakery.example"),
        wires=Wires(spoken=tuple(PROFILES.values()), usual=profile, pins=PeerPins(), uow_factory=uow_factory),
        rulebook=make_rulebook(),
        find_peer=find_peer,
        find_gateway=find_gateway,
        hub=hub,
        clock=clock,
    )
    desk, news = MarketDesk(buyer=buyer, find_sellers=find_sellers), MarketNews(buyer=buyer)
    key_manager = LocalKeyManager([bytes(32)])
    webhooks = WebhookDesk(desk=desk, key_manager=key_manager, reach=Reach.LOOPBACK)
    app = _app(desk, webhooks, ApiKeys(uow_factory, configured=KEY, clock=clock))
    async with AsyncExitStack() as stack:
        await listener.start()
        stack.push_async_callback(listener.stop)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://bap", headers={"X-Api-Key": KEY}
        )
        api = await stack.enter_async_context(client)
        seller = SellerWorld(uow_factory=uow_factory, clock=clock)
        seller = await (seller if bpp is None else replace(seller, bpp=bpp)).open()
        platform = SellerPlatform.called(
            BPP_ID, uow_factory=uow_factory, clock=clock, handlers=bind(news.arrived)
        )
        yield MarketWorld(
            app=app,
            api=api,
            desk=desk,
            news=news,
            post_due=_post(desk, key_manager),
            seller=seller,
            platform=platform,
            clock=clock,
            uow_factory=uow_factory,
        )


def _post(desk: MarketDesk, key_manager: LocalKeyManager) -> WebhookPost:
    return WebhookPost(
        uow_factory=desk.buyer.uow_factory,
        clock=desk.buyer.clock,
        key_manager=key_manager,
        open_transport=lambda: Transport(timeout=timedelta(seconds=5), reach=Reach.LOOPBACK),
    )


def _app(desk: MarketDesk, webhooks: WebhookDesk, api_keys: ApiKeys) -> FastAPI:
    app = create_app(
        title="A buyer's platform",
        description="for tests",
        routers=[market_router(desk, webhooks, heartbeat_seconds=0.2), buyer_router(desk.buyer)],
        api_keys=api_keys,
        metrics=Metrics(),
        readiness=_ready,
        running=nullcontext,
    )
    assert isinstance(app, FastAPI)
    return app


async def _ready() -> Mapping[str, bool]:
    return {}
