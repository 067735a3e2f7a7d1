"""The operator's routes on the power of plugs: limiting it, and lifting the limit again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from bpp.api.meter_views import Reason
from bpp.charging.plug_limits import get_limit, lift_plug_limit, limit_plug
from kernel.clock import Clock, format_instant
from metering.registration.record import MOST_WATTS
from node.app import JsonResponse
from node.callers import MayCurtail, MayReadContracts
from node.documentation import refusals
from node.request_body import FormRoute
from stations.command_store import CommandStore
from stations.limits import PowerLimit
from stations.port import Verb
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

_LONGEST_EVENT: Final = 200


class LimitForm(BaseModel):
    """The most that a plug shall give from now on."""

    model_config = ConfigDict(extra="forbid")

    watts: int = Field(ge=0, le=MOST_WATTS, description="0 lets nothing flow.")
    why: Reason
    grid_event: str | None = Field(
        None, min_length=1, max_length=_LONGEST_EVENT, description="The event of the grid that wants it."
    )


class LimitView(BaseModel):
    """A limit, and what the station made of it; `held_since` is null while what charges is not held to it."""

    plug: str
    watts: int
    grid_event: str | None
    why: str
    put_at: str
    held_since: str | None
    acceptance: str | None = Field(description="What the station answered last; null while it is asked.")
    answer: str | None = Field(description="In words, where it did not take it.")


def plug_limit_router(*, uow_factory: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """Return the routes on what plugs may give."""
    router = APIRouter(
        prefix="/api/v1/plugs", tags=["stations"], default_response_class=JsonResponse, route_class=FormRoute
    )

    @router.put(
        "/{plug}/limit",
        summary="Limit the power of a plug; what charges there is limited as soon as its station takes it",
        responses=refusals(401, 404, 413, 422, 503),
    )
    async def limit(plug: str, caller: MayCurtail, form: LimitForm) -> LimitView:
        wanted = PowerLimit(
            connector_id=plug,
            watts=form.watts,
            why=form.why,
            grid_event=form.grid_event,
            put_at=clock.now(),
        )
        async with uow_factory() as uow:
            await limit_plug(wanted, uow, by=caller.actor)
            return await _view(plug, uow)

    @router.get(
        "/{plug}/limit",
        summary="What a plug is limited to, and whether its station keeps to it",
        responses=refusals(401, 404, 422, 503),
    )
    async def read(plug: str, _caller: MayReadContracts) -> LimitView:
        async with uow_factory() as uow:
            return await _view(plug, uow)

    @router.delete(
        "/{plug}/limit",
        summary="Let a plug give all that it can again",
        status_code=204,
        responses=refusals(401, 404, 422, 503),
    )
    async def lift(
        plug: str,
        caller: MayCurtail,
        why: Annotated[Reason, Query(description="The reason, for the record.")],
    ) -> None:
        async with uow_factory() as uow:
            await lift_plug_limit(plug, uow, by=caller.actor, why=why, now=clock.now())

    return router


async def _view(plug: str, uow: UnitOfWork) -> LimitView:
    limit = await get_limit(plug, uow)
    answered = await CommandStore(uow.connection).find_last(plug, Verb.LIMIT, since=limit.put_at)
    return LimitView(
        plug=plug,
        watts=limit.watts,
        grid_event=limit.grid_event,
        why=limit.why,
        put_at=format_instant(limit.put_at),
        held_since=None if limit.held_since is None else format_instant(limit.held_since),
        acceptance=None if answered is None else answered["acceptance"],
        answer=None if answered is None else answered["why"],
    )
