"""Taking a forecast of what there will be of a resource: kept, offered, put on record and published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bpp.catalog_file.availability import require_within
from bpp.forecasts.file import ForecastInvalid
from bpp.publishing.publications import Scope
from bpp.publishing.publisher import publish_job
from kernel.clock import format_instant
from kernel.plain_text import one_line
from node.audit import Actor, record_act
from storage.job_queue import put_job
from storage.unit_of_work import UnitOfWork
from trading.availability.buckets import Bucket
from trading.availability.forecasts import Forecast, ForecastSource, ForecastStore, NotForecast
from trading.availability.store import AvailabilityStore, Oversold
from trading.offer import Catalogue, Resource

FORECAST_TAKEN: Final = "forecast.taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody says there will be of a resource, and why; `source` is how they come to say it."""

    buckets: tuple[Bucket, ...]
    by: Actor
    why: str
    source: ForecastSource = ForecastSource.UPLOAD


async def take_forecast(
    catalogue: Catalogue,
    resource_id: str,
    said: Said,
    uow: UnitOfWork,
    *,
    publish_to: Sequence[str],
    now: datetime,
) -> list[Oversold]:
    """Offer what is forecast from now on; return of which of it more is held or sold.

    What is held or sold stays so. Raises: ItemNotFound, NotForecast, ForecastInvalid, ForecastUnfit.
    """
    resource = catalogue.get_resource(resource_id)
    _require_forecast(resource, said.source)
    for bucket in said.buckets:
        _require_produced(resource, bucket)
    forecast = Forecast(
        resource_id=resource_id,
        buckets=said.buckets,
        source=said.source,
        issued_at=now,
        made_by=one_line(said.by.who),
        why=one_line(said.why),
    )
    await ForecastStore(uow.connection).take(forecast)
    act = said.by.act(FORECAST_TAKEN, resource_id, after=_record(said.buckets), why=forecast.why)
    await record_act(uow, act, now=now)
    for peer in publish_to:
        await put_job(uow, publish_job(peer, Scope.CHANGES, requested_by=forecast.made_by))
    oversold = await AvailabilityStore(uow.connection).oversold(now=now)
    return [each for each in oversold if each.resource_id == resource_id]


def _require_forecast(resource: Resource, source: ForecastSource) -> None:
    """Raises: NotForecast, if what there is of a resource does not follow from forecasts of that source."""
    if resource.forecasting is None:
        raise NotForecast(
            f"what there is of {resource.id} is what the catalogue says",
            hint="Give the resource availability: {from: forecast} instead, and then forecasts.",
        )
    if source is ForecastSource.UPLOAD and resource.forecasting.by_meter is not None:
        raise NotForecast(
            f"what there is of {resource.id} is forecast from its meter",
            hint="Give the resource availability: {from: forecast} to forecast it yourself.",
        )


def _require_produced(resource: Resource, bucket: Bucket) -> None:
    try:
        require_within(bucket, resource.production)
    except ValueError as error:
        raise ForecastInvalid(str(error), hint="Change its production first, or leave that out.") from error


def _record(buckets: Sequence[Bucket]) -> dict[str, object]:
    first, last = buckets[0].interval, buckets[-1].interval
    return {
        "intervals": len(buckets),
        "start": first and format_instant(first.start),
        "end": last and format_instant(last.end),
        "watt_hours": sum(bucket.available.watt_hours for bucket in buckets),
    }
