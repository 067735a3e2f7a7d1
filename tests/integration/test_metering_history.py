"""What was known of a meter when: told at once, it is what asking at every instant tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from kernel.interval import Interval
from metering.energy import Direction
from metering.history import energy_history
from metering.quality import FORECAST, VALID
from metering.query import interval_energy
from metering.series import IntervalEnergy
from metering.tables import meter_channels, meter_readings, meter_registers, meter_usage_points
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

MRID = "0100200300"
START = datetime(2026, 1, 9, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WINDOW = Interval(START + timedelta(minutes=50), START + timedelta(hours=11, minutes=5))
"""It cuts an interval at either end."""
INSTANTS = [START + hours * timedelta(hours=1) for hours in range(1, 40, 3)]

Known = dict[IntervalEnergy, list[datetime]]


async def add_meter(uow: UnitOfWork) -> list[int]:
    """Return the channels of a new meter: of two registers, a total and a tier each."""
    mrid = MRID.zfill(32)
    point = (
        await uow.connection.execute(
            insert(meter_usage_points)
            .values(
                device_lfdi="",
                mrid=mrid,
                external_id=MRID,
                sender="meter",
                role_flags=0,
                service_category=0,
                status=1,
                created_at=START,
            )
            .returning(meter_usage_points.c.id)
        )
    ).scalar_one()
    channels = []
    for number in range(2):
        register = (
            await uow.connection.execute(
                insert(meter_registers)
                .values(usage_point_id=point, mrid=f"{number:032X}", external_id=str(number))
                .returning(meter_registers.c.id)
            )
        ).scalar_one()
        for tier in range(2):
            channel = insert(meter_channels).values(
                register_id=register, direction=Direction.EXPORT, tou_tier=tier, consumption_block=0
            )
            channels.append(
                (await uow.connection.execute(channel.returning(meter_channels.c.id))).scalar_one()
            )
    return channels


def reading(channel: int, start: datetime, length: int, **more: Any) -> dict[str, Any]:
    """Return a row of a reading over so many quarters of an hour."""
    return {
        "channel_id": channel,
        "period_start": start,
        "period_end": start + length * QUARTER,
        "reading_type_id": 1,
        "document_id": 1,
        **more,
    }


def drawn(random: Random, channels: list[int]) -> list[dict[str, Any]]:
    """Draw intervals of any length that overlap across channels, come late, and are revised."""
    rows: list[dict[str, Any]] = []
    for channel in channels:
        at = START
        while at < START + timedelta(hours=12):
            length = random.choice([1, 1, 1, 2, 4])
            if random.random() < 0.6:
                came = at + random.randrange(1, 30) * timedelta(minutes=47)
                rows += [
                    reading(
                        channel,
                        at,
                        length,
                        revision=revision,
                        watt_hours=random.randrange(1_000),
                        quality=random.choice([VALID, VALID, FORECAST]),
                        received_at=came + revision * timedelta(hours=2),
                    )
                    for revision in range(random.choice([1, 1, 2, 3]))
                ]
            at += length * QUARTER
    return rows


async def asked_each_time(uow: UnitOfWork) -> Known:
    """Return at which instants each interval was told, by asking at every one of them."""
    told: Known = {}
    for at in INSTANTS:
        for found in await interval_energy(
            uow.connection, meter=MRID, direction=Direction.EXPORT, window=WINDOW, as_of=at
        ):
            told.setdefault(found, []).append(at)
    return told


async def asked_once(uow: UnitOfWork) -> Known:
    """Return the same by the histories: what one tells stands until it tells anything else."""
    told: Known = {}
    for history in await energy_history(
        uow.connection, meter=MRID, direction=Direction.EXPORT, window=WINDOW, instants=INSTANTS
    ):
        for at in INSTANTS:
            for found in next((seen for since, seen in reversed(history) if since <= at), []):
                told.setdefault(found, []).append(at)
    return told


@pytest.mark.parametrize("seed", range(6))
async def test_one_look_tells_what_was_known_at_every_instant(
    uow_factory: UnitOfWorkFactory, seed: int
) -> None:
    async with uow_factory() as uow:
        channels = await add_meter(uow)
        await uow.connection.execute(insert(meter_readings), drawn(Random(seed), channels[: 1 + seed % 4]))  # noqa: S311
        told = await asked_each_time(uow)

        assert told
        assert await asked_once(uow) == told


async def test_a_meter_whose_register_is_read_is_asked_at_every_instant(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with uow_factory() as uow:
        first, *_ = await add_meter(uow)
        stands = [
            reading(
                first,
                START + hour * timedelta(hours=1),
                0,
                revision=0,
                watt_hours=hour * 100,
                quality=VALID,
                received_at=START + (hour + 1) * timedelta(hours=1),
            )
            for hour in range(12)
        ]
        await uow.connection.execute(insert(meter_readings), stands)
        told = await asked_each_time(uow)

        assert told
        assert await asked_once(uow) == told


async def test_a_meter_that_never_reported_has_no_history(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        assert await asked_once(uow) == {}
        await add_meter(uow)
        assert await asked_once(uow) == {}
        assert (
            await energy_history(
                uow.connection, meter=MRID, direction=Direction.EXPORT, window=WINDOW, instants=[]
            )
            == []
        )
