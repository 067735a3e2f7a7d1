"""A seller's platform, a buyer and two utilities: real handlers and databases, messages carried by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import simplejson
from sqlalchemy import insert, select, update

from bpp.admission import SellerAdmission
from bpp.bindings import bind as bind_seller
from bpp.cascade.answers import record_unreached
from bpp.cascade.desk import CascadeDesk
from bpp.catalog_file.reader import load_catalogue
from bpp.deliveries.upkeep import DeliveryDesk
from bpp.platform import Bpp
from bpp.utility.handlers import bind as bind_utility
from bpp.utility.refusals import UtilityAdmission, record_refused
from bpp.utility.register import Utility
from bpp.utility.sanction import total
from bpp.utility.telling import TellingDesk
from bpp.utility.trades import TradeStore
from bpp.utility.utility_file import load_utility
from kernel.clock import ManualClock
from kernel.errors import NodeError
from node.cascade import Cascade
from node.correspondence import Correspondent, Peer
from node.dispatch import Dispatch
from node.message import Handler
from node.telemetry import Metrics
from protocol.actions import Action, Role
from protocol.context import read_context
from protocol.errors import RegistryUnavailable, SubscriberUnknown, WireError
from protocol.profile import PROFILES, V2_RC, Profile
from protocol.rulebook import make_rulebook
from protocol.signing import digest
from schemas import iris
from storage.database import Database
from storage.inbox import dedup_key
from storage.outbox import ClaimedOutgoing, Outgoing
from storage.tables import OutboxState, inbox, outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.participants import fresh_database
from tests.support.seller_world import AUTHORIZATION, require_valid
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.stock import Stock

Json = dict[str, Any]

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
NOW: Final = datetime(2026, 1, 9, 8, tzinfo=UTC)
START: Final = datetime(2026, 1, 9, 18, tzinfo=UTC)
END: Final = datetime(2026, 1, 9, 20, tzinfo=UTC)
BAP: Final = Peer(subscriber_id="bap.baker.example", url="https://bap.baker.example")
BPP: Final = Peer(subscriber_id="bpp.valley-solar.example", url="https://bpp.valley-solar.example")
VALLEY: Final = Peer(subscriber_id="valley-grid.example", url="https://valley-grid.example")
HILL: Final = Peer(subscriber_id="hill-grid.example", url="https://hill-grid.example")
ITEM: Final = "rooftop-solar-07"
BUYER_METER: Final = "55667788"
NEIGHBOUR_METER: Final = "98765456"
SOURCE_METER: Final = "100200300"


def writer(role: Role, me: Peer, *, profile: Profile = V2_RC) -> Correspondent:
    """Return a participant as a writer of messages; its requests live for 30 s."""
    return Correspondent(
        role=role,
        subscriber_id=me.subscriber_id,
        url=me.url,
        domain="beckn.one:deg:p2p-trading:2.0.0",
        profile=profile,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
    )


def order(
    kilowatt_hours: Decimal | int = 10,
    *,
    order_id: str | None = None,
    utility: str | None = HILL.subscriber_id,
    meter: str = BUYER_METER,
    **attributes: Any,
) -> Json:
    """Return an order of a customer of `utility`, for 18:00 to 20:00 unless `attributes` say otherwise."""
    bag: Json = {
        "@context": iris.P2P_TRADE_ORDER_CONTEXT,
        "@type": iris.ENERGY_TRADE_ORDER,
        "bap_id": BAP.subscriber_id,
        "bpp_id": BPP.subscriber_id,
        "targetMeterId": meter,
        "tradeStartTime": "2026-01-09T18:00:00Z",
        "tradeEndTime": "2026-01-09T20:00:00Z",
        **attributes,
    }
    written: Json = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:orderStatus": "CREATED",
        "beckn:seller": "valley-solar-cooperative",
        "beckn:buyer": {"@context": iris.CORE_CONTEXT, "@type": "beckn:Buyer", "beckn:id": "baker-1"},
        "beckn:orderItems": [
            {
                "beckn:orderedItem": ITEM,
                "beckn:quantity": {"unitQuantity": kilowatt_hours, "unitText": "kWh"},
            }
        ],
        "beckn:orderAttributes": bag | ({"utilityIdBuyer": utility} if utility else {}),
    }
    return written | ({"beckn:id": order_id} if order_id else {})


@dataclass(kw_only=True)
class Member:
    """A participant with its database; what is sent to one that is `away` never arrives."""

    peer: Peer
    uow_factory: UnitOfWorkFactory
    dispatch: Dispatch
    utility: Utility | None = None
    away: bool = False
    held_back: list[Outgoing] = field(default_factory=list)
    is_slow: bool = False

    async def take_out(self) -> list[Outgoing]:
        """Return what lies in the outbox, which is then delivered."""
        async with self.uow_factory() as uow:
            query = select(outbox).where(outbox.c.state == OutboxState.PENDING).order_by(outbox.c.id)
            rows = (await uow.connection.execute(query)).mappings().all()
            await uow.connection.execute(update(outbox).values(state=OutboxState.DELIVERED))
        names = ("profile", "action", "peer", "url", "message_id", "transaction_id", "body")
        times = ("created_at", "expires_at", "request_signature")
        return [Outgoing(**{name: row[name] for name in (*names, *times)}) for row in rows]

    async def put_in(self, message: Outgoing, *, sender: Peer, now: datetime) -> None:
        """Put a message into the inbox, once."""
        key = dedup_key(sender=sender.subscriber_id, message_id=message.message_id, action=message.action)
        async with self.uow_factory() as uow:
            await uow.connection.execute(
                insert(inbox).values(
                    dedup_key=key,
                    profile=message.profile,
                    action=message.action,
                    sender=sender.subscriber_id,
                    message_id=message.message_id,
                    transaction_id=message.transaction_id,
                    body=message.body,
                    body_digest=digest(message.body),
                    authorization=AUTHORIZATION,
                    received_at=now,
                )
            )


@dataclass(kw_only=True)
class GridWorld:
    """Everybody, and a clock that is moved by hand. `came` is what the buyer was sent."""

    clock: ManualClock
    bpp: Bpp
    seller: Member
    valley: Member
    hill: Member
    transaction_id: str = field(default_factory=lambda: str(uuid4()))
    profile: Profile = V2_RC
    wire: Profile = V2_RC
    came: list[tuple[Action, Json]] = field(default_factory=list)
    carried: list[Outgoing] = field(default_factory=list)
    registry_is_away: bool = False
    unknown: set[str] = field(default_factory=set)
    edit: Callable[[Json], None] | None = None  # of utilities' answers on their way

    @property
    def members(self) -> Mapping[str, Member]:
        return {each.peer.subscriber_id: each for each in (self.seller, self.valley, self.hill)}

    @property
    def desk(self) -> CascadeDesk:
        return CascadeDesk(
            bpp=self.bpp,
            uow_factory=self.seller.uow_factory,
            clock=self.clock,
            find_peer=self._find_peer,
            wire_for=self._wire_for,
        )

    def telling(self, member: Member) -> TellingDesk:
        """Return who says things of trades for a utility."""
        assert member.utility is not None
        return TellingDesk(
            utility=member.utility,
            correspondent=writer(Role.BPP, member.peer),
            uow_factory=member.uow_factory,
            clock=self.clock,
            find_peer=self._find_peer,
            wire_for=self._wire_for,
        )

    def sells(self, **changes: Any) -> None:
        """Have the platform sell on terms with changes."""
        [offer] = self.bpp.catalogue.offers
        changed = replace(offer, terms=replace(offer.terms, **changes))
        self.bpp = replace(self.bpp, catalogue=replace(self.bpp.catalogue, offers=(changed,)))
        self.seller.dispatch = replace(self.seller.dispatch, handlers=bind_seller(self.bpp))

    async def _find_peer(self, subscriber_id: str) -> Peer:
        if self.registry_is_away:
            raise RegistryUnavailable("the registry is away")
        if subscriber_id in self.unknown or subscriber_id not in self.members:
            raise SubscriberUnknown(f"the registry knows no {subscriber_id}")
        return self.members[subscriber_id].peer

    async def _wire_for(self, _subscriber_id: str) -> Profile:
        return self.wire

    async def ask(self, action: Action, message: Json) -> str:
        """Have the buyer send a request, and everything happen that follows; return its message id."""
        outgoing = writer(Role.BAP, BAP, profile=self.profile).request(
            action, to=BPP, message=message, transaction_id=self.transaction_id, now=self.clock.now()
        )
        require_valid(action, outgoing.body, profile=self.profile)
        await self.seller.put_in(outgoing, sender=BAP, now=self.clock.now())
        await self.settle_down()
        return outgoing.message_id

    async def answer(self, action: Action, message: Json) -> Json:
        """Return the whole callback to a request of the buyer's; there must be one."""
        message_id = await self.ask(action, message)
        found = self.answers(message_id)
        assert len(found) == 1, found
        return found[0]

    async def order(self, action: Action, message: Json) -> Json:
        """Return the order in the callback to a request, which must be no refusal."""
        answer = await self.answer(action, message)
        assert "error" not in answer, answer["error"]
        found: Json = answer["message"][wire_of(self.profile.name).ORDER_KEY]
        return found

    async def refusal(self, action: Action, message: Json) -> WireError:
        """Return why a request is refused, which it must be."""
        return WireError.from_wire((await self.answer(action, message))["error"])

    def answers(self, message_id: str) -> list[Json]:
        """Return the callbacks that came under a message id."""
        keys = self.profile.keys
        return [document for _, document in self.came if document["context"][keys.message_id] == message_id]

    async def buy(self, kilowatt_hours: int = 10, **changes: Any) -> Json:
        """Return the order of a confirmed contract."""
        held = await self.order(Action.INIT, {"order": order(kilowatt_hours, **changes)})
        return await self.order(
            Action.CONFIRM, {"order": order(kilowatt_hours, order_id=held["beckn:id"], **changes)}
        )

    async def settle_down(self) -> None:
        """Let everybody do what there is to do, until nothing is left."""
        while any([await self._work(), await self._carry()]):
            pass

    async def pass_time(self, duration: timedelta) -> None:
        """Let time go by, and everything happen that is due then."""
        self.clock.advance(duration)
        desk = DeliveryDesk(bpp=self.bpp, uow_factory=self.seller.uow_factory, clock=self.clock)
        await self.settle_down()
        while await desk.step():
            await self.settle_down()

    async def release(self, member: Member) -> None:
        """Let what a slow member wrote arrive at last."""
        kept, member.held_back, member.is_slow = member.held_back, [], False
        for message in kept:
            await self.deliver(message, member)
        await self.settle_down()

    async def _work(self) -> bool:
        done = [await member.dispatch.step() for member in self.members.values() if not member.away]
        return any([*done, await self.desk.step()])

    async def _carry(self) -> bool:
        found = False
        for member in self.members.values():
            for message in await member.take_out():
                found = True
                if member.is_slow:
                    member.held_back.append(message)
                else:
                    await self.deliver(message, member)
        return found

    async def deliver(self, message: Outgoing, sender: Member) -> None:
        """Bring a message where it is to go; it must be fit to leave. Raises: NothingAsked."""
        profile, action = PROFILES[message.profile], Action(message.action)
        document = require_valid(action, message.body, profile=profile)
        make_rulebook().check(orjson.loads(message.body), action=action, profile=profile)
        self.carried.append(message)
        if message.peer == BAP.subscriber_id:
            self.came.append((action, document))
            return
        receiver = self.members[message.peer]
        if receiver is self.seller and self.edit is not None:
            self.edit(document)
            message = replace(message, body=simplejson.dumps(document, use_decimal=True).encode())
        if receiver.away:
            return
        if receiver is self.seller:
            await self.admit(message, sender)
        else:
            await self.admit_to_utility(message, sender, receiver)
        await receiver.put_in(message, sender=sender.peer, now=self.clock.now())

    async def admit(self, message: Outgoing, sender: Member) -> None:
        """Let a callback pass at the platform's door, or have its sender know why not, and raise that."""
        profile = PROFILES[message.profile]
        context = read_context(orjson.loads(message.body), profile)
        admission = SellerAdmission(uow_factory=self.seller.uow_factory)
        try:
            await admission(Action(message.action), context, sender.peer.subscriber_id, profile, message.body)
        except NodeError as error:
            async with sender.uow_factory() as uow:
                await record_refused(uow, _claimed(message), WireError.of(error), self.clock.now())
            raise

    async def admit_to_utility(self, message: Outgoing, sender: Member, receiver: Member) -> None:
        """Let a message pass at a utility's door. Raises: NothingSaid."""
        profile = PROFILES[message.profile]
        context = read_context(orjson.loads(message.body), profile)
        admission = UtilityAdmission(uow_factory=receiver.uow_factory)
        await admission(Action(message.action), context, sender.peer.subscriber_id, profile, message.body)

    async def fail_to_deliver(self, action: Action, member: Member, error: WireError) -> None:
        """Record that the last message of an action to a utility was refused at its door, or given up."""
        sent = [each for each in self.carried if each.peer == member.peer.subscriber_id]
        message = next(each for each in reversed(sent) if each.action == action)
        claimed = _claimed(message)
        async with self.seller.uow_factory() as uow:
            await record_unreached(self.bpp, uow, claimed, error, self.clock.now())
        await self.settle_down()

    async def left(self) -> int:
        """Return the Wh that can still be bought."""
        async with self.seller.uow_factory() as uow:
            return (await Stock(uow.connection).left(ITEM, now=self.clock.now())).watt_hours

    async def trades(self, member: Member) -> list[tuple[str, int]]:
        """Return the state of each trade of a utility and the Wh that it takes, the oldest first."""
        async with member.uow_factory() as uow:
            page = await TradeStore(uow.connection).find_page(skip=0, limit=100)
        return [(trade.state.value, total(trade.uses).watt_hours) for trade in reversed(page)]

    def sent_to(self, member: Member) -> list[str]:
        """Return the actions of what a utility was sent, in order."""
        return [each.action for each in self.carried if each.peer == member.peer.subscriber_id]


