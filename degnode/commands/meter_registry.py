"""`degnode meter register`, `exchange`, `list` and `show`: what is said of meters, and what is known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from bpp.api.meter_views import MeterView, MeterWhole, Way, view_meter, view_whole
from bpp.meters.registry import Registrar, exchange_register, register_meter
from degnode.actor import operator
from degnode.commands.instants import read_instant
from degnode.commands.lengths import read_length
from degnode.commands.place import Desk, Place, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from metering.registration.exchanges import RegisterExchange
from metering.registration.overview import view_meter_whole
from metering.registration.record import MeterIdentity, MeterRegistration, MeterRole, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import resolve_meter

PAGE = 1_000
Meter = Annotated[str, typer.Argument(metavar="METER", help="A registered id, or an mRID.")]
Instant = Annotated[datetime | None, typer.Option(parser=read_instant)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPlace(Place):
    """Which node, and what is said of the meter; every version says all of it anew."""

    lfdi: Annotated[str | None, typer.Option(help="Its device, where several use the mRID.")] = None
    external_ids: Annotated[
        list[str] | None, typer.Option("--id", help="How others call it, verbatim; once for each.")
    ] = None
    owner: Annotated[str | None, typer.Option(help="Whose it is.")] = None
    zone: Annotated[str | None, typer.Option(help="Time zone of its days, like Asia/Kolkata.")] = None
    side: Annotated[MeterRole, typer.Option(help="On which side of a trade it may stand.")] = MeterRole.BOTH
    sanctioned_watts: Annotated[int | None, typer.Option(help="W that may flow.")] = None
    import_modulus: Annotated[int | None, typer.Option(help="Wh at which import registers restart.")] = None
    export_modulus: Annotated[int | None, typer.Option(help="Wh at which export registers restart.")] = None
    interval: Annotated[
        timedelta | None, typer.Option(parser=read_length, help="How long its intervals are, like 15m.")
    ] = None
    inverter: Annotated[str | None, typer.Option(help="The id of its inverter.")] = None
    valid_from: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="From when it holds; by default from now.")
    ] = None

    def terms(self) -> MeterTerms:
        """Return what is said of the meter."""
        return MeterTerms(
            role=self.side,
            external_ids=tuple(self.external_ids or ()),
            owner=self.owner,
            zone=self.zone,
            sanctioned_watts=self.sanctioned_watts,
            import_modulus=self.import_modulus,
            export_modulus=self.export_modulus,
            interval_seconds=None if self.interval is None else int(self.interval.total_seconds()),
            inverter_id=self.inverter,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangePlace(Place):
    """Which node, and what the registers showed."""

    direction: Annotated[Way | None, typer.Option(help="Whose registers; by default both.")] = None
    last: Annotated[int | None, typer.Option(help="Wh that the old register showed at the end.")] = None
    first: Annotated[int | None, typer.Option(help="Wh that the new one showed at the start.")] = None
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It was said in error.")] = False


@at_a_place
def register(
    mrid: Annotated[str, typer.Argument(metavar="MRID", help="In any spelling, like 100200300.")],
    *,
    why: Why,
    place: RegistrationPlace,
) -> None:
    """Say what a meter is, or what has changed of it; what was said before stays on record."""
    made = asyncio.run(_register(mrid, why, place))
    ids = ", ".join(made.terms.external_ids) or "no other id"
    print(f"The meter {made.meter.mrid} ({ids}) is registered, version {made.version}.")


@at_a_place
def exchange(
    meter: Meter,
    *,
    at: Annotated[datetime, typer.Option(parser=read_instant, help="When it happened.")],
    why: Why,
    place: ExchangePlace,
) -> None:
    """Say that registers were reset or exchanged, so that no difference of stands spans it."""
    found = asyncio.run(_exchange(meter, at, why, place))
    word = "no longer count as exchanged" if place.withdraw else "count anew from"
    print(f"The registers of {found.mrid} {word} {at.isoformat()}.")


@at_a_place
def list_meters(*, as_json: AsJson = False, place: Place) -> None:
    """List the registered meters as they are now."""
    views = asyncio.run(_list(place))
    if as_json:
        print_json(views)
        return
    print_table(
        "Meters",
        ("mRID", "ids", "owner", "side", "zone", "sanctioned W", "since"),
        [
            (
                view.mrid,
                " ".join(view.external_ids),
                view.owner,
                view.role,
                view.zone,
                view.sanctioned_watts,
                view.valid_from,
            )
            for view in views
        ],
    )


@at_a_place
def show(meter: Meter, *, as_json: AsJson = False, place: Place) -> None:
    """Show all that is known of a meter."""
    whole = asyncio.run(_show(meter, place))
    if as_json:
        print_json([whole])
        return
    print_table(
        f"Meter {whole.mrid}",
        ("version", "valid from", "what is said", "by", "why"),
        [(view.version, view.valid_from, _said(view), view.made_by, view.why) for view in whole.history],
    )
    if whole.exchanges:
        print_table(
            "Registers that were reset or exchanged",
            ("at", "direction", "last Wh", "first Wh"),
            [
                (item.at, item.direction, item.last_watt_hours, item.first_watt_hours)
                for item in whole.exchanges
            ],
        )
    print_table(
        "Reporting devices",
        ("LFDI", "mRID as sent", "sender", "since"),
        [(item.device_lfdi, item.external_id, item.sender, item.since) for item in whole.reporting],
    )


def _said(view: MeterView) -> str:
    """Return what a version says, a line for each thing."""
    said = {"ids": ", ".join(view.external_ids)} | view.model_dump(
        include={
            "role",
            "owner",
            "zone",
            "sanctioned_watts",
            "import_modulus",
            "export_modulus",
            "interval_seconds",
            "inverter_id",
        }
    )
    return "\n".join(f"{name}: {value}" for name, value in said.items() if value)


async def _register(mrid: str, why: str, place: RegistrationPlace) -> MeterRegistration:
    meter = MeterIdentity.of(mrid=mrid, device_lfdi=place.lfdi)
    async with place.desk() as desk:
        return await register_meter(
            desk.uow,
            meter,
            place.terms(),
            valid_from=place.valid_from or desk.now,
            by=Registrar(actor=operator()),
            why=why,
            now=desk.now,
        )


async def _exchange(meter: str, at: datetime, why: str, place: ExchangePlace) -> MeterIdentity:
    async with place.desk() as desk:
        found = await resolve_meter(desk.uow.connection, meter, at=at)
        for way in [place.direction] if place.direction else Way:
            told = RegisterExchange(
                direction=way.direction, at=at, last=place.last, first=place.first, withdrawn=place.withdraw
            )
            await exchange_register(
                desk.uow, found, told, by=Registrar(actor=operator()), why=why, now=desk.now
            )
    return found


async def _list(place: Place) -> list[MeterView]:
    async with place.desk() as desk:
        return [view_meter(item) for item in await _all(desk)]


async def _all(desk: Desk) -> list[MeterRegistration]:
    registry, found = MeterRegistry(desk.uow.connection), list[MeterRegistration]()
    while page := await registry.page(at=desk.now, after=found[-1].meter if found else None, limit=PAGE):
        found += page
    return found


async def _show(meter: str, place: Place) -> MeterWhole:
    async with place.desk() as desk:
        return view_whole(await view_meter_whole(desk.uow.connection, meter, at=desk.now))
