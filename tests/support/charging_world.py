"""A charging station for tests: the example catalogue, and a driver's platform on any wire."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from bpp.accounts.statements import make_statement
from bpp.catalog_file.reader import load_catalogue
from bpp.deliveries.station_desk import StationDesk
from bpp.deliveries.upkeep import note_readings
from bpp.platform import Bpp
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import ManualClock
from kernel.energy import Energy
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
from protocol.actions import Action
from settlement.store import find_bills
from stations.command_store import CommandStore
from stations.port import Acceptance, CommandResult, StationCommand, StationEvent, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import IMPORT, SellerWorld, correspondent
from trading.charging.session_states import SessionEvent
from trading.charging.session_store import SessionStore
from trading.contracts import ContractStore
from trading.delivery import SessionStatus
from trading.mapping import wire_of
from trading.offer import Catalogue
from trading.report import ContractReport
from trading.request import OrderRequest, SessionWish
from trading.stock import Stock
from trading.terms import PaymentTiming, Terms

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "catalog" / "charging-station.yaml"
PLUG: Final = "IND*ecopower-charging*cs-01*IN*ECO*BTM*01*CCS2*A*CCS2-A"
TARIFF: Final = "offer-ccs2-60kw-kwh"
OPERATOR: Final = "ecopower-charging"
PLUG_METER: Final = "500600700"
NOON: Final = datetime(2026, 1, 9, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)

CHARGE: Final = OrderRequest(
    seller=OPERATOR, buyer_id="driver-1", resource_id=PLUG, offer_id=TARIFF, quantity=Energy(2_500)
)
"""What a driver at the plug asks for, in words of no generation."""
LATER: Final = replace(CHARGE, trade_start=NOON + 60 * MINUTE, trade_end=NOON + 120 * MINUTE)
"""The same in a slot from one to two o'clock."""


def station_catalogue() -> Catalogue:
    return load_catalogue(EXAMPLE)


def station(uow_factory: UnitOfWorkFactory, *, prepaid: bool = False, is_moved: bool = False) -> SellerWorld:
    """Return the platform of the station at noon; it is paid ahead only if `prepaid`.

    `is_moved` says that a station moves the plug; without one, sessions go by their drivers' word.
    """
    sold = station_catalogue()
    if not prepaid:
        offers = tuple(replace(each, terms=_postpaid(each.terms)) for each in sold.offers)
        sold = replace(sold, offers=offers)
    plugs = frozenset({PLUG}) if is_moved else frozenset()
    bpp = Bpp(catalogue=sold, correspondent=correspondent(), plugs=plugs)
    return SellerWorld(uow_factory=uow_factory, bpp=bpp, clock=ManualClock(NOON))


def _postpaid(terms: Terms) -> Terms:
    return replace(terms, payment=PaymentTiming.POSTPAID)


async def buy_session(world: SellerWorld, wanted: OrderRequest = CHARGE) -> ContractReport:
    """Return what a driver's platform is told that confirms what init answered."""
    world.transaction_id = str(uuid4())
    wire = wire_of(world.profile.name)
    held = await world.send(Action.INIT, wire.write_order_request(wanted))
    return wire.read_contract((await world.send(Action.CONFIRM, held))[wire.ORDER_KEY])


async def wish(
    world: SellerWorld, bought: ContractReport, wanted: SessionWish, *, ordered: OrderRequest = CHARGE
) -> ContractReport:
    """Return what is answered to an update that starts or stops a session."""
    wire = wire_of(world.profile.name)
    request = replace(ordered, order_id=bought.order_id, session=wanted)
    return wire.read_contract((await world.send(Action.UPDATE, wire.write_update(request)))[wire.ORDER_KEY])


async def status_of(world: SellerWorld, bought: ContractReport) -> ContractReport:
    wire = wire_of(world.profile.name)
    request = replace(CHARGE, order_id=bought.order_id)
    answer = await world.send(Action.STATUS, wire.write_order_id(request))
    return wire.read_contract(answer[wire.ORDER_KEY])


