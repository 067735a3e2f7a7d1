"""A seller's back office for tests, behind a real socket, and a seller's platform that asks and tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr
from sqlalchemy import func, select

from bpp.bindings import bind
from bpp.provider.asking import Asking
from bpp.provider.breaker import Breaker, Door
from bpp.provider.office import Office, Offices
from bpp.provider.port import ProviderPort
from bpp.provider.telling import FOLLOWER, Telling
from bpp.provider.webhook import SIGNATURE_HEADER, WebhookProvider
from kernel.body_signature import BodySignatureInvalid, check_body_signature
from kernel.clock import Clock, ManualClock
from node.message import Inbound
from protocol.actions import CALLBACK_OF, Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.grid_world import GridWorld
from tests.support.loopback_server import LoopbackServer, Served
from tests.support.seller_world import BAP_ID, NOW, Json, SellerWorld, require_valid
from trading.contract_news import NewsStore
from trading.tables import contract_news

SECRET: Final = "a-secret-of-both-which-is-long-enough"
PATIENT: Final = timedelta(seconds=20)
REST: Final = timedelta(seconds=30)
TTL: Final = timedelta(hours=24)


class BackOffice(Served):
    """Keeps what it is asked and told, and answers as a test says; without `answers` it takes all."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Json]] = []
        self.answers: list[Response] = []
        self.never = asyncio.Event()
        self.came: dict[str, asyncio.Event] = {kind: asyncio.Event() for kind in ("question", "event")}
        self.is_silent = False
        app = FastAPI()
        app.post("/")(self._take)
        self.server = LoopbackServer(app)

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        try:
            check_body_signature(request.headers.get(SIGNATURE_HEADER), body, secret=SECRET, now=NOW)
        except BodySignatureInvalid:
            return Response(status_code=401)
        said = orjson.loads(body)
        self.posts.append((request.headers["Idempotency-Key"], said))
        self.came[said["type"]].set()
        if self.is_silent:
            await self.never.wait()
        return self.answers.pop(0) if self.answers else JSONResponse({"answer": "accept"})

    async def leave(self) -> None:
        self.never.set()
        await super().leave()

    async def asked_of(self, kind: str) -> None:
        """Wait until a question, or an event, has come."""
        await self.came[kind].wait()

    def asked(self) -> list[Json]:
        return [said for _, said in self.posts if said["type"] == "question"]

    def events(self) -> list[Json]:
        return [said for _, said in self.posts if said["type"] == "event"]

    def told(self) -> list[str]:
        return [said["event"] for said in self.events()]


def webhook(url: str, clock: Clock, *, secret: str = SECRET) -> WebhookProvider:
    """Return the port to a back office that is reached there."""
    return WebhookProvider(url, secret=SecretStr(secret), clock=clock)


def served_by(
    port: ProviderPort,
    clock: Clock,
    uow_factory: UnitOfWorkFactory,
    *,
    name: str = "usual",
    patience: timedelta = PATIENT,
) -> Office:
    """Return a back office behind `port`."""
    breaker = partial(Breaker, office=name, rest=REST, uow_factory=uow_factory)
    return Office(
        name=name,
        port=port,
        patience=patience,
        breaker=breaker(door=Door.QUESTIONS),
        event_breaker=breaker(door=Door.EVENTS),
        clock=clock,
    )


def asked_first(world: GridWorld, office: BackOffice) -> None:
    """Have a seller with utilities ask its back office before them."""
    seller = world.seller
    preparations = Asking(
        bpp=world.bpp,
        offices=Offices(
            usual=served_by(webhook(office.url, ManualClock(NOW)), world.clock, seller.uow_factory)
        ),
        uow_factory=seller.uow_factory,
        clock=world.clock,
    ).preparations()
    handlers = {
        action: each for action, each in seller.dispatch.handlers.items() if action not in preparations
    }
    seller.dispatch = replace(seller.dispatch, handlers=handlers, preparations=preparations)


@dataclass(kw_only=True)
class AskedWorld(SellerWorld):
    """A seller's platform whose back office has the last word."""

    port: ProviderPort
    patience: timedelta = PATIENT
    ttl: timedelta = TTL
    own: Mapping[str, Office | None] = field(default_factory=dict)
    """The back offices of single providers."""
    between: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    """What happens after the back office was asked, before the order is handled."""

    @property
    def offices(self) -> Offices:
        usual = served_by(self.port, self.clock, self.uow_factory, patience=self.patience)
        return Offices(usual=usual, by_provider=self.own)

    async def open(self) -> AskedWorld:
        await super().open()
        async with self.uow_factory() as uow:
            await NewsStore(uow.connection).follow(FOLLOWER, since=NOW)
        return self

    async def handle(self, inbound: Inbound) -> Json | None:
        """Ask, then handle, as a worker does it."""
        asking = Asking(
            bpp=self.bpp, offices=self.offices, uow_factory=self.uow_factory, clock=self.clock
        ).preparations()
        action = inbound.action
        handler = await asking[action](inbound) if action in asking else bind(self.bpp)[action]
        while self.between:
            await self.between.pop()()
        async with self.uow_factory() as uow:
            content = await handler(inbound, uow, self.clock.now())
        return None if content is None else dict(content)

    async def send(
        self, action: Action, message: Json, *, transaction_id: str | None = None, bap_id: str = BAP_ID
    ) -> Json:
        inbound = self.inbound(action, message, transaction_id=transaction_id, bap_id=bap_id)
        content = await self.handle(inbound)
        assert content is not None
        sealed = self.bpp.correspondent.answer(inbound, content, now=self.clock.now())
        answer: Json = require_valid(CALLBACK_OF[action], sealed.body, profile=self.profile)["message"]
        return answer

    async def tell_all(self) -> int:
        """Tell what is due; return how often something was tried."""
        count = 0
        for lane in self.offices.lanes():
            telling = Telling(lane=lane, uow_factory=self.uow_factory, clock=self.clock, ttl=self.ttl)
            while await telling.step():
                count += 1
        return count

    async def untold(self) -> int:
        """Return how many news are kept."""
        async with self.uow_factory() as uow:
            query = select(func.count()).select_from(contract_news)
            return int((await uow.connection.execute(query)).scalar_one())
