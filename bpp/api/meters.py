"""What an operator sees and says of the meters: who they are, what they counted, what was set aside."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from bpp.api.meter_views import (
    ExchangeForm,
    MeterForm,
    MeterPage,
    MeterView,
    MeterWhole,
    Way,
    WindowInvalid,
    read_window,
    view_meter,
    view_page,
    view_whole,
    write_completeness,
    write_power,
    write_quarantined,
)
from bpp.api.readings import add_readings
from bpp.meters.registry import Registrar, exchange_register, register_meter
from kernel.clock import Clock
from kernel.local_days import ZoneUnknown, days_between
from metering.completeness import completeness
from metering.power_store import power_within
from metering.query import quarantined_readings
from metering.registration.overview import view_meter_whole
from metering.registration.record import MeterIdentity
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import find_registration, resolve_meter
from node.app import JsonResponse
from node.callers import MayReadMeters, MayRegisterMeters, Visitor
from node.documentation import OBJECT, refusals
from node.request_body import FormRoute
from node.scopes import Scope, all_of
from storage.unit_of_work import UnitOfWorkFactory

MOST_DAYS: Final = 400
_LONGEST_POWER_WINDOW: Final = timedelta(days=1)

MeterId = Annotated[str, Path(alias="id", description="A registered id, or an mRID in any spelling.")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9A-F]{32}:([0-9A-F]{40})?$", description="What `next` said.")
]


def meter_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the operator's routes on meters; each needs an API key."""
    router = APIRouter(
        prefix="/api/v1", tags=["metering"], default_response_class=JsonResponse, route_class=FormRoute
    )
    _add_registry(router, uow_factory, clock)
    add_readings(router, uow_factory, clock)
    _add_looks(router, uow_factory, clock)
    _add_meter(router, uow_factory, clock)  # last: its path would take the others' for an id
    return router


def _add_registry(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get("/meters", summary="Registered meters, by mRID", responses=refusals(401, 422, 503))
    async def list_(
        _caller: MayReadMeters, after: Cursor = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> MeterPage:
        behind = None
        if after is not None:
            mrid, _, lfdi = after.partition(":")
            behind = MeterIdentity(mrid=mrid, device_lfdi=lfdi or None)
        async with uow_factory() as uow:
            found = await MeterRegistry(uow.connection).page(at=clock.now(), after=behind, limit=limit)
        return view_page(found, limit=limit)

    @router.post(
        "/meters",
        summary="Say what a meter is, or what has changed of it",
        status_code=201,
        responses=refusals(400, 401, 409, 413, 422, 503),
    )
    async def register(caller: MayRegisterMeters, form: MeterForm) -> MeterView:
        now = clock.now()
        async with uow_factory() as uow:
            made = await register_meter(
                uow,
                form.meter(),
                form.terms(),
                valid_from=form.valid_from or now,
                by=_registrar(caller),
                why=form.why,
                now=now,
            )
        return view_meter(made)

    @router.post(
        "/meters/{id:path}/exchanges",
        summary="Say that registers were reset or exchanged, so that no difference spans it",
        status_code=204,
        responses=refusals(401, 404, 409, 413, 422, 503),
    )
    async def exchange(caller: MayRegisterMeters, meter_id: MeterId, form: ExchangeForm) -> None:
        now = clock.now()
        async with uow_factory() as uow:
            meter = await resolve_meter(uow.connection, meter_id, at=form.at)
            for each in form.exchanges():
                await exchange_register(uow, meter, each, by=_registrar(caller), why=form.why, now=now)


def _add_looks(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get(
        "/meters/{id:path}/quarantine",
        summary="Readings of a meter that were set aside, with the reason",
        responses={**OBJECT, **refusals(401, 404, 422, 503)},
    )
    async def list_quarantined(meter_id: MeterId, _caller: MayReadMeters) -> JsonResponse:
        async with uow_factory() as uow:
            found = await quarantined_readings(uow.connection, meter=meter_id, at=clock.now())
        return JsonResponse({"readings": [write_quarantined(reading) for reading in found]})

    @router.get(
        "/meters/{id:path}/completeness",
        summary="How many intervals of each local day are measured, estimated and missing",
        responses={**OBJECT, **refusals(401, 404, 409, 422, 503)},
    )
    async def look_at_days(
        meter_id: MeterId,
        _caller: MayReadMeters,
        first: date,
        last: date,
        direction: Way = Way.IMPORT,
        zone: Annotated[
            str | None, Query(max_length=64, description="By default the registered one, else UTC.")
        ] = None,
    ) -> JsonResponse:
        async with uow_factory() as uow:
            where = zone or await _zone_of(uow.connection, meter_id, clock)
            try:
                if not 0 <= (last - first).days < MOST_DAYS:
                    raise WindowInvalid(f"ask for 1 to {MOST_DAYS} days at once", path="last")
                days = days_between(first, last, zone=where)
            except (ZoneUnknown, OverflowError, ValueError) as error:
                raise WindowInvalid(
                    str(error), path="zone", hint="Name a zone that has such days."
                ) from error
            found = await completeness(
                uow.connection, meter=meter_id, days=days, direction=direction.direction
            )
        return JsonResponse({"zone": where, "days": [write_completeness(each) for each in found]})

    @router.get(
        "/meters/{id:path}/power",
        summary="Net power that a meter told, apart from its energy; a day at most",
        responses={**OBJECT, **refusals(401, 404, 422, 503)},
    )
    async def read_power(
        meter_id: MeterId,
        _caller: MayReadMeters,
        start: Annotated[AwareDatetime, Query(alias="from")],
        end: Annotated[AwareDatetime, Query(alias="to")],
        as_of: AwareDatetime | None = None,
    ) -> JsonResponse:
        window = read_window(start, end)
        if window.duration > _LONGEST_POWER_WINDOW:
            raise WindowInvalid("power is told of one day at most", path="to")
        async with uow_factory() as uow:
            found = await power_within(uow.connection, meter=meter_id, window=window, as_of=as_of)
        return JsonResponse({"power": [write_power(each) for each in found]})


def _add_meter(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get(
        "/meters/{id:path}",
        summary="All that is known of a meter",
        responses=refusals(401, 404, 409, 422, 503),
    )
    async def show(meter_id: MeterId, _caller: MayReadMeters) -> MeterWhole:
        async with uow_factory() as uow:
            return view_whole(await view_meter_whole(uow.connection, meter_id, at=clock.now()))


async def _zone_of(connection: Any, meter_id: str, clock: Clock) -> str:  # noqa: ANN401
    meter = await resolve_meter(connection, meter_id, at=clock.now())
    said = await find_registration(connection, meter, at=clock.now())
    return (said.terms.zone if said else None) or "UTC"


def _registrar(caller: Visitor) -> Registrar:
    may_do_all = Scope.ADMIN in all_of(caller.key.scopes)
    return Registrar(actor=caller.actor, holder=None if may_do_all else caller.key.name)
