"""A town that trades through the node's own doors, on a real database, where any unit of work may die."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from sqlalchemy import text

from bpp.accounts.statements import make_statement
from bpp.bindings import bind
from bpp.deliveries.curtailment import curtail_contract
from bpp.deliveries.upkeep import note_readings, refresh
from bpp.platform import Bpp
from degnode.bill_verifier.verify import verify_statement
from degnode.tables import all_tables
from kernel.clock import ManualClock
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
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
from node.audit import Actor
from protocol.actions import Action
from settlement.ledger.audit import audit_ledger
from settlement.ledger.reading import see_one_instant
from storage.database import Database
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.naive_town import AHEAD, HOUR, Deal, Sale
from tests.support.sealed_ledgers import KEYS
from tests.support.seller_world import EXPORT, IMPORT, SellerWorld, catalogue, correspondent
from trading.charges import Charge, Discount, LineKind, Tax
from trading.contracts import ContractStore
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.mapping import wire_of
from trading.offer import Provider
from trading.periods import BillingPeriod
from trading.rates import DayRates, Price, TimeOfDayRate
from trading.request import OrderRequest
from trading.terms import PricingModel, SettlementType, Terms
from trading.wheeling import Wheeling

T = TypeVar("T")
Json = dict[str, Any]
Rows = dict[str, list[Json]]

ZONE: Final = "Asia/Kolkata"
INR: Final = Currency("INR")
METERS: Final = {"asha": "A1A1A1A1", "ravi": "B2B2B2B2", "mina": "C3C3C3C3"}
OWNERS: Final = {meter: owner for owner, meter in METERS.items()}
FIRST: Final = int(datetime(2026, 3, 30, tzinfo=UTC).timestamp()) - AHEAD
"""The first instant of two days before a new month."""
SLOT: Final = 6 * HOUR
DEALS: Final = (
    Deal(name="plain", rate="6.37", carriage=250),
    Deal(name="taxed", rate="5.555", discount="7.5", tax="18", bills="MONTHLY"),
    Deal(name="by-day", rate="4.5", by_day="8.25", fee="0.333", tax="5"),
    Deal(name="fixed", rate="0", fixed=4_001, fee="0.017", bills="MONTHLY"),
    Deal(name="hourly", rate="7.0001", carriage=3, tax="12", hourly=True),
    Deal(name="two-fifths", rate="5.01", carriage=11, share="40"),
    Deal(name="third", rate="7.77", tax="5", bills="MONTHLY", share="33.333333"),
    Deal(name="thousandth", rate="700.3", by_day="912.01", hourly=True, share="0.1"),
)
BY_SHARE: Final = tuple(deal for deal in DEALS if deal.share is not None)
KEPT: Final = (
    "contracts",
    "contract_events",
    "contract_curtailments",
    "settlement_cycles",
    "settlement_runs",
    "billing_cycles",
    "billed_cycles",
    "bill_corrections",
    "carried_corrections",
    "settlement_events",
    "payments",
    "payment_parts",
    "payment_events",
    "payment_allocations",
    "returned_payment_bills",
    "payment_alerts",
    "ledger_accounts",
    "ledger_balances",
    "ledger_transfers",
    "ledger_holds",
    "ledger_chain",
    "ledger_seals",
)
"""Tables whose rows are looked at after every step."""
_ROWS: Final = "SELECT '{0}', coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM {0} AS t"
_COUNT: Final = "SELECT 'count of {0}', (SELECT jsonb_build_array(count(*)) FROM {0})::text"
_LOOK: Final = text(
    " UNION ALL ".join(
        [_ROWS.format(name) for name in KEPT] + [_COUNT.format(name) for name in ("meter_readings", "outbox")]
    )
)
_NUMBERED: Final = {
    "contract_events": {"id"},
    "ledger_transfers": {"seq", "digest"},
    "ledger_chain": {"hash"},
    "ledger_seals": {"previous", "head", "root", "signature"},
}
"""Numbers that a transaction which was rolled back has used up, too, and what is a digest over them."""


class Crash(Exception):
    """The process dies before it commits."""


def _die() -> None:
    raise Crash


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def second_of(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())


def money(minor: int) -> Money:
    return Money(minor, INR)


def terms_of(deal: Deal) -> Terms:
    """Return a deal in the words of the trade."""
    model = PricingModel.PER_KWH
    if deal.by_day is not None:
        model = PricingModel.TIME_OF_DAY
    elif deal.fixed:
        model = PricingModel.FIXED
    day = TimeOfDayRate(start=time(6), end=time(18), rate=Decimal(deal.by_day or "0"))
    return Terms(
        price=Price(per_kwh=Decimal(deal.rate), currency=INR),
        pricing_model=model,
        rates=DayRates(rates=(day,)) if deal.by_day is not None else None,
        fixed=money(deal.fixed) if deal.fixed else None,
        wheeling=Wheeling(utility_name="Town Grid", amount=money(deal.carriage)) if deal.carriage else None,
        discount=Discount(title="Neighbours", percent=Decimal(deal.discount))
        if deal.discount != "0"
        else None,
        charges=(
            Charge(kind=LineKind.FEE, title="Platform", value=Price(per_kwh=Decimal(deal.fee), currency=INR)),
        )
        if deal.fee != "0"
        else (),
        taxes=(Tax(title="GST", percent=Decimal(deal.tax), jurisdiction="KA"),) if deal.tax != "0" else (),
        settlement_type=SettlementType.HOURLY if deal.hourly else SettlementType.DAILY,
        billing_period=BillingPeriod(deal.bills),
        share_percent=None if deal.share is None else Decimal(deal.share),
    )


def shop() -> Bpp:
    """Return the platform of a town in which everybody sells by every deal."""
    sold = catalogue()
    (resource, *_), (offer, *_) = sold.resources, sold.offers
    resources = tuple(
        replace(
            resource,
            id=f"roof-{owner}",
            provider_id=owner,
            available=Energy(10_000_000),
            production=Interval(at(FIRST - 30 * HOUR), at(FIRST + 500 * HOUR)),
            source=replace(resource.source, meter_id=meter),
        )
        for owner, meter in METERS.items()
    )
    offers = tuple(
        replace(
            offer,
            id=f"{each.provider_id}-{deal.name}",
            provider_id=each.provider_id,
            resource_id=each.id,
            terms=terms_of(deal),
            zone=ZONE,
            validity=None,
            minimum=None,
            maximum=None,
        )
        for each in resources
        for deal in DEALS
    )
    providers = tuple(Provider(id=owner, name=owner) for owner in METERS)
    selling = replace(sold, providers=providers, resources=resources, offers=offers)
    return Bpp(catalogue=selling, correspondent=correspondent())


@dataclass(kw_only=True)
class Town:
    """The doors of the node, one unit of work at a time; `dies_in` says which of them dies, once, if any.

    After that everything has to be as before, and what was to be done is done again.
    """

    database: Database
    dies_in: int | None = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(at(FIRST - 12 * HOUR)))
    orders: int = 0
    bpp: Bpp = field(default_factory=shop)

    def __post_init__(self) -> None:
        self.uow_factory = UnitOfWorkFactory(self.database)
        self.world = SellerWorld(
            uow_factory=self.uow_factory,
            bpp=replace(self.bpp, new_id=lambda: uuid5(UUID(int=0), str(self.orders))),
            clock=self.clock,
        )

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def second(self) -> int:
        return int(self.now.timestamp())

    async def open(self) -> None:
        """Let there be nothing but the shop."""
        async with self.uow_factory() as uow:
            await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
            await uow.driver.execute("; ".join(f"DELETE FROM {name}" for name in all_tables().tables))  # noqa: S608
        await self.world.open()

    async def look(self) -> Rows:
        """Return all rows that are kept, in an order of their own."""
        async with self.uow_factory() as uow:
            return await _rows(uow)

    async def act(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Do something in a unit of work of its own; if it dies, once more."""
        if self.dies_in == 0:
            self.dies_in = None
            await self._do_and_die(work)
            promised = self._promised
            done = await self._do(work)
            for name, rows in without_numbers(await self.look()).items():
                assert rows == promised[name], f"{name}: done again it came to something else"
            return done
        if self.dies_in is not None:
            self.dies_in -= 1
        return await self._do(work)

    async def _do(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self.uow_factory() as uow:
            return await work(uow)

    async def _do_and_die(self, work: Callable[[UnitOfWork], Awaitable[object]]) -> None:
        before = await self.look()
        with suppress(Crash):
            async with self.uow_factory() as uow:
                await work(uow)
                self._promised = without_numbers(await _rows(uow))
                _die()
        assert await self.look() == before, "a unit of work that died left something behind"

    async def tell(self, meter: str, told: dict[str, dict[tuple[int, int], int]]) -> None:
        """Have a meter report what it gave and took, and the contracts on it marked due."""
        raw = write_mirror_usage_point(_usage_point(meter, told))

        async def work(uow: UnitOfWork) -> None:
            result = await record_mirror_document(raw, uow=uow, now=self.now, sender=meter)
            assert not result.quarantined
            touched = [(each.mrid, each.span) for each in result.touched]
            await note_readings(uow, meters=[mrid for mrid, _ in touched], now=self.now, revised=touched)

        await self.act(work)

    async def look_after(self) -> int:
        """Look at every contract that is due, one after the other; return how many there were."""
        count = 0

        async def work(uow: UnitOfWork) -> bool:
            for contract in await ContractStore(uow.connection).find_due(now=self.now):
                await refresh(self.bpp, contract, uow, now=self.now)
                return True
            return False

        while await self.act(work):
            count += 1
        return count

    async def look_again(self, contract_id: str) -> None:
        """Look at a contract though nothing is due."""

        async def work(uow: UnitOfWork) -> None:
            contract = await ContractStore(uow.connection).get(contract_id, lock=True)
            await refresh(self.bpp, contract, uow, now=self.now)

        await self.act(work)

    async def buy(self, sale: Sale) -> None:
        """Order what the sale says, and confirm it; the sale gets its id."""
        self.orders += 1
        wire = wire_of(self.world.profile.name)
        wanted = OrderRequest(
            seller=OWNERS[sale.gives],
            buyer_id=OWNERS[sale.takes],
            resource_id=f"roof-{OWNERS[sale.gives]}",
            offer_id=f"{OWNERS[sale.gives]}-{sale.deal.name}",
            quantity=Energy(sale.watt_hours),
            target_meter=sale.takes,
            trade_start=at(sale.start),
            trade_end=at(sale.end),
        )
        held = await self._send(Action.INIT, wire.write_order_request(wanted))
        confirmed = await self._send(Action.CONFIRM, held)
        sale.id = confirmed[wire.ORDER_KEY]["beckn:id"]

    async def cancel(self, sale: Sale) -> None:
        self.world.transaction_id = str(uuid5(UUID(int=1), sale.id))
        await self._send(Action.CANCEL, {"order": {"beckn:id": sale.id}})

    async def _send(self, action: Action, message: Json) -> Json:
        if action is Action.INIT:
            self.world.transaction_id = str(uuid5(UUID(int=1), str(self.orders)))
        inbound = self.world.inbound(action, message)

        async def work(uow: UnitOfWork) -> Json:
            return dict(await bind(self.world.bpp)[action](inbound, uow, self.now) or {})

        return await self.act(work)

    async def cut(self, sale: Sale, watt_hours: int, *, since: int) -> None:
        cut = Cut(quantity=Energy(watt_hours), reason=CurtailmentReason.GRID_OUTAGE)
        wanted = Curtailment(cut=cut, since=at(since))

        async def work(uow: UnitOfWork) -> None:
            await curtail_contract(
                self.bpp, sale.id, wanted, uow, by=Actor(who="operator"), why="a storm", now=self.now
            )

        await self.act(work)

    async def differences(self, bills: Iterable[tuple[str, str]]) -> list[str]:
        """Return what somebody else finds wrong in the statements of bills, by contract and bill."""
        found: list[str] = []
        async with self.uow_factory() as uow:
            for contract_id, bill_id in bills:
                contract = await ContractStore(uow.connection).get(contract_id)
                statement = await make_statement(contract, bill_id, uow, now=self.now)
                found += [f"{bill_id}: {each}" for each in verify_statement(json.dumps(statement))]
        return found

    async def audit(self) -> list[str]:
        """Return what is wrong with the ledger's journal."""
        async with self.uow_factory() as uow:
            await see_one_instant(uow=uow)
            return [str(each) for each in (await audit_ledger(uow=uow, keys=KEYS)).findings]


async def _rows(uow: UnitOfWork) -> Rows:
    found = {name: json.loads(rows) for name, rows in await uow.connection.execute(_LOOK)}
    for rows in found.values():
        rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
    return found


def without_numbers(rows: Rows) -> Rows:
    """Return the rows without numbers that are used up by being rolled back."""
    return {
        name: sorted(
            (
                {key: value for key, value in row.items() if key not in _NUMBERED[name]}
                if name in _NUMBERED
                else row
                for row in found
            ),
            key=lambda row: json.dumps(row, sort_keys=True),
        )
        for name, found in rows.items()
    }


def _usage_point(meter: str, told: dict[str, dict[tuple[int, int], int]]) -> MirrorUsagePoint:
    registers = tuple(
        _register(meter, direction, told[way])
        for way, direction in (("gives", EXPORT), ("takes", IMPORT))
        if told.get(way)
    )
    return MirrorUsagePoint(
        mrid=meter.zfill(32), mrid_as_sent=meter, device_lfdi="", role_flags=0x13, meter_readings=registers
    )


def _register(meter: str, direction: int, told: dict[tuple[int, int], int]) -> MirrorMeterReading:
    kind = ReadingType(
        accumulation_behaviour=4,
        commodity=1,
        data_qualifier=12,
        flow_direction=direction,
        interval_length=SLOT,
        kind=12,
        uom=72,
    )
    readings = tuple(
        Reading(value=watt_hours, time_period=TimePeriod(start=start, duration=end - start))
        for (start, end), watt_hours in sorted(told.items())
    )
    mrid = f"{meter}{direction:02X}"
    return MirrorMeterReading(
        mrid=mrid.zfill(32),
        mrid_as_sent=mrid,
        reading_type=kind,
        reading_sets=(MirrorReadingSet(readings=readings),),
    )