def _claimed(message: Outgoing) -> ClaimedOutgoing:
    fields = {name: getattr(message, name) for name in Outgoing.__dataclass_fields__}
    return ClaimedOutgoing(**fields, id=1, attempt=1)


def utility(peer: Peer, file: Path) -> Utility:
    """Return the utility of a file as a subscriber of the network."""
    return load_utility(file, subscriber_id=peer.subscriber_id, hold_for=timedelta(minutes=15))


@asynccontextmanager
async def grid_world(
    database: Database, *, postgres_url: str, template_url: str, clock: ManualClock | None = None
) -> AsyncIterator[GridWorld]:
    """Open a world with the platform and the utilities of the examples."""
    clock = clock or ManualClock(NOW)
    catalogue = load_catalogue(EXAMPLES / "catalog" / "inter-utility.yaml")
    bpp = Bpp(catalogue=catalogue, correspondent=writer(Role.BPP, BPP))
    files = {VALLEY: "valley-grid.yaml", HILL: "hill-grid.yaml"}
    async with AsyncExitStack() as stack:
        seller = Member(
            peer=BPP,
            uow_factory=UnitOfWorkFactory(database),
            dispatch=_dispatch(database, BPP, bind_seller(bpp), clock, Cascade(asks=True)),
        )
        async with seller.uow_factory() as uow:
            await bpp.open_shop(uow)
        utilities = []
        for peer, file in files.items():
            own = await stack.enter_async_context(fresh_database(postgres_url, template_url))
            made = utility(peer, EXAMPLES / "utility" / file)
            dispatch = _dispatch(own, peer, bind_utility(made), clock, Cascade(serves=True))
            member = Member(peer=peer, uow_factory=UnitOfWorkFactory(own), dispatch=dispatch, utility=made)
            async with member.uow_factory() as uow:
                await TradeStore(uow.connection).open(made.customers)
            utilities.append(member)
        yield GridWorld(clock=clock, bpp=bpp, seller=seller, valley=utilities[0], hill=utilities[1])


def _dispatch(
    database: Database,
    me: Peer,
    handlers: Mapping[Action, Handler],
    clock: ManualClock,
    cascade: Cascade,
) -> Dispatch:
    return Dispatch(
        role=Role.BPP,
        handlers=handlers,
        uow_factory=UnitOfWorkFactory(database),
        correspondent=writer(Role.BPP, me),
        rulebook=make_rulebook(),
        clock=clock,
        metrics=Metrics(),
        cascade=cascade,
    )


async def events(world: GridWorld, contract_id: str) -> list[str]:
    """Return what happened to a contract at the seller's, in order."""
    async with world.seller.uow_factory() as uow:
        return [entry.event for entry in await ContractStore(uow.connection).history(contract_id)]
