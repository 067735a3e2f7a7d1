"""Forecasts from meters, once a local day for each resource that the catalogue has them for: jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bpp.forecasts.desk import Said, take_forecast
from bpp.forecasts.from_meters import expect, forecast_hours, local_date, observed_span
from bpp.platform import Bpp
from metering.energy import Direction
from metering.query import interval_energy
from node.audit import Actor
from node.job_kind import JobKind
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.availability.forecasts import ForecastSource, ForecastStore
from trading.availability.source import MeterRule
from trading.offer import Resource

log = structlog.get_logger(__name__)

FORECAST: Final = "forecast.from_meters"
FORECAST_OF_RESOURCE: Final = "forecast.from_meter"

_EVERY_QUARTER_HOUR: Final = "7-52/15 * * * *"  # where days begin: soon after every quarter hour of UTC
_BY: Final = Actor(who="the node, from its meter")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastJobs:
    """Does the jobs; `publish_to` are discovery services that are told of what is forecast."""

    bpp: Bpp
    uow_factory: UnitOfWorkFactory
    publish_to: Sequence[str] = ()

    @property
    def kinds(self) -> list[JobKind]:
        """What there is to do."""
        return [
            JobKind(name=FORECAST, run=self.look, every=_EVERY_QUARTER_HOUR),
            JobKind(name=FORECAST_OF_RESOURCE, run=self.forecast),
        ]

    async def look(self, _arguments: Mapping[str, str], now: datetime) -> None:
        """Put a job for each resource that is forecast from its meter, and was not yet on its local day."""
        async with self.uow_factory() as uow:
            for resource in self.bpp.catalogue.resources:
                if await _due_rule(resource, uow, now=now) is not None:
                    about = f"{FORECAST_OF_RESOURCE} {resource.id}"
                    arguments = {"resource": resource.id}
                    await put_job(uow, Job(kind=FORECAST_OF_RESOURCE, about=about, arguments=arguments))

    async def forecast(self, arguments: Mapping[str, str], now: datetime) -> None:
        """Forecast a resource for the rest of its local day and the days ahead, if it is still to be done."""
        async with self.uow_factory() as uow:
            catalogue = self.bpp.catalogue
            found = [each for each in catalogue.resources if each.id == arguments["resource"]]
            rule = await _due_rule(found[0], uow, now=now) if found else None
            if rule is None:
                return
            readings = await interval_energy(
                uow.connection,
                meter=found[0].source.meter_id,
                direction=Direction.EXPORT,
                window=observed_span(rule, now=now),
            )
            coming = forecast_hours(rule, found[0].production, now=now)
            hours = await ForecastStore(uow.connection).fitting(found[0].id, coming)
            if not hours:
                log.info("forecast.stays", resource=found[0].id, why="other intervals are forecast already")
                return
            buckets = expect(rule, readings, hours, now=now)
            why = f"{rule.share_percent:f} % of the mean of {rule.over_days} days"
            said = Said(buckets=buckets, by=_BY, why=why, source=ForecastSource.METER)
            oversold = await take_forecast(
                catalogue, found[0].id, said, uow, publish_to=self.publish_to, now=now
            )
        for each in oversold:
            start = each.interval and each.interval.start.isoformat()
            log.warning("forecast.oversold", resource=each.resource_id, start=start, taken=str(each.taken))
        log.info("forecast.taken", resource=arguments["resource"], intervals=len(buckets))


async def _due_rule(resource: Resource, uow: UnitOfWork, *, now: datetime) -> MeterRule | None:
    """Return the rule of a resource that was not forecast today, None if there is nothing to forecast."""
    rule = resource.forecasting.by_meter if resource.forecasting else None
    if rule is None or not forecast_hours(rule, resource.production, now=now):
        return None
    newest = await ForecastStore(uow.connection).newest(resource.id, ForecastSource.METER)
    if newest is not None and local_date(rule, newest) >= local_date(rule, now):
        return None
    return rule
