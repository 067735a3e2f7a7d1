"""A seller's platform for tests: its catalogue, a buyer's messages, and every answer checked as it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import simplejson
from sqlalchemy import select

from bpp.bindings import bind
from bpp.catalog_file.reader import load_catalogue
from bpp.deliveries.upkeep import DeliveryDesk, note_readings
from bpp.platform import Bpp
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.ingest import record_mirror_document
from metering.sep.writer import write_mirror_usage_point
from node.correspondence import Correspondent
from node.message import Inbound
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.context import Context, read_context, write_context
from protocol.profile import PROFILES, V2_RC, Profile
from schemas import iris
from schemas.validation import schema_set
from settlement.payments.posting import Parties
from storage.outbox import Outgoing
from storage.tables import outbox
from storage.unit_of_work import UnitOfWorkFactory
from trading.mapping import wire_of
from trading.offer import Catalogue
from trading.report import ContractReport
from trading.request import OrderRequest

Json = dict[str, Any]

CATALOGUE_FILE: Final = Path(__file__).with_name("valley_solar.yaml")
NOW: Final = datetime(2026, 1, 9, 8, tzinfo=UTC)
WINDOW: Final = Interval(datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 9, 18, tzinfo=UTC))
BPP_ID: Final = "bpp.valley-solar.example"
BPP_URL: Final = "https://bpp.valley-solar.example"
BAP_ID: Final = "bap.baker.example"
PARTIES: Final = Parties(payer=BAP_ID, payee=BPP_ID)
ITEM: Final = "rooftop-solar-07"
OFFER: Final = "rooftop-solar-07-daytime"
SELLER: Final = "valley-solar-cooperative"
SOURCE_METER: Final = "100200300"
TARGET_METER: Final = "98765456"

AUTHORIZATION: Final = (
    f'Signature keyId="{BAP_ID}|key-1|ed25519",algorithm="ed25519",created="1767945600",'
    'expires="1767945630",headers="(created) (expires) digest",signature="c2lnbmVk"'
)
"""Of a message that was verified when it came in."""

IMPORT, EXPORT = 1, 19  # flow directions of 2030.5

WANTED: Final = OrderRequest(
    seller=SELLER,
    buyer_id="baker-1",
    resource_id=ITEM,
    offer_id=OFFER,
    quantity=Energy(10_000),
    target_meter=TARGET_METER,
)
"""What the buyer asks for, in words of no generation."""


def catalogue() -> Catalogue:
    """Return the catalogue that the tests sell from: 30.5 kWh at 0.15 USD, wheeling 2.50 USD."""
    return load_catalogue(CATALOGUE_FILE)


def correspondent() -> Correspondent:
    """Return the platform as a writer of messages."""
    return Correspondent(
        role=Role.BPP,
        subscriber_id=BPP_ID,
        url=BPP_URL,
        domain="beckn.one:deg:p2p-trading:2.0.0",
        profile=V2_RC,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
    )


def order(
    kilowatt_hours: Decimal | int | None = 10,
    *,
    order_id: str | None = None,
    target_meter: str | None = TARGET_METER,
    item: str = ITEM,
    **attributes: Any,
) -> Json:
    """Return an order as a buyer writes it; `attributes` go beside targetMeterId."""
    bag = ({"targetMeterId": target_meter} if target_meter else {}) | attributes
    line: Json = {"beckn:orderedItem": item}
    if kilowatt_hours is not None:
        line["beckn:quantity"] = {"unitQuantity": kilowatt_hours, "unitText": "kWh"}
    written: Json = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:orderStatus": "CREATED",
        "beckn:seller": SELLER,
        "beckn:buyer": {"@context": iris.CORE_CONTEXT, "@type": "beckn:Buyer", "beckn:id": "baker-1"},
        "beckn:orderItems": [line],
        "beckn:orderAttributes": {
            "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
            "@type": iris.ENERGY_TRADE_CONTRACT,
            **bag,
        },
    }
    return written | ({"beckn:id": order_id} if order_id else {})


def require_valid(action: Action, body: bytes, *, profile: Profile = V2_RC) -> Json:
    """Return the message in `body`; it must fit the schema of its action."""
    document: Json = orjson.loads(body)
    assert schema_set(profile.schemas).violations(profile.schema_of(action), document) == []
    exact: Json = simplejson.loads(body, use_decimal=True)
    return exact


@dataclass(kw_only=True)
class SellerWorld:
    """A seller's platform on a real database, with a clock that is moved by hand."""

    uow_factory: UnitOfWorkFactory
    bpp: Bpp = field(default_factory=lambda: Bpp(catalogue=catalogue(), correspondent=correspondent()))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    transaction_id: str = field(default_factory=lambda: str(uuid4()))
    profile: Profile = V2_RC

    async def open(self) -> SellerWorld:
        async with self.uow_factory() as uow:
            await self.bpp.open_shop(uow)
        return self

    @property
    def desk(self) -> DeliveryDesk:
        return DeliveryDesk(bpp=self.bpp, uow_factory=self.uow_factory, clock=self.clock)

    def inbound(
        self, action: Action, message: Json, *, transaction_id: str | None = None, bap_id: str = BAP_ID
    ) -> Inbound:
        """Return a message from the buyer's platform, fit for its schema."""
        context = Context(
            version=self.profile.version,
            action=self.profile.wire_names[action],
            domain="beckn.one:deg:p2p-trading:2.0.0",
            timestamp=self.clock.now(),
            message_id=str(uuid4()),
            transaction_id=transaction_id or self.transaction_id,
            bap_id=bap_id,
            bap_uri=f"https://{bap_id}",
            bpp_id=BPP_ID,
            bpp_uri=BPP_URL,
            ttl=timedelta(seconds=30),
        )
        document = {"context": write_context(context, self.profile), "message": message}
        raw = simplejson.dumps(document, use_decimal=True).encode()
        exact = require_valid(action, raw, profile=self.profile)
        return Inbound(
            profile=self.profile,
            action=action,
            context=read_context(exact, self.profile),
            message=exact["message"],
            error=None,
            sender=bap_id,
            authorization=AUTHORIZATION,
            received_at=self.clock.now(),
            raw=raw,
        )

    async def send(
        self, action: Action, message: Json, *, transaction_id: str | None = None, bap_id: str = BAP_ID
    ) -> Json:
        """Return the `message` of the callback, checked as it leaves.

        Raises: the refusal, if the seller refuses.
        """
        inbound = self.inbound(action, message, transaction_id=transaction_id, bap_id=bap_id)
        async with self.uow_factory() as uow:
            content = await bind(self.bpp)[action](inbound, uow, self.clock.now())
        assert content is not None
        sealed: Outgoing = self.bpp.correspondent.answer(inbound, content, now=self.clock.now())
        answer: Json = require_valid(CALLBACK_OF[action], sealed.body, profile=self.profile)["message"]
        return answer

    async def refusal(self, action: Action, message: Json, **to: Any) -> NodeError:
        """Return why the seller refuses the message, which it must."""
        try:
            await self.send(action, message, **to)
        except NodeError as error:
            return error
        raise AssertionError(f"{action} was not refused")

    async def buy(self, kilowatt_hours: Decimal | int = 10, **attributes: Any) -> Json:
        """Return the order of a confirmed contract."""
        held = (await self.send(Action.INIT, {"order": order(kilowatt_hours, **attributes)}))["order"]
        confirm = order(kilowatt_hours, order_id=held["beckn:id"], **attributes)
        confirmed: Json = (await self.send(Action.CONFIRM, {"order": confirm}))["order"]
        return confirmed

    async def buy_wanted(self) -> ContractReport:
        """Return what a buyer of any generation is told who confirms exactly what init answered."""
        wire = wire_of(self.profile.name)
        held = await self.send(Action.INIT, wire.write_order_request(WANTED))
        return wire.read_contract((await self.send(Action.CONFIRM, held))[wire.ORDER_KEY])

    async def status(self, order_id: str) -> Json:
        answer = await self.send(Action.STATUS, {"order": {"beckn:id": order_id}})
        found: Json = answer["order"]
        return found

    async def report(self, meter: str, direction: int, hours: Iterable[tuple[datetime, int]]) -> None:
        """Have a meter report Wh hour by hour, as 2030.5 XML, and the contracts on it marked due."""
        async with self.uow_factory() as uow:
            raw = write_mirror_usage_point(_hourly(meter, direction, hours))
            result = await record_mirror_document(raw, uow=uow, now=self.clock.now(), sender=meter)
            touched = [(meter.mrid, meter.span) for meter in result.touched]
            meters = [mrid for mrid, _ in touched]
            await note_readings(uow, meters=meters, now=self.clock.now(), revised=touched)

    async def deliver(self, watt_hours: Sequence[int], *, window: Interval = WINDOW) -> None:
        """Have both meters report so much hour by hour, and the desk look at it."""
        for meter, direction in ((SOURCE_METER, EXPORT), (TARGET_METER, IMPORT)):
            await self.report(meter, direction, hours_of(window, watt_hours))
        await self.refresh_all()

    async def refresh_all(self) -> int:
        """Let the desk do all that is due; return how often it looked at a contract, or at lines together."""
        count = 0
        while await self.desk.step():
            count += 1
        return count

    async def unsolicited(self, action: Action = Action.ON_STATUS) -> list[Json]:
        """Return the orders of every such callback in the outbox, the oldest first."""
        orders = []
        for name, document in await self.documents(action):
            order: Json = document["message"][wire_of(name).ORDER_KEY]
            orders.append(order)
        return orders

    async def documents(self, action: Action) -> list[tuple[str, Json]]:
        """Return every such callback in the outbox with its generation, checked, the oldest first."""
        async with self.uow_factory() as uow:
            query = select(outbox).where(outbox.c.action == action).order_by(outbox.c.id)
            rows = (await uow.connection.execute(query)).all()
        return [(row.profile, require_valid(action, row.body, profile=PROFILES[row.profile])) for row in rows]

    def selling(self, **changes: Any) -> SellerWorld:
        """Return this world with the platform changed."""
        return replace(self, bpp=replace(self.bpp, **changes))

    def speaking(self, profile: Profile) -> SellerWorld:
        """Return this world with a buyer on another wire."""
        return replace(self, profile=profile)


