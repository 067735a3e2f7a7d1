"""One meter whose days are validated, estimated and edited, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.documents import Reading, ReadingType
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.query import IntervalEnergy, interval_energy
from metering.sep.writer import write_mirror_usage_point
from metering.vee.checks import StoredFinding, findings_of
from metering.vee.days import LocalDate
from metering.vee.edit import Edited, EditWish, edit_reading
from metering.vee.estimate import EstimateWish, FilledGap, estimate_day
from metering.vee.facts import MeterFacts
from metering.vee.points import Point, find_point
from metering.vee.state import DayState, day_state
from metering.vee.validation import Validated, validate_day
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    SUMMATION,
    document,
    meter,
    reading,
    register,
)

IMPORT: Final = Direction.IMPORT
TODAY: Final = LocalDate(date(2026, 3, 14), "UTC")
STANDS: Final = "0100200309"
LATER: Final = NOW + timedelta(hours=1)
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Knows:
    """Knows the same of every meter."""

    known: MeterFacts

    async def facts(
        self,
        connection: AsyncConnection,
        *,
        point: Point,
        direction: Direction,
        at: datetime,
        as_of: datetime | None,
    ) -> MeterFacts:
        return self.known


async def record(uow_factory: UnitOfWorkFactory, raw: bytes, *, now: datetime = NOW) -> IngestResult:
    async with uow_factory() as uow:
        return await record_mirror_document(raw, uow=uow, now=now, sender="utility")


async def record_readings(
    uow_factory: UnitOfWorkFactory, readings: Iterable[Reading], *, now: datetime = NOW, **how: Any
) -> IngestResult:
    return await record(uow_factory, document(*readings, **how), now=now)


async def point(uow_factory: UnitOfWorkFactory) -> Point:
    async with uow_factory() as uow:
        return await find_point(uow.connection, meter=METER, at=LATER)


async def validate(
    uow_factory: UnitOfWorkFactory, day: LocalDate = TODAY, *, now: datetime = LATER, **how: Any
) -> list[Validated]:
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        return await validate_day(uow.connection, point=found, day=day, now=now, **how)


async def codes(uow_factory: UnitOfWorkFactory, day: LocalDate = TODAY, **how: Any) -> list[str]:
    verdicts = await validate(uow_factory, day, **how)
    return [finding.rule for verdict in verdicts for finding in verdict.check.findings]


async def state(uow_factory: UnitOfWorkFactory, day: LocalDate = TODAY, **how: Any) -> DayState:
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        return await day_state(uow.connection, point=found, direction=IMPORT, day=day, now=LATER, **how)


async def estimate(
    uow_factory: UnitOfWorkFactory, day: LocalDate = TODAY, *, now: datetime = LATER, **how: Any
) -> list[FilledGap]:
    async with uow_factory() as uow:
        wish = EstimateWish(point=await find_point(uow.connection, meter=METER, at=LATER), day=day, **how)
        return await estimate_day(uow, wish, now=now)


async def energy(
    uow_factory: UnitOfWorkFactory, window: Interval = DAY, *, as_of: datetime | None = None
) -> list[IntervalEnergy]:
    async with uow_factory() as uow:
        return await interval_energy(
            uow.connection, meter=METER, direction=IMPORT, window=window, as_of=as_of
        )


async def edit(
    uow_factory: UnitOfWorkFactory,
    watt_hours: int,
    *,
    quarter: int = 10,
    length: int = 1,
    now: datetime = LATER,
    **how: Any,
) -> Edited:
    start = MIDNIGHT + timedelta(seconds=quarter * QUARTER)
    async with uow_factory() as uow:
        wish = EditWish(
            **{
                "point": await find_point(uow.connection, meter=METER, at=LATER),
                "direction": IMPORT,
                "start": start,
                "end": start + timedelta(seconds=length * QUARTER),
                "watt_hours": watt_hours,
                "who": "operator",
                "why": "read off the display",
                **how,
            }
        )
        return await edit_reading(uow, wish, now=now)


async def findings(uow_factory: UnitOfWorkFactory) -> list[StoredFinding]:
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        return await findings_of(
            uow.connection, usage_point_id=found.id, first=date(2026, 1, 1), last=date(2027, 1, 1)
        )


async def count(uow_factory: UnitOfWorkFactory, table: Any) -> int:
    async with uow_factory() as uow:
        counted = await uow.connection.execute(select(func.count()).select_from(table))
        return int(counted.scalar_one())


def but(first: int, last: int, *, value: int = 250, day: int = 0) -> list[Reading]:
    """Return the readings of a day, so many days after the first, without some of its quarters."""
    start = int(MIDNIGHT.timestamp()) + day * 86_400
    return [
        reading(value + quarter, start=start + quarter * QUARTER)
        for quarter in range(96)
        if not first <= quarter < last
    ]


def with_stands(readings: Iterable[Reading], *stands: Reading, kind: ReadingType = SUMMATION) -> bytes:
    return write_mirror_usage_point(meter(register(readings), register(stands, mrid=STANDS, kind=kind)))
