"""The operator's route for forecasts of what there will be of a resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bpp.api.catalog_views import OversoldView, view_oversold
from bpp.api.meter_views import Reason
from bpp.forecasts.desk import Said, take_forecast
from bpp.forecasts.file import ForecastForm, form_buckets
from bpp.platform import Bpp
from kernel.clock import Clock
from node.callers import MayEditCatalogue
from node.documentation import refusals
from node.request_body import FormRoute
from storage.unit_of_work import UnitOfWorkFactory


class ForecastView(BaseModel):
    """What was taken of a forecast.

    In the `oversold` intervals no more can be had, and what was sold is missing: curtail contracts there.
    """

    resource: str
    intervals: int
    watt_hours: int = Field(description="In all intervals together.")
    oversold: list[OversoldView]


def forecast_router(
    bpp: Bpp, *, publish_to: Sequence[str], uow_factory: UnitOfWorkFactory, clock: Clock
) -> APIRouter:
    """Return the route; a forecast is sold from as soon as it is answered."""
    router = APIRouter(prefix="/api/v1/catalog", tags=["catalogue"], route_class=FormRoute)

    @router.put(
        "/resources/{resource_id}/forecast",
        summary="Say what there will be of a resource, interval by interval",
        responses=refusals(401, 404, 409, 413, 422, 503),
    )
    async def put_forecast(
        resource_id: str,
        caller: MayEditCatalogue,
        form: ForecastForm,
        why: Annotated[Reason, Query(description="The reason, for the record.")],
    ) -> ForecastView:
        said = Said(buckets=form_buckets(form), by=caller.actor, why=why)
        async with uow_factory() as uow:
            oversold = await take_forecast(
                bpp.catalogue, resource_id, said, uow, publish_to=publish_to, now=clock.now()
            )
        return ForecastView(
            resource=resource_id,
            intervals=len(said.buckets),
            watt_hours=sum(bucket.available.watt_hours for bucket in said.buckets),
            oversold=[view_oversold(each) for each in oversold],
        )

    return router
