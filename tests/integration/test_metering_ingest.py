"""Documents into PostgreSQL: repeats, corrections, quarantine, registers, concurrency."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from kernel.interval import Interval
from metering.doubt import Reason
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.quality import DERIVED, VALID
from metering.query import (
    IntervalEnergy,
    MeterAmbiguous,
    covers,
    interval_energy,
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
    write_mirror_meter_reading_list,
    write_mirror_usage_point,
)
from metering.tables import APPEND_ONLY, meter_quarantined_readings, meter_usage_points
from metering.usage_point import UsagePointForeign, UsagePointUnknown
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    DELTA,
    DELTA_EXPORT,
    EXPORT_REGISTER,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    START,
    SUMMATION,
    day_of_readings,
    document,
    meter,
    reading,
    register,
    stand,
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


async def test_a_meter_may_be_registered_without_readings_and_told_more_later(
    uow_factory: UnitOfWorkFactory,
) -> None:
    created = await record(uow_factory, write_mirror_usage_point(meter()))
    assert (created.created, counts(created)) == (True, (0, 0, 0, 0))
    unknown = write_mirror_meter_reading(register([reading(10)], kind=None))
    first = await record(uow_factory, unknown, usage_point=created.usage_point)
    assert reasons(first) == [Reason.NO_READING_TYPE]
    typed = await record(uow_factory, write_mirror_usage_point(meter(register([]))))
    assert (typed.created, typed.usage_point) == (False, created.usage_point)
    several = [register([reading(20, quarter=1)], kind=None), register([reading(30, quarter=2)], kind=None)]
    second = await record(
        uow_factory, write_mirror_meter_reading_list(several), usage_point=created.usage_point
    )
    assert counts(second) == (2, 0, 0, 0)
    assert counts(await record(uow_factory, unknown, usage_point=created.usage_point)) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 60


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


async def test_import_and_export_are_kept_apart(uow_factory: UnitOfWorkFactory) -> None:
    house = meter(register([reading(10)]), register([reading(3)], mrid=EXPORT_REGISTER, kind=DELTA_EXPORT))
    await record(uow_factory, write_mirror_usage_point(house))
    assert total_energy(await energy(uow_factory)).watt_hours == 10
    assert total_energy(await energy(uow_factory, direction=EXPORT)).watt_hours == 3


async def test_tiers_that_share_a_start_are_all_kept(uow_factory: UnitOfWorkFactory) -> None:
    tiers = [reading(1, tou_tier=1), reading(2, tou_tier=2), reading(4, tou_tier=3)]
    assert counts(await record(uow_factory, document(*tiers))) == (3, 0, 0, 0)
    assert counts(await record(uow_factory, document(reading(7)))) == (0, 0, 0, 1)
    (interval,) = await energy(uow_factory)
    assert interval.energy.watt_hours == 7


async def test_a_registers_stands_become_energy_in_whatever_order_they_come(
    uow_factory: UnitOfWorkFactory,
) -> None:
    for raw in (
        document(stand(1500, quarter=6), stand(1000, quarter=0), kind=SUMMATION),
        document(stand(1600, quarter=8), kind=SUMMATION),
        document(stand(1100, quarter=2), kind=SUMMATION),
    ):
        result = await record(uow_factory, raw)
        assert not result.quarantined
    assert [item.span for item in result.touched] == [quarter(0, 6)]
    intervals = await energy(uow_factory)
    assert [(item.period, item.energy.watt_hours) for item in intervals] == [
        (quarter(0, 2), 100), (quarter(2, 4), 400), (quarter(6, 2), 100),
    ]  # fmt: skip
    inside = await energy(uow_factory, quarter(3))
    assert [(item.period, item.energy.watt_hours) for item in inside] == [(quarter(3), 100)]


async def test_a_register_that_falls_does_not_move_the_base(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(stand(1000, quarter=0), kind=SUMMATION))
    fallen = await record(uow_factory, document(stand(0, quarter=50), kind=SUMMATION))
    assert (reasons(fallen), fallen.touched) == ([Reason.REGISTER_FELL], ())
    recovered = await record(uow_factory, document(stand(1010, quarter=90), kind=SUMMATION))
    assert counts(recovered) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 10


async def test_interval_energy_is_preferred_to_a_second_register(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(10), reading(30, quarter=2)))
    stands = [stand(total, quarter=number) for number, total in enumerate((0, 11, 32, 63))]
    await record(uow_factory, document(*stands, kind=SUMMATION, mrid="0A"))
    intervals = await energy(uow_factory)
    assert [item.energy.watt_hours for item in intervals] == [10, 21, 30]
    middle = Interval(MIDNIGHT + timedelta(minutes=10), MIDNIGHT + timedelta(minutes=20))
    assert [item.energy.watt_hours for item in await energy(uow_factory, middle)] == [4, 7]


async def test_an_interval_across_the_windows_edge_is_prorated(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(10, quality=VALID)))
    halves = [
        Interval(MIDNIGHT, MIDNIGHT + timedelta(seconds=600)),
        Interval(MIDNIGHT + timedelta(seconds=600), MIDNIGHT + timedelta(days=1)),
    ]
    parts = [item for half in halves for item in await energy(uow_factory, half)]
    assert [(item.energy.watt_hours, item.quality) for item in parts] == [
        (6, VALID | DERIVED),
        (4, VALID | DERIVED),
    ]


async def test_a_long_interval_is_found_from_any_window_inside(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, document(reading(3000, start=START - 30 * 86_400, duration=30 * 86_400)))
    inside = Interval(MIDNIGHT - timedelta(days=20), MIDNIGHT - timedelta(days=19))
    assert total_energy(await energy(uow_factory, inside)).watt_hours == 100
    overlapping = await record(uow_factory, document(reading(1, start=START - 86_400)))
    assert reasons(overlapping) == [Reason.OVERLAP]


async def test_ten_thousand_readings_are_taken_at_once(uow_factory: UnitOfWorkFactory) -> None:
    minutes = [reading(1, start=START - 60 * number, duration=60) for number in range(1, 10_001)]
    assert counts(await record(uow_factory, document(*minutes))) == (10_000, 0, 0, 0)


async def test_a_meter_belongs_to_who_registered_it(uow_factory: UnitOfWorkFactory) -> None:
    point = (await record(uow_factory, document(reading(10)))).usage_point
    alone = write_mirror_meter_reading(register([reading(99)], kind=None))
    with pytest.raises(UsagePointForeign):
        await record(uow_factory, document(reading(99)), sender="somebody else")
    with pytest.raises(UsagePointForeign):
        await record(uow_factory, alone, sender="somebody else", usage_point=point)
    for nobody in (point + 1, 2**63, -1):
        with pytest.raises(UsagePointUnknown):
            await record(uow_factory, alone, usage_point=nobody)
    with pytest.raises(MeterDocumentMalformed):
        await record(uow_factory, document(reading(99)), usage_point=point)
    assert total_energy(await energy(uow_factory)).watt_hours == 10


async def test_two_devices_may_use_one_mrid_but_then_it_must_be_said_which(
    uow_factory: UnitOfWorkFactory,
) -> None:
    for lfdi, value in (("AA" * 20, 1), ("BB" * 20, 2)):
        raw = write_mirror_usage_point(meter(register([reading(value)]), lfdi=lfdi))
        assert (await record(uow_factory, raw, sender=lfdi)).created
    with pytest.raises(MeterAmbiguous):
        await energy(uow_factory)
    assert total_energy(await energy(uow_factory, device_lfdi="bb" * 20)).watt_hours == 2


async def test_a_meter_that_never_reported_has_no_energy(uow_factory: UnitOfWorkFactory) -> None:
    assert await energy(uow_factory, meter="ABCDEF") == []


async def test_what_is_said_of_a_meter_is_kept_up_to_date(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, write_mirror_usage_point(meter()))
    await record(uow_factory, write_mirror_usage_point(replace(meter(), role_flags=1, description="roof")))
    async with uow_factory() as uow:
        row = (
            await uow.connection.execute(text("SELECT role_flags, description FROM meter_usage_points"))
        ).one()
    assert tuple(row) == (1, "roof")


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_what_was_received_cannot_be_changed(
    uow_factory: UnitOfWorkFactory, table: str, change: str
) -> None:
    await record(uow_factory, document(reading(1)))
    column = "watt_hours" if table == "meter_readings" else "id"
    with pytest.raises(DBAPIError, match="append-only"):
        async with uow_factory() as uow:
            await uow.connection.execute(text(change.format(table, column)))


async def test_a_single_reading_without_a_set_is_taken(uow_factory: UnitOfWorkFactory) -> None:
    single = replace(register([]), reading=reading(12))
    assert counts(await record(uow_factory, write_mirror_usage_point(meter(single)))) == (1, 0, 0, 0)
    assert total_energy(await energy(uow_factory)).watt_hours == 12


async def test_identical_documents_at_once_give_one_set_of_rows(uow_factory: UnitOfWorkFactory) -> None:
    raw = document(*day_of_readings())
    results = await asyncio.gather(*(record(uow_factory, raw) for _ in range(8)))
    assert sorted(counts(item) for item in results) == [(0, 96, 0, 0)] * 7 + [(96, 0, 0, 0)]
    assert sum(item.created for item in results) == 1
    assert (await rows(uow_factory)) == {
        "meter_usage_points": 1, "meter_documents": 1, "meter_registers": 1, "meter_reading_types": 1,
        "meter_channels": 1, "meter_readings": 96, "meter_quarantined_readings": 0,
    }  # fmt: skip


async def test_different_documents_at_once_are_judged_one_after_the_other(
    uow_factory: UnitOfWorkFactory,
) -> None:
    raws = [document(reading(10 + number), reading(5, quarter=number + 1)) for number in range(8)]
    results = await asyncio.gather(*(record(uow_factory, raw) for raw in raws))
    assert sorted(item.revised for item in results) == [0] + [1] * 7
    first = (await energy(uow_factory))[0]
    assert first.revision == 7
    assert total_energy(await energy(uow_factory, quarter(1, 8))).watt_hours == 40


async def test_nothing_stays_of_a_document_whose_unit_of_work_fails(uow_factory: UnitOfWorkFactory) -> None:
    async def fail(raws: Iterable[bytes]) -> None:
        async with uow_factory() as uow:
            for raw in raws:
                await record_mirror_document(raw, uow=uow, now=NOW, sender="utility")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await fail([document(*day_of_readings())])
    assert set((await rows(uow_factory)).values()) == {0}
