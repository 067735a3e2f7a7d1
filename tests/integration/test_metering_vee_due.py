"""Which days are looked at again, by whatever reason they changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from bpp.meters.news import tell_of_readings
from bpp.meters.registry import Registrar, exchange_register, register_meter
from kernel.clock import ManualClock
from metering.documents import ReadingType
from metering.energy import Direction
from metering.ingest import record_mirror_document
from metering.registration.exchanges import RegisterExchange
from metering.registration.record import MeterIdentity, MeterTerms
from metering.vee.desk import ValidationDesk
from metering.vee.due import SETTLING
from metering.vee.state import Completeness
from metering.vee.tables import meter_checks_due
from node.audit import Actor
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    START,
    SUMMATION,
    day_of_readings,
    document,
    reading,
    stand,
)
from tests.support.metering_vee import IMPORT, LATER, STANDS, but, findings, record, record_readings, state

REACTIVE = ReadingType(accumulation_behaviour=4, commodity=1, flow_direction=1, kind=12, uom=73)
HERE = MeterIdentity.of(mrid=METER, device_lfdi=None)
BY = Registrar(actor=Actor(who="op"))


async def taken(uow_factory: UnitOfWorkFactory, raw: bytes, *, clock: ManualClock) -> None:
    async with uow_factory() as uow:
        result = await record_mirror_document(raw, uow=uow, now=clock.now(), sender="utility")
        await tell_of_readings(uow, [result], clock.now())


async def looked_at(uow_factory: UnitOfWorkFactory, clock: ManualClock) -> None:
    clock.advance(SETTLING)
    desk = ValidationDesk(uow_factory=uow_factory, clock=clock)
    while await desk.step():
        pass


async def due(uow_factory: UnitOfWorkFactory) -> list[date]:
    async with uow_factory() as uow:
        days = (await uow.connection.execute(select(meter_checks_due.c.utc_day))).scalars().all()
        await uow.connection.execute(delete(meter_checks_due))
    return sorted(days)


async def test_a_negative_reading_makes_a_day_that_was_final_be_looked_at(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock = ManualClock(LATER)
    await taken(uow_factory, document(*day_of_readings()), clock=clock)
    await looked_at(uow_factory, clock)
    assert (await state(uow_factory)).completeness is Completeness.FINAL
    await taken(uow_factory, document(reading(-5, quarter=10)), clock=clock)
    await looked_at(uow_factory, clock)
    assert [item.finding.rule for item in await findings(uow_factory)] == ["NEGATIVE"]
    doubted = await state(uow_factory)
    assert (doubted.completeness, doubted.doubted_seconds) == (Completeness.PROVISIONAL, QUARTER)
    await taken(uow_factory, document(reading(261, quarter=10)), clock=clock)
    await looked_at(uow_factory, clock)
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_a_register_that_counts_something_else_makes_its_day_be_looked_at(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock = ManualClock(NOW + timedelta(days=1))
    await taken(uow_factory, document(*day_of_readings()), clock=clock)
    await looked_at(uow_factory, clock)
    other_day = [reading(9, quarter=96 + at) for at in range(96)]
    await taken(uow_factory, document(*other_day, kind=REACTIVE), clock=clock)
    await looked_at(uow_factory, clock)
    assert [item.finding.rule for item in await findings(uow_factory)] == ["UNIT_CHANGE"] * 96


@pytest.mark.parametrize("start", [0, 2**47, START - 500 * 86_400, START + 30 * 86_400])
async def test_readings_of_another_age_that_are_set_aside_make_no_day_be_looked_at(
    uow_factory: UnitOfWorkFactory, start: int
) -> None:
    await taken(uow_factory, document(reading(-5, start=start)), clock=ManualClock(LATER))
    assert await due(uow_factory) == []


async def test_a_stand_at_midnight_is_of_the_day_that_it_ends(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [stand(900, quarter=0)], kind=SUMMATION)
    raw = document(stand(100, quarter=96), kind=SUMMATION)
    await taken(uow_factory, raw, clock=ManualClock(LATER))
    assert MIDNIGHT.date() in await due(uow_factory)


async def test_an_exchange_makes_the_days_between_the_stands_around_it_be_looked_at(
    uow_factory: UnitOfWorkFactory,
) -> None:
    stands = [stand(number * 1_000, quarter=96 * number) for number in (0, 3, 4)]
    await record(uow_factory, document(*stands, kind=SUMMATION, mrid=STANDS), now=NOW + timedelta(days=9))
    for withdrawn in (False, True):
        exchange = RegisterExchange(
            direction=IMPORT, at=MIDNIGHT + timedelta(days=1, hours=5), withdrawn=withdrawn
        )
        async with uow_factory() as uow:
            now = NOW + timedelta(days=9)
            await exchange_register(uow, HERE, exchange, by=BY, why="a test", now=now)
        assert await due(uow_factory) == [date(2026, 3, 14), date(2026, 3, 15), date(2026, 3, 16)]
    async with uow_factory() as uow:
        other = RegisterExchange(direction=Direction.EXPORT, at=MIDNIGHT + timedelta(hours=5))
        await exchange_register(uow, HERE, other, by=BY, why="a test", now=NOW)
    assert await due(uow_factory) == []


@pytest.mark.parametrize(
    ("valid_from", "days"),
    [
        (MIDNIGHT - timedelta(days=3650), [date(2026, 3, 14), date(2026, 3, 15)]),
        (MIDNIGHT + timedelta(days=1), [date(2026, 3, 15)]),
        (MIDNIGHT + timedelta(days=4000), []),
    ],
)
async def test_other_terms_make_the_days_be_looked_at_of_which_something_is_known(
    uow_factory: UnitOfWorkFactory, valid_from: Any, days: list[date]
) -> None:
    now = NOW + timedelta(days=3)
    await record_readings(uow_factory, [*day_of_readings(), *but(0, 0, day=1)], now=now)
    async with uow_factory() as uow:
        terms = MeterTerms(sanctioned_watts=1_000)
        await register_meter(uow, HERE, terms, valid_from=valid_from, by=BY, why="a test", now=now)
    assert await due(uow_factory) == days
