"""The operator's routes on validation: what was found, how good a day is, estimates, edits, rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from bpp.meter_decisions import decide_estimate, decide_reading, decide_rule
from bpp.meter_views import Way
from bpp.vee_views import (
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
from kernel.clock import Clock
from metering.vee.checks import findings_of
from metering.vee.days import dates_between
from metering.vee.estimate import EstimateWish
from metering.vee.parameters import parameters_for
from metering.vee.points import find_point
from metering.vee.state import day_state
from metering.vee.validation import validate_day, zone_of
from node.app import JsonResponse
from node.callers import MayEditMeters, MayReadMeters
from node.documentation import refusals
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory

MeterId = Annotated[str, Path(alias="id", description="A registered id, or an mRID in any spelling.")]
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
    async def list_findings(meter_id: MeterId, _caller: MayReadMeters, first: date, last: date) -> Findings:
        days = dates_between(first, last, "UTC")
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=clock.now())
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
    ) -> DayStateView:
        now = clock.now()
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=now)
            where = zone or await zone_of(uow.connection, point, at=now)
            (local,) = dates_between(day, day, where)
            state = await day_state(
                uow.connection, point=point, direction=direction.direction, day=local, now=now
            )
        return view_state(state, day=local, way=direction)


def _add_decisions(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.post("/meters/{id:path}/validations", summary="Validate some days now", responses=_REFUSALS)
    async def validate(meter_id: MeterId, _caller: MayEditMeters, form: DaysForm) -> Verdicts:
        now = clock.now()
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=now)
            zone = form.zone or await zone_of(uow.connection, point, at=now)
            found = [
                verdict
                for day in dates_between(form.first, form.last, zone)
                for verdict in await validate_day(uow.connection, point=point, day=day, now=now)
            ]
        return Verdicts(verdicts=[view_verdict(verdict) for verdict in found])

    @router.post("/meters/{id:path}/estimates", summary="Fill the gaps of some days", responses=_REFUSALS)
    async def estimate(meter_id: MeterId, caller: MayEditMeters, form: EstimateForm) -> Gaps:
        now = clock.now()
        gaps = []
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=now)
            zone = form.zone or await zone_of(uow.connection, point, at=now)
            for day in dates_between(form.first, form.last, zone):
                wish = EstimateWish(point=point, day=day, again=form.again, holidays=frozenset(form.holidays))
                gaps += await decide_estimate(uow, wish, by=caller.actor, why=form.why, now=now)
        return Gaps(gaps=[view_gap(gap) for gap in gaps])

    @router.post("/meters/{id:path}/edits", summary="Put another value in", responses=_REFUSALS)
    async def edit(meter_id: MeterId, caller: MayEditMeters, form: EditForm) -> EditedView:
        now = clock.now()
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=now)
            done = await decide_reading(uow, form.wish(point), by=caller.actor, now=now)
        return view_edited(done)


def _add_rules(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
    @router.get("/meters/{id:path}/rules", summary="The rules as they count on a day", responses=_REFUSALS)
    async def list_rules(meter_id: MeterId, day: date, _caller: MayReadMeters) -> Rules:
        async with uow_factory() as uow:
            point = await find_point(uow.connection, meter=meter_id, at=clock.now())
            rules = await parameters_for(uow.connection, usage_point_id=point.id, day=day)
        return Rules(rules=[view_rule(rule) for rule in rules.values()])

    @router.post(
        "/meter-rules",
        summary="Say how a rule counts, for one meter or for all",
        status_code=204,
        responses=_REFUSALS,
    )
    async def set_rule(caller: MayEditMeters, form: RuleForm) -> None:
        now = clock.now()
        async with uow_factory() as uow:
            point = None
            if form.meter is not None:
                point = await find_point(uow.connection, meter=form.meter, at=now)
            await decide_rule(uow, form.change(), point=point, by=caller.actor, now=now)
