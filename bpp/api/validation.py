"""The operator's routes on validation: what was found, how good a day is, estimates, edits, rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from bpp.api.meter_views import Way
from bpp.api.validation_views import (
    DaysForm,
    DayStateView,
    EditedView,
    EditForm,
    EstimateForm,
    FindingView,
    GapView,
    RuleForm,
    RuleView,
    VerdictView,
    view_edited,
    view_gap,
    view_rule,
    view_state,
    view_stored,
    view_verdict,
)
from bpp.meters.decisions import decide_estimate, decide_reading, decide_rule
from kernel.clock import Clock
from metering.vee.checks import findings_of
from metering.vee.estimate import EstimateWish
from metering.vee.meant import MeterName, find_days, find_meter
from metering.vee.parameters import parameters_for
from metering.vee.state import day_state
from metering.vee.validation import validate_day
from node.app import JsonResponse
from node.callers import MayEditMeters, MayReadMeters
from node.documentation import refusals
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory

MeterId = Annotated[str, Path(alias="id", description="A registered id, or an mRID in any spelling.")]
OneDevice = Annotated[
    str | None, Query(alias="device_lfdi", max_length=64, description="Needed where several use the mRID.")
]
OneZone = Annotated[str | None, Query(max_length=64, description="By default the registered one, else UTC.")]
_REFUSALS = refusals(401, 404, 409, 413, 422, 503)


class Findings(BaseModel):
    """What was found of a meter's days."""

    findings: list[FindingView]


class Verdicts(BaseModel):
    """What validation says of a meter's days."""

    verdicts: list[VerdictView]


class Gaps(BaseModel):
    """What became of the gaps of a meter's days."""

    gaps: list[GapView]


class Rules(BaseModel):
    """Every rule as it counts for a meter's day."""

    rules: list[RuleView]


def vee_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes on validation; serve them before those whose path takes any meter's id."""
    router = APIRouter(
        prefix="/api/v1", tags=["validation"], default_response_class=JsonResponse, route_class=FormRoute
    )
    _add_looks(router, uow_factory, clock)
    _add_decisions(router, uow_factory, clock)
    _add_rules(router, uow_factory, clock)
    return router


def _add_looks(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get("/meters/{id:path}/findings", summary="What validation ever found", responses=_REFUSALS)
    async def list_findings(
        meter_id: MeterId, _caller: MayReadMeters, first: date, last: date, device: OneDevice = None
    ) -> Findings:
        name = MeterName(text=meter_id, device_lfdi=device)
        async with uow_factory() as uow:
            point, days = await find_days(uow.connection, name, first=first, last=last)
            found = await findings_of(
                uow.connection, usage_point_id=point.id, first=days[0].date, last=days[-1].date
            )
        return Findings(findings=[view_stored(item) for item in found])

    @router.get(
        "/meters/{id:path}/days/{day}",
        summary="How good a day is: FINAL, PROVISIONAL or INCOMPLETE",
        responses=_REFUSALS,
    )
    async def show_day(
        meter_id: MeterId,
        day: date,
        _caller: MayReadMeters,
        direction: Way = Way.IMPORT,
        zone: OneZone = None,
        device: OneDevice = None,
    ) -> DayStateView:
        name = MeterName(text=meter_id, device_lfdi=device)
        async with uow_factory() as uow:
            point, (local,) = await find_days(uow.connection, name, first=day, last=day, zone=zone)
            state = await day_state(
                uow.connection, point=point, direction=direction.direction, day=local, now=clock.now()
            )
        return view_state(state, day=local, way=direction)


def _add_decisions(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.post("/meters/{id:path}/validations", summary="Validate some days now", responses=_REFUSALS)
    async def validate(
        meter_id: MeterId, _caller: MayEditMeters, form: DaysForm, device: OneDevice = None
    ) -> Verdicts:
        now, name = clock.now(), MeterName(text=meter_id, device_lfdi=device)
        async with uow_factory() as uow:
            point, days = await find_days(
                uow.connection, name, first=form.first, last=form.last, zone=form.zone
            )
            found = [
                verdict
                for day in days
                for verdict in await validate_day(uow.connection, point=point, day=day, now=now)
            ]
        return Verdicts(verdicts=[view_verdict(verdict) for verdict in found])

    @router.post("/meters/{id:path}/estimates", summary="Fill the gaps of some days", responses=_REFUSALS)
    async def estimate(
        meter_id: MeterId, caller: MayEditMeters, form: EstimateForm, device: OneDevice = None
    ) -> Gaps:
        now, name = clock.now(), MeterName(text=meter_id, device_lfdi=device)
        gaps = []
        async with uow_factory() as uow:
            point, days = await find_days(
                uow.connection, name, first=form.first, last=form.last, zone=form.zone
            )
            for day in days:
                wish = EstimateWish(point=point, day=day, again=form.again, holidays=frozenset(form.holidays))
                gaps += await decide_estimate(uow, wish, by=caller.actor, why=form.why, now=now)
        return Gaps(gaps=[view_gap(gap) for gap in gaps])

    @router.post("/meters/{id:path}/edits", summary="Put another value in", responses=_REFUSALS)
    async def edit(
        meter_id: MeterId, caller: MayEditMeters, form: EditForm, device: OneDevice = None
    ) -> EditedView:
        name = MeterName(text=meter_id, device_lfdi=device)
        async with uow_factory() as uow:
            point = await find_meter(uow.connection, name, start=form.start, end=form.end)
            done = await decide_reading(uow, form.wish(point), by=caller.actor, now=clock.now())
        return view_edited(done)


def _add_rules(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get("/meters/{id:path}/rules", summary="The rules as they count on a day", responses=_REFUSALS)
    async def list_rules(
        meter_id: MeterId, day: date, _caller: MayReadMeters, device: OneDevice = None
    ) -> Rules:
        name = MeterName(text=meter_id, device_lfdi=device)
        async with uow_factory() as uow:
            point, _ = await find_days(uow.connection, name, first=day, last=day)
            rules = await parameters_for(uow.connection, usage_point_id=point.id, day=day)
        return Rules(rules=[view_rule(rule) for rule in rules.values()])

    @router.post(
        "/meter-rules",
        summary="Say how a rule counts, for one meter or for all",
        status_code=204,
        responses=_REFUSALS,
    )
    async def set_rule(caller: MayEditMeters, form: RuleForm, device: OneDevice = None) -> None:
        async with uow_factory() as uow:
            point = None
            if form.meter is not None:
                name, first = MeterName(text=form.meter, device_lfdi=device), form.valid_from
                point, _ = await find_days(uow.connection, name, first=first, last=first)
            await decide_rule(uow, form.change(), point=point, by=caller.actor, now=clock.now())
