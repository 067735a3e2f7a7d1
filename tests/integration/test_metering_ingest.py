"""Documents into PostgreSQL: repeats, corrections, quarantine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from metering.doubt import Reason
from metering.query import (
    covers,
    quarantined_readings,
    total_energy,
)
from metering.sep.elements import (
    DtdForbidden,
    MeterDocumentMalformed,
    MeterDocumentTooLarge,
    MeterValueInvalid,
)
from metering.sep.writer import (
    write_mirror_meter_reading,
    write_mirror_usage_point,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    DELTA,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    START,
    day_of_readings,
    document,
    meter,
    reading,
    register,
)
from tests.support.metering_intake import (
    counts,
    energy,
    quarter,
    reasons,
    record,
    rows,
)


async def test_a_day_of_readings_becomes_a_day_of_energy(uow_factory: UnitOfWorkFactory) -> None:
    result = await record(uow_factory, document(*day_of_readings()))
    assert (result.created, result.repeated, counts(result)) == (True, False, (96, 0, 0, 0))
    assert [(item.mrid, item.span) for item in result.touched] == [("0100200300".zfill(32), DAY)]
    intervals = await energy(uow_factory, meter="100200300")
    assert len(intervals) == 96
    assert total_energy(intervals).watt_hours == sum(250 + number for number in range(96))
    assert covers(intervals, DAY)
    assert not covers(intervals[1:], DAY)


async def test_the_same_bytes_again_change_nothing(uow_factory: UnitOfWorkFactory) -> None:
    raw = document(*day_of_readings(), reading(-1, quarter=5))
    await record(uow_factory, raw)
    before = await rows(uow_factory)
    again = await record(uow_factory, raw, now=NOW + timedelta(hours=1))
    assert (again.created, again.repeated, counts(again), again.touched) == (False, True, (0, 96, 0, 1), ())
    assert await rows(uow_factory) == before


async def test_the_same_readings_in_other_bytes_are_duplicates(uow_factory: UnitOfWorkFactory) -> None:
    raw = document(*day_of_readings())
    await record(uow_factory, raw)
    again = await record(uow_factory, raw.replace(b"</mRID>", b"</mRID><!-- again -->"))
    assert (again.repeated, counts(again), again.touched) == (False, (0, 96, 0, 0), ())
    assert (await rows(uow_factory))["meter_readings"] == 96


async def test_one_corrected_value_is_exactly_one_revision(uow_factory: UnitOfWorkFactory) -> None:
    readings = day_of_readings()
    await record(uow_factory, document(*readings))
    readings[40] = readings[40]._replace(value=9000)
    corrected = await record(uow_factory, document(*readings), now=NOW + timedelta(minutes=1))
    assert counts(corrected) == (0, 95, 1, 0)
    assert [item.span for item in corrected.touched] == [quarter(40)]
    assert (await rows(uow_factory))["meter_readings"] == 97
    (interval,) = await energy(uow_factory, quarter(40))
    assert (interval.energy.watt_hours, interval.revision) == (9000, 1)


async def test_what_was_known_at_an_instant_can_be_asked_for_later(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(*day_of_readings()))
    known = await energy(uow_factory)
    later = NOW + timedelta(days=1)
    await record(uow_factory, document(reading(1), reading(77, quarter=96)), now=later)
    assert await energy(uow_factory, as_of=NOW) == known
    assert await energy(uow_factory, as_of=later - timedelta(microseconds=1)) == known
    assert (await energy(uow_factory, as_of=later))[0].energy.watt_hours == 1
    assert await energy(uow_factory, as_of=NOW - timedelta(microseconds=1)) == []


async def test_a_late_repeat_of_a_document_does_not_undo_a_correction(uow_factory: UnitOfWorkFactory) -> None:
    first = document(reading(10))
    await record(uow_factory, first)
    await record(uow_factory, document(reading(11)))
    assert counts(await record(uow_factory, first)) == (0, 1, 0, 0)
    (interval,) = await energy(uow_factory)
    assert interval.energy.watt_hours == 11


async def test_readings_in_doubt_are_set_aside_and_the_rest_is_kept(uow_factory: UnitOfWorkFactory) -> None:
    ahead = int(NOW.timestamp()) + 121
    doubtful = [
        reading(-1, quarter=1),
        reading(1, start=ahead - QUARTER),
        reading(1, start=START - 500 * 86_400),
        reading(1, duration=0, quarter=2),
        reading(1)._replace(time_period=None),
        reading(None, quarter=3),
        reading(5, start=START + 300),
        reading(1, start=10**14),
    ]
    result = await record(uow_factory, document(reading(10), *doubtful, reading(20, quarter=95)))
    assert counts(result) == (2, 0, 0, 8)
    assert reasons(result) == [
        Reason.NEGATIVE, Reason.FUTURE, Reason.TOO_OLD, Reason.EMPTY_PERIOD, Reason.NO_PERIOD,
        Reason.NO_VALUE, Reason.OVERLAP, Reason.FUTURE,
    ]  # fmt: skip
    assert total_energy(await energy(uow_factory)).watt_hours == 30
    async with uow_factory() as uow:
        held = await quarantined_readings(uow.connection, meter="100200300", at=NOW)
    assert held == list(result.quarantined)


async def test_a_reading_that_was_ahead_of_time_is_taken_when_it_is_sent_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    raw = document(reading(10), reading(20, quarter=1))
    early = MIDNIGHT + timedelta(minutes=20)
    assert reasons(await record(uow_factory, raw, now=early)) == [Reason.FUTURE]
    again = await record(uow_factory, raw, now=NOW)
    assert (again.repeated, counts(again)) == (True, (1, 1, 0, 0))
    assert [item.span for item in again.touched] == [quarter(1)]
    assert counts(await record(uow_factory, raw, now=NOW)) == (0, 2, 0, 0)
    async with uow_factory() as uow:
        assert await quarantined_readings(uow.connection, meter=METER, at=NOW) == []
    assert (await rows(uow_factory))["meter_documents"] == 1


async def test_a_repeat_replaces_nothing_that_came_in_between(uow_factory: UnitOfWorkFactory) -> None:
    raw = document(reading(20, quarter=1))
    await record(uow_factory, raw, now=MIDNIGHT + timedelta(minutes=20))
    await record(uow_factory, document(reading(21, quarter=1)))
    assert counts(await record(uow_factory, raw)) == (0, 0, 0, 1)
    assert total_energy(await energy(uow_factory)).watt_hours == 21


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (document(reading(1)).replace(b"?>", b"?><!DOCTYPE x>", 1), DtdForbidden),
        (document(reading(1)).ljust(2_000_001), MeterDocumentTooLarge),
        (document(reading(1))[:-5], MeterDocumentMalformed),
        (document(reading(2**47 + 1)), MeterValueInvalid),
        (write_mirror_usage_point(meter(mrid="F" * 32)), MeterValueInvalid),
        (write_mirror_meter_reading(register([reading(1)])), MeterDocumentMalformed),
    ],
)
async def test_a_refused_document_leaves_no_row(
    uow_factory: UnitOfWorkFactory, raw: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await record(uow_factory, raw)
    assert set((await rows(uow_factory)).values()) == {0}


async def test_a_changed_multiplier_is_a_new_version_and_rescales_nothing(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(uow_factory, document(reading(7)))
    kilo = replace(DELTA, power_of_ten_multiplier=3)
    await record(uow_factory, document(reading(7, quarter=1), kind=kilo))
    point = (await record(uow_factory, document(reading(8, quarter=2), kind=None))).usage_point
    alone = write_mirror_meter_reading(register([reading(9, quarter=3)], kind=None))
    await record(uow_factory, alone, usage_point=point)
    intervals = await energy(uow_factory)
    assert [item.energy.watt_hours for item in intervals] == [7, 7000, 8000, 9000]
    assert (await rows(uow_factory))["meter_reading_types"] == 2


async def test_what_is_not_energy_is_remembered_and_set_aside(uow_factory: UnitOfWorkFactory) -> None:
    result = await record(uow_factory, document(reading(1500), kind=replace(DELTA, uom=61)))
    assert reasons(result) == [Reason.NOT_WATT_HOURS]
    gas = replace(meter(register([reading(5, quarter=1)], mrid="AA")), service_category_kind=1)
    assert reasons(await record(uow_factory, write_mirror_usage_point(gas))) == [Reason.NOT_ELECTRICITY]
    assert await energy(uow_factory) == []


async def test_a_set_still_being_collected_does_not_count(uow_factory: UnitOfWorkFactory) -> None:
    collecting = register([reading(5)])
    (reading_set,) = collecting.reading_sets
    collecting = replace(collecting, reading_sets=(replace(reading_set, mrid="F" * 24 + "0000A1B2"),))
    result = await record(uow_factory, write_mirror_usage_point(meter(collecting)))
    assert reasons(result) == [Reason.PROVISIONAL]


async def test_ten_thousand_readings_are_taken_at_once(uow_factory: UnitOfWorkFactory) -> None:
    minutes = [reading(1, start=START - 60 * number, duration=60) for number in range(1, 10_001)]
    assert counts(await record(uow_factory, document(*minutes))) == (10_000, 0, 0, 0)


async def test_a_single_reading_without_a_set_is_taken(uow_factory: UnitOfWorkFactory) -> None:
    single = replace(register([]), reading=reading(12))
    assert counts(await record(uow_factory, write_mirror_usage_point(meter(single)))) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 12