def hours_of(window: Interval, watt_hours: Sequence[int]) -> list[tuple[datetime, int]]:
    """Return what was counted in each hour of the window."""
    return [(window.start + timedelta(hours=hour), amount) for hour, amount in enumerate(watt_hours)]


def _hourly(meter: str, direction: int, hours: Iterable[tuple[datetime, int]]) -> MirrorUsagePoint:
    kind = ReadingType(
        accumulation_behaviour=4,
        commodity=1,
        data_qualifier=12,
        flow_direction=direction,
        interval_length=3600,
        kind=12,
        uom=72,
    )
    readings = tuple(
        Reading(value=amount, time_period=TimePeriod(start=int(start.timestamp()), duration=3600))
        for start, amount in hours
    )
    mrid = meter if len(meter) % 2 == 0 else f"0{meter}"
    register_mrid = f"{mrid}{direction:02X}"
    register = MirrorMeterReading(
        mrid=register_mrid.zfill(32),
        mrid_as_sent=register_mrid,
        reading_type=kind,
        reading_sets=(MirrorReadingSet(readings=readings),),
    )
    return MirrorUsagePoint(
        mrid=mrid.zfill(32), mrid_as_sent=mrid, device_lfdi="", role_flags=0x13, meter_readings=(register,)
    )
