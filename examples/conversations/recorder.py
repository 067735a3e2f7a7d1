"""A buyer's and a seller's platform on a clock that stands still, and every message between them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import simplejson
from sqlalchemy import insert, select

from bpp.bindings import bind
from bpp.cascade.desk import CascadeDesk
from bpp.catalog_file.reader import load_catalogue
from bpp.deliveries.upkeep import DeliveryDesk, note_readings
from bpp.payments.desk import PaymentDesk
from bpp.platform import Bpp
from degnode.demo.meters import usage_point
from examples.conversations.utilities import UtilityPlatform, utility_at
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.ids import IdSource
from kernel.interval import Interval
from kernel.money import Money
from metering.ingest import record_mirror_document
from metering.sep.writer import write_mirror_usage_point
from node.correspondence import Correspondent, Peer
from node.message import Inbound
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.context import read_context
from protocol.profile import Profile
from protocol.signing import digest
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.payment import Collector, Payment
from storage.database import Database, create_database
from storage.embedded import start_embedded
from storage.inbox import dedup_key
from storage.migrate import migrate
from storage.outbox import Outgoing
from storage.tables import inbox, outbox
from storage.unit_of_work import UnitOfWorkFactory
from trading.mapping import wire_of
from trading.mapping.wire import Wire

Json = dict[str, Any]

BAP: Final = Peer(subscriber_id="bap.bakery.example", url="https://bap.bakery.example")
BPP: Final = Peer(subscriber_id="bpp.sunfield.example", url="https://bpp.sunfield.example")
_BETWEEN: Final = timedelta(seconds=1)
"""From a message to the next."""
_TEMPLATE: Final = "migrated"
_SIGNED: Final = (
    f'Signature keyId="{BAP.subscriber_id}|k1|ed25519",algorithm="ed25519",created="1767945600",'
    'expires="1767945630",headers="(created) (expires) digest",signature="c2lnbmVk"'
)
"""What a request that came in was signed with: its answer is bound to it."""


class UnansweredError(Exception):
    """The seller answers later, which these conversations have no room for."""


class Counter:
    """Makes ids that are always the same, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0

    def __call__(self) -> UUID:
        self._made += 1
        return uuid5(NAMESPACE_URL, f"{BAP.url}/{self._name}/{self._made}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message as it travels, and the action as its generation calls it."""

    name: str
    document: Json


@dataclass(slots=True, kw_only=True)
class Recorder:
    """Both platforms, and what they have said so far."""

    uow_factory: UnitOfWorkFactory
    bpp: Bpp
    buyer: Correspondent
    clock: ManualClock
    profile: Profile
    transaction_id: str
    utilities: dict[str, UtilityPlatform] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    _told: int = field(default=0, init=False)

    @property
    def wire(self) -> Wire:
        return wire_of(self.profile.name)

    async def ask(self, action: Action, message: Json) -> Json:
        """Send a request, and return the `message` of the callback. Raises: the seller's refusal."""
        now = self.clock.advance(_BETWEEN)
        request = self.buyer.request(
            action, to=BPP, message=message, transaction_id=self.transaction_id, now=now, profile=self.profile
        )
        self._write(request)
        inbound = self._received(action, request, sender=BAP)
        if self.utilities:
            await self._keep(inbound, request)
        now = self.clock.advance(_BETWEEN)
        async with self.uow_factory() as uow:
            content = await bind(self.bpp)[action](inbound, uow, now)
        if content is None:
            return await self._asked_around(CALLBACK_OF[action])
        answer: Json = self._write(self.bpp.correspondent.answer(inbound, content, now=now))["message"]
        return answer

    async def join(self, name: str, file: Path, *, uow_factory: UnitOfWorkFactory) -> None:
        """Let a utility take part, as the subscriber of that name."""
        peer = Peer(subscriber_id=name, url=f"https://{name}")
        platform = UtilityPlatform(
            peer=peer,
            utility=utility_at(peer, file),
            correspondent=_correspondent(Role.BPP, peer, self.profile, self.bpp.correspondent.new_id),
            uow_factory=uow_factory,
        )
        await platform.open()
        self.utilities[name] = platform

    async def _asked_around(self, callback: Action) -> Json:
        """Carry what the seller asks utilities, and what they answer, and return its answer to the buyer."""
        desk = CascadeDesk(
            bpp=self.bpp,
            uow_factory=self.uow_factory,
            clock=self.clock,
            find_peer=self._find_utility,
            wire_for=self._spoken,
        )
        while True:
            while await desk.step():
                pass
            carried = await self._take_out()
            for action, peer, document in carried:
                if peer in self.utilities:
                    await self._ask_utility(self.utilities[peer], action, document)
                elif action is callback:
                    answer: Json = document["message"]
                    return answer
            if not carried:
                raise UnansweredError(f"there is no {callback} yet")

    async def _ask_utility(self, platform: UtilityPlatform, action: Action, document: Json) -> None:
        """Have a utility answer a request, and the seller hear that."""
        now = self.clock.advance(_BETWEEN)
        answered = await platform.answer(self._inbound(action, document, sender=BPP), now=now)
        self._write(answered)
        inbound = self._received(Action(answered.action), answered, sender=platform.peer)
        now = self.clock.advance(_BETWEEN)
        async with self.uow_factory() as uow:
            await bind(self.bpp)[inbound.action](inbound, uow, now)

    async def _keep(self, inbound: Inbound, request: Outgoing) -> None:
        """Keep a request in the seller's inbox, where it is found again when its utilities have answered."""
        key = dedup_key(sender=inbound.sender, message_id=request.message_id, action=request.action)
        async with self.uow_factory() as uow:
            await uow.connection.execute(
                insert(inbox).values(
                    dedup_key=key,
                    profile=request.profile,
                    action=request.action,
                    sender=inbound.sender,
                    message_id=request.message_id,
                    transaction_id=request.transaction_id,
                    body=request.body,
                    body_digest=digest(request.body),
                    authorization=inbound.authorization,
                    received_at=inbound.received_at,
                )
            )

    async def _find_utility(self, subscriber_id: str) -> Peer:
        return self.utilities[subscriber_id].peer

    async def _spoken(self, _subscriber_id: str) -> Profile:
        return self.profile

    async def report(self, mrid: str, direction: int, period: Interval, energies: Sequence[Energy]) -> None:
        """Have a meter report what flowed in the equal parts of `period`."""
        document = write_mirror_usage_point(usage_point(mrid, direction, period, energies))
        now = self.clock.now()
        async with self.uow_factory() as uow:
            result = await record_mirror_document(document, uow=uow, now=now, sender=mrid)
            touched = [(meter.mrid, meter.span) for meter in result.touched]
            await note_readings(uow, meters=[each for each, _ in touched], now=now, revised=touched)

    async def look_again(self) -> None:
        """Let the seller look at its contracts, and write down what it tells of them unasked."""
        self.clock.advance(_BETWEEN)
        desk = DeliveryDesk(bpp=self.bpp, uow_factory=self.uow_factory, clock=self.clock)
        while await desk.step():
            pass
        await self._take_out()

    async def _take_out(self) -> list[tuple[Action, str, Json]]:
        """Write down what the seller has sent since, and return it with whom it is for."""
        async with self.uow_factory() as uow:
            query = select(outbox).where(outbox.c.id > self._told).order_by(outbox.c.id)
            rows = (await uow.connection.execute(query)).all()
        self._told = rows[-1].id if rows else self._told
        return [(Action(row.action), row.peer, self._append(Action(row.action), row.body)) for row in rows]

    async def pay_in(self, amount: Money) -> None:
        """Have the buyer's platform pay into its deposit with the seller."""
        rail = KeptSandbox(uow_factory=self.uow_factory, clock=self.clock)
        desk = PaymentDesk(
            seller=BPP.subscriber_id, rail_name=SANDBOX, rail=rail, uow_factory=self.uow_factory
        )
        payment = Payment(
            id=Counter("payment")(),
            payer=BAP.subscriber_id,
            payee=BPP.subscriber_id,
            amount=amount,
            collected_by=Collector.BPP,
        )
        async with self.uow_factory() as uow:
            await desk.start(payment, uow=uow, now=self.clock.now())
        await desk.ask(payment.id, now=self.clock.now())

    def _received(self, action: Action, message: Outgoing, *, sender: Peer) -> Inbound:
        return self._inbound(action, simplejson.loads(message.body, use_decimal=True), sender=sender)

    def _inbound(self, action: Action, document: Json, *, sender: Peer) -> Inbound:
        return Inbound(
            profile=self.profile,
            action=action,
            context=read_context(document, self.profile),
            message=document["message"],
            error=None,
            sender=sender.subscriber_id,
            authorization=_SIGNED,
            received_at=self.clock.now(),
            raw=simplejson.dumps(document, use_decimal=True).encode(),
        )

    def _write(self, message: Outgoing) -> Json:
        return self._append(Action(message.action), message.body)

    def _append(self, action: Action, body: bytes) -> Json:
        document: Json = simplejson.loads(body, use_decimal=True)
        self.written.append(Written(name=self.profile.wire_names[action], document=document))
        return document


def platforms(
    uow_factory: UnitOfWorkFactory, *, catalogue: Path, profile: Profile, clock: ManualClock
) -> Recorder:
    """Return both platforms on an empty database, the seller's with what the file `catalogue` offers."""
    ids = Counter(f"{catalogue.stem}/{profile.name}")

    return Recorder(
        uow_factory=uow_factory,
        bpp=Bpp(
            catalogue=load_catalogue(catalogue),
            correspondent=_correspondent(Role.BPP, BPP, profile, ids),
            status_interval=timedelta(0),
            new_id=ids,
        ),
        buyer=_correspondent(Role.BAP, BAP, profile, ids),
        clock=clock,
        profile=profile,
        transaction_id=str(ids()),
    )


def _correspondent(role: Role, peer: Peer, profile: Profile, ids: IdSource) -> Correspondent:
    return Correspondent(
        role=role,
        subscriber_id=peer.subscriber_id,
        url=peer.url,
        domain="beckn.one:deg:p2p-trading:2.0.0",
        profile=profile,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
        new_id=ids,
    )


@asynccontextmanager
async def empty_databases() -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """Run a PostgreSQL until the block ends, for a function that makes a database of a node by its name."""
    with tempfile.TemporaryDirectory(prefix="degnode-conversations-") as folder:
        server = start_embedded(Path(folder))
        try:
            first = Database.connect(await create_database(server.get_uri(), _TEMPLATE))
            await migrate(first)
            await first.close()

            async def make(name: str) -> Database:
                return Database.connect(await create_database(server.get_uri(), name, template=_TEMPLATE))

            yield make
        finally:
            server.cleanup()
