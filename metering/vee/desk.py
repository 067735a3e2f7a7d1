"""Looks after the days that are due: validates each as soon as it is over, one unit of work per step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from kernel.clock import Clock
from kernel.interval import Interval
from metering.vee.days import LocalDate, local_dates
from metering.vee.due import SETTLING, DueDay, claim_due, put_off_due, strike_due
from metering.vee.facts import KnowsMeters
from metering.vee.points import Point, point_by_id
from metering.vee.validation import REGISTERED, validate_day, zone_of
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationDesk:
    """Validates what has changed; `step` is what a worker runs again and again.

    A day that cannot be validated is left alone for `retry_after`; the others go on.
    """

    uow_factory: UnitOfWorkFactory
    clock: Clock
    knows: KnowsMeters = REGISTERED
    retry_after: timedelta = timedelta(minutes=10)

    async def step(self) -> bool:
        """Look at one day that is due; say whether there was any."""
        now = self.clock.now()
        due: DueDay | None = None
        try:
            async with self.uow_factory() as uow:
                claimed = await claim_due(uow.connection, now=now, limit=1)
                if not claimed:
                    return False
                due = claimed[0]
                await self._look_at(due, uow, now=now)
        except Exception:
            if due is None:
                raise
            log.exception("validation.failed", usage_point=due.usage_point_id, day=due.utc_day.isoformat())
            async with self.uow_factory() as uow:
                await put_off_due(uow.connection, due, until=now + self.retry_after)
        return True

    async def _look_at(self, due: DueDay, uow: UnitOfWork, *, now: datetime) -> None:
        """Validate the local days that touch a day of UTC; those that go on are looked at when they end."""
        point = await point_by_id(uow.connection, due.usage_point_id)
        zone = await zone_of(uow.connection, point, at=due.start, knows=self.knows)
        going_on: datetime | None = None
        for day in local_dates(Interval(due.start, due.end), zone):
            if day.period.end > now:
                going_on = day.period.end
                continue
            await self._validate(point, day, uow, now=now)
        if going_on is None:
            await strike_due(uow.connection, due)
        else:
            await put_off_due(uow.connection, due, until=going_on + SETTLING)

    async def _validate(self, point: Point, day: LocalDate, uow: UnitOfWork, *, now: datetime) -> None:
        for verdict in await validate_day(uow.connection, point=point, day=day, now=now, knows=self.knows):
            if verdict.is_new:
                log.info(
                    "validation.done",
                    usage_point=point.id,
                    day=day.date.isoformat(),
                    direction=verdict.check.direction.name,
                    findings=len(verdict.check.findings),
                    blocking=len(verdict.check.blocking),
                )
