"""An operator puts another value in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from metering.documents import ReadingType
from metering.kept_bytes import unpacked
from metering.quality import (
    MANUALLY_EDITED,
)
from metering.query import total_energy
from metering.sep.writer import write_mirror_usage_point
from metering.vee.document import DecisionRefused, FinerThanRegister
from metering.vee.edit import EditInvalid, EditWish, ReadingAmbiguous, ReadingNotThere, edit_reading
from metering.vee.state import Completeness
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.metering_documents import (
    DELTA,
    IMPORT_REGISTER,
    MIDNIGHT,
    SUMMATION,
    day_of_readings,
    meter,
    reading,
    register,
    stand,
)
from tests.support.metering_vee import (
    HOUR,
    IMPORT,
    LATER,
    STANDS,
    but,
    edit,
    energy,
    point,
    record,
    record_readings,
    state,
    validate,
)


async def test_an_edit_is_a_revision_and_the_past_stays(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    before = await energy(uow_factory)
    done = await edit(uow_factory, 999)
    assert (done.before, done.quality_before, done.after) == (260, (), 999)
    assert len(done.result.touched) == 1
    after = (await energy(uow_factory))[10]
    assert (after.energy.watt_hours, after.quality, after.revision) == (999, MANUALLY_EDITED, 1)
    assert await energy(uow_factory, as_of=LATER - timedelta(seconds=1)) == before


async def test_an_edit_says_who_and_why_in_the_document_it_is(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    await edit(uow_factory, 999, why="the display said so")
    async with uow_factory() as uow:
        query = text("SELECT raw, is_zlib FROM meter_documents ORDER BY id DESC LIMIT 1")
        kept, is_zlib = (await uow.connection.execute(query)).one()
    raw = unpacked(kept, is_zlib=is_zlib).decode()
    assert '"who": "operator"' in raw
    assert '"why": "the display said so"' in raw


async def test_what_is_not_there_is_edited_only_as_new(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 11))
    with pytest.raises(ReadingNotThere):
        await edit(uow_factory, 300)
    done = await edit(uow_factory, 300, is_new=True)
    assert (done.before, done.after) == (None, 300)
    await validate(uow_factory)
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_an_edit_that_would_count_energy_twice_is_refused(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    with pytest.raises(DecisionRefused, match="count energy twice"):
        await edit(uow_factory, 300, length=2, is_new=True)
    assert total_energy(await energy(uow_factory)).watt_hours == sum(250 + at for at in range(96))


async def test_a_stand_can_be_edited(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [stand(100, quarter=0), stand(900, quarter=96)], kind=SUMMATION)
    done = await edit(uow_factory, 700, quarter=96, length=0)
    assert (done.before, done.after) == (900, 700)
    assert total_energy(await energy(uow_factory)).watt_hours == 600
    with pytest.raises(DecisionRefused, match="fell"):
        await edit(uow_factory, 99, quarter=96, length=0)


async def test_an_edit_that_waits_for_another_tells_what_that_left(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    found = await point(uow_factory)
    start = MIDNIGHT + timedelta(hours=2, minutes=30)
    wish = EditWish(
        point=found,
        direction=IMPORT,
        start=start,
        end=start + timedelta(minutes=15),
        watt_hours=999,
        who="one",
        why="a test",
    )
    async with uow_factory() as uow:
        await edit_reading(uow, wish, now=LATER)
        other = asyncio.create_task(edit(uow_factory, 777, now=LATER + HOUR))
        await somebody_waits(uow)
    done = await other
    assert (done.before, done.after) == (999, 777)


async def somebody_waits(uow: UnitOfWork) -> None:
    """Return as soon as a connection waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    count = 0
    while not count:
        await uow.connection.execute(text("SELECT pg_stat_clear_snapshot()"))  # or it sees what it saw first
        count = (await uow.connection.execute(waiting)).scalar_one()


async def test_an_edit_back_to_what_was_edited_before_is_taken(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    for number, watt_hours in enumerate((999, 260, 999)):
        await edit(uow_factory, watt_hours, now=LATER + number * HOUR)
    assert (await energy(uow_factory))[10].energy.watt_hours == 999


async def test_which_register_is_meant_must_be_said_where_several_are(uow_factory: UnitOfWorkFactory) -> None:
    two = meter(register(day_of_readings()), register(day_of_readings(), mrid=STANDS, kind=DELTA))
    await record(uow_factory, write_mirror_usage_point(two))
    with pytest.raises(ReadingAmbiguous):
        await edit(uow_factory, 300)
    assert (await edit(uow_factory, 300, register=STANDS)).register == STANDS.zfill(32)


async def test_a_repeat_undoes_no_edit_whatever_another_register_says_of_that_time(
    uow_factory: UnitOfWorkFactory,
) -> None:
    both = [
        register([reading(260, quarter=10)]),
        register([reading(999, quarter=10, quality=MANUALLY_EDITED)], mrid=STANDS, kind=DELTA),
    ]
    await record(uow_factory, write_mirror_usage_point(meter(*both)))
    await edit(uow_factory, 999, register=IMPORT_REGISTER)
    again = write_mirror_usage_point(replace(meter(*both), version=1))
    result = await record(uow_factory, again, now=LATER + HOUR)
    assert (result.duplicates, result.revised) == (2, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 999


async def test_a_register_of_kilowatt_hours_takes_no_single_watt_hour(uow_factory: UnitOfWorkFactory) -> None:
    kilo = ReadingType(
        accumulation_behaviour=4, commodity=1, flow_direction=1, kind=12, power_of_ten_multiplier=3, uom=72
    )
    await record_readings(uow_factory, [reading(2, quarter=10)], kind=kilo)
    with pytest.raises(FinerThanRegister):
        await edit(uow_factory, 2_500)
    assert (await edit(uow_factory, 3_000)).after == 3_000


@pytest.mark.parametrize(
    "wrong",
    [{"watt_hours": -1}, {"why": " "}, {"end": MIDNIGHT}, {"start": MIDNIGHT + timedelta(microseconds=1)}],
)
async def test_an_edit_that_says_nothing_sensible_is_refused(
    uow_factory: UnitOfWorkFactory, wrong: dict[str, Any]
) -> None:
    await record_readings(uow_factory, day_of_readings())
    with pytest.raises(EditInvalid):
        await edit(uow_factory, **{"watt_hours": 1, **wrong})
