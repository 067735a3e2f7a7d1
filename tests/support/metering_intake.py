"""Taking documents in and asking what came of it, for tests on a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from kernel.interval import Interval
from metering.doubt import Reason
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.query import (
    IntervalEnergy,
    interval_energy,
)
from metering.tables import APPEND_ONLY, meter_quarantined_readings, meter_usage_points
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
)

IMPORT, EXPORT = Direction.IMPORT, Direction.EXPORT
TABLES = [*APPEND_ONLY, meter_usage_points, meter_quarantined_readings]


async def record(
    uow_factory: UnitOfWorkFactory,
    raw: bytes,
    *,
    now: datetime = NOW,
    sender: str = "utility",
    usage_point: int | None = None,
) -> IngestResult:
    async with uow_factory() as uow:
        return await record_mirror_document(raw, uow=uow, now=now, sender=sender, usage_point=usage_point)


async def energy(
    uow_factory: UnitOfWorkFactory,
    window: Interval = DAY,
    *,
    direction: Direction = IMPORT,
    **how: Any,
) -> list[IntervalEnergy]:
    async with uow_factory() as uow:
        return await interval_energy(
            uow.connection, meter=how.pop("meter", METER), direction=direction, window=window, **how
        )


async def rows(uow_factory: UnitOfWorkFactory) -> dict[str, int]:
    async with uow_factory() as uow:
        counted = {table: select(func.count()).select_from(table) for table in TABLES}
        return {
            table.name: (await uow.connection.execute(found)).scalar_one() for table, found in counted.items()
        }


def reasons(result: IngestResult) -> list[Reason]:
    return [item.doubt.reason for item in result.quarantined]


def counts(result: IngestResult) -> tuple[int, int, int, int]:
    return result.accepted, result.duplicates, result.revised, len(result.quarantined)


def quarter(number: int, length: int = 1) -> Interval:
    start = MIDNIGHT + timedelta(seconds=number * QUARTER)
    return Interval(start, start + timedelta(seconds=length * QUARTER))
