"""Forecasts of what there will be: kept as they were made; the newest of each interval is what is offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.interval import Interval
from trading.availability.buckets import Bucket, touching
from trading.availability.store import AvailabilityStore
from trading.availability.tables import stock_forecast_values, stock_forecasts

_LOCK: Final = text(
    "SELECT resource_id FROM stock WHERE resource_id = :resource_id AND basis = 'FORECAST' FOR UPDATE"
)
_OFFERED_WITHIN: Final = text(
    """
    SELECT starts, ends FROM stock_buckets
    WHERE resource_id = :resource_id AND is_offered AND starts < :end AND ends > :start ORDER BY starts
    """
)


class ForecastSource(StrEnum):
    """Who makes a forecast."""

    UPLOAD = "UPLOAD"
    METER = "METER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What there will be of a resource in intervals that share no time, and who says so, when and why."""

    resource_id: str
    buckets: tuple[Bucket, ...]
    source: ForecastSource
    issued_at: datetime
    made_by: str
    why: str


class NotForecast(NodeError):
    """What there is of the resource does not follow from such forecasts."""

    code, http_status, retryable = "BPP_NOT_FORECAST", 409, False


class ForecastUnfit(NodeError):
    """The forecast says something of a part of an interval only, of which another says it in all."""

    code, http_status, retryable = "BPP_FORECAST_UNFIT", 422, False


class ForecastStore:
    """The forecasts within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, forecast: Forecast) -> None:
        """Keep a forecast, and offer what it says; what is held or sold stays so.

        Raises: NotForecast; ForecastUnfit.
        """
        resource_id = forecast.resource_id
        known = {"resource_id": resource_id}
        if (await self._connection.execute(_LOCK, known)).one_or_none() is None:
            raise NotForecast(
                f"the catalogue does not say that {resource_id} is forecast",
                hint="Give the resource availability: {from: forecast} first.",
            )
        intervals = [bucket.interval for bucket in forecast.buckets if bucket.interval is not None]
        within = Interval(intervals[0].start, intervals[-1].end)
        for offered in await self._offered_within(resource_id, within):
            first, last = touching(intervals, offered)
            _require_whole(offered, intervals[first:last])
        await self._keep(forecast)
        await AvailabilityStore(self._connection).offer(resource_id, forecast.buckets)

    async def fitting(self, resource_id: str, intervals: Sequence[Interval]) -> list[Interval]:
        """Return those of some intervals, in order of time, that a forecast can be of.

        Left out is what would say something of a part of an interval that is offered, and nothing of another.
        """
        fitting = list(intervals)
        if not fitting:
            return fitting
        offered = await self._offered_within(resource_id, Interval(fitting[0].start, fitting[-1].end))
        while True:
            kept = [each for each in fitting if _is_whole(each, offered, fitting)]
            if len(kept) == len(fitting):
                return kept
            fitting = kept

    async def newest(self, resource_id: str, source: ForecastSource) -> datetime | None:
        """Return when the last forecast of that source was made, None if there was none."""
        table = stock_forecasts
        query = select(func.max(table.c.issued_at)).where(
            table.c.resource_id == resource_id, table.c.source == source.value
        )
        found: datetime | None = (await self._connection.execute(query)).scalar_one()
        return found

    async def forecast_since(self, instant: datetime) -> frozenset[str]:
        """Return the resources of which a forecast was made at `instant` or later."""
        query = select(stock_forecasts.c.resource_id).where(stock_forecasts.c.issued_at >= instant)
        return frozenset((await self._connection.execute(query.distinct())).scalars())

    async def _offered_within(self, resource_id: str, within: Interval) -> list[Interval]:
        """Return the offered intervals of a resource that share time with one."""
        bounds = {"resource_id": resource_id, "start": within.start, "end": within.end}
        rows = await self._connection.execute(_OFFERED_WITHIN, bounds)
        return [Interval(row.starts, row.ends) for row in rows]

    async def _keep(self, forecast: Forecast) -> None:
        head = insert(stock_forecasts).values(
            resource_id=forecast.resource_id,
            issued_at=forecast.issued_at,
            source=forecast.source.value,
            made_by=forecast.made_by,
            why=forecast.why,
        )
        forecast_id = (await self._connection.execute(head.returning(stock_forecasts.c.id))).scalar_one()
        values = [
            {
                "forecast_id": forecast_id,
                "resource_id": forecast.resource_id,
                "starts": bucket.interval.start,
                "ends": bucket.interval.end,
                "watt_hours": bucket.available.watt_hours,
            }
            for bucket in forecast.buckets
            if bucket.interval is not None
        ]
        await self._connection.execute(insert(stock_forecast_values), values)


def _is_whole(interval: Interval, offered: Sequence[Interval], said: Sequence[Interval]) -> bool:
    """Say whether all offered intervals that share time with one are covered by what is said."""
    first, last = touching(offered, interval)
    for each in offered[first:last]:
        start, end = touching(said, each)
        if not each.covered_by(said[start:end]):
            return False
    return True


def _require_whole(offered: Interval, said: Sequence[Interval]) -> None:
    """Raises: ForecastUnfit, if what is said is of a part of an offered interval, and leaves out another."""
    if said and not offered.covered_by(said):
        raise ForecastUnfit(
            f"what is forecast from {format_instant(offered.start)} until {format_instant(offered.end)} is "
            f"so in all of that time, and this is of a part of it, from {format_instant(said[0].start)}",
            hint="Say what there is in all of that time.",
        )