async def left(world: SellerWorld) -> Energy:
    """Return what the plug can still give to others."""
    async with world.uow_factory() as uow:
        return await Stock(uow.connection).left(PLUG, now=world.clock.now())


async def cancel(world: SellerWorld, bought: ContractReport) -> None:
    message = wire_of(world.profile.name).write_order_id(replace(CHARGE, order_id=bought.order_id))
    await world.send(Action.CANCEL, message)


def session_status(report: ContractReport) -> SessionStatus:
    assert report.delivery.session is not None
    return report.delivery.session.status


async def count(
    world: SellerWorld, start: datetime, minutes: int, watt_hours: int, *, meter: str = PLUG_METER
) -> None:
    """Have the plug's meter tell what it counted from an instant on, and the contracts be looked at."""
    seconds = minutes * 60
    kind = ReadingType(
        accumulation_behaviour=4,
        commodity=1,
        data_qualifier=12,
        flow_direction=IMPORT,
        interval_length=seconds,
        kind=12,
        uom=72,
    )
    period = TimePeriod(start=int(start.timestamp()), duration=seconds)
    readings = MirrorReadingSet(readings=(Reading(value=watt_hours, time_period=period),))
    mrid = f"0{meter}01".zfill(32)
    register = MirrorMeterReading(mrid=mrid, mrid_as_sent=mrid, reading_type=kind, reading_sets=(readings,))
    plug = MirrorUsagePoint(
        mrid=meter.zfill(32),
        mrid_as_sent=f"0{meter}",
        device_lfdi="",
        role_flags=0x13,
        meter_readings=(register,),
    )
    async with world.uow_factory() as uow:
        raw = write_mirror_usage_point(plug)
        result = await record_mirror_document(raw, uow=uow, now=world.clock.now(), sender=meter)
        touched = [(meter.mrid, meter.span) for meter in result.touched]
        meters = [mrid for mrid, _ in touched]
        await note_readings(uow, meters=meters, now=world.clock.now(), revised=touched)
    await world.refresh_all()


async def happen_at_plug(
    world: SellerWorld,
    kind: StationEventKind,
    bought: ContractReport | None = None,
    why: str = "",
    plug: str = PLUG,
    grid_event: str | None = None,
) -> None:
    """Have the station tell of something at the plug."""
    event = StationEvent(
        connector_id=plug,
        kind=kind,
        at=world.clock.now(),
        session_id=bought.order_id if bought else None,
        why=why,
        grid_event=grid_event,
    )
    async with world.uow_factory() as uow:
        await StationDesk(bpp=world.bpp).on_event(uow, event, world.clock.now())
    await world.refresh_all()


async def answer_command(
    world: SellerWorld, verb: Verb, acceptance: Acceptance, why: str = ""
) -> StationCommand:
    """Let a station answer the command that is next, which must be of that verb; return it."""
    now = world.clock.now()
    async with world.uow_factory() as uow:
        store = CommandStore(uow.connection)
        claimed = await store.claim(holder="here", now=now, until=now)
        assert claimed is not None
        assert claimed.command.verb is verb
        result = CommandResult(acceptance=acceptance, why=why)
        await store.finish(claimed, result, now=now)
        await StationDesk(bpp=world.bpp).on_result(uow, claimed.command, result, now)
    await world.refresh_all()
    return claimed.command


async def history(world: SellerWorld, bought: ContractReport) -> list[SessionEvent]:
    """Return what happened to a session, in order."""
    async with world.uow_factory() as uow:
        return [entry.event for entry in await SessionStore(uow.connection).history(bought.order_id)]


async def statement_of(world: SellerWorld, bought: ContractReport) -> dict[str, Any]:
    """Return the statement of a session's only bill, which follows from itself."""
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought.order_id)
        [bill] = await find_bills(contract.id, uow=uow)
        statement = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    assert verify_statement(json.dumps(statement)) == []
    return statement


def lines_of(statement: dict[str, Any]) -> dict[str, int]:
    """Return the lines of a bill in minor units, by their titles."""
    return {line["title"]: line["minor"] for line in statement["bill"]["lines"]}
