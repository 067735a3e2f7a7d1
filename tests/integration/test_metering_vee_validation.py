"""A day is validated: what is found, what is kept, what the day is worth."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metering.documents import ReadingType
from metering.doubt import Reason
from metering.energy import Direction
from metering.quality import (
    QUESTIONABLE,
    VALID,
)
from metering.query import MeterAmbiguous
from metering.registration.record import MeterIdentity, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.sep.writer import write_mirror_usage_point
from metering.vee.days import LocalDate, LocalDayInvalid
from metering.vee.facts import MeterFacts
from metering.vee.finding import Severity
from metering.vee.points import MeterUnknown, find_point
from metering.vee.state import Completeness, marked_energy
from metering.vee.tables import meter_day_checks
from metering.vee.validation import validate_day, zone_of
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DELTA_EXPORT,
    EXPORT_REGISTER,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
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
    TODAY,
    Knows,
    but,
    codes,
    count,
    edit,
    energy,
    findings,
    point,
    record,
    record_readings,
    state,
    validate,
    with_stands,
)


async def test_a_good_day_is_final_once_it_is_validated(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    before = await state(uow_factory)
    assert (before.completeness, before.is_validated) == (Completeness.PROVISIONAL, False)
    assert await codes(uow_factory) == []
    after = await state(uow_factory)
    assert (after.completeness, after.is_validated, after.estimated_seconds) == (Completeness.FINAL, True, 0)


async def test_the_same_findings_again_are_nothing_new(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 13))
    assert [verdict.is_new for verdict in await validate(uow_factory)] == [True]
    assert [verdict.is_new for verdict in await validate(uow_factory, now=LATER + HOUR)] == [False]
    assert await count(uow_factory, meter_day_checks) == 1
    (finding,) = await findings(uow_factory)
    assert (finding.finding.rule, finding.finding.severity) == ("GAP", Severity.ISSUE)
    assert finding.found_at == LATER


async def test_a_finding_that_holds_no_more_stays_on_record(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 13))
    await validate(uow_factory)
    await record_readings(uow_factory, day_of_readings(), now=LATER)
    assert await codes(uow_factory, now=LATER + HOUR) == []
    assert [(item.finding.rule, item.is_current) for item in await findings(uow_factory)] == [("GAP", False)]
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_what_came_after_validation_does_not_count_as_validated(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    await validate(uow_factory)
    await record_readings(uow_factory, [reading(251, quarter=0)], now=LATER)
    after = await state(uow_factory)
    assert (after.completeness, after.is_validated) == (Completeness.PROVISIONAL, False)
    assert (await state(uow_factory, as_of=LATER - timedelta(seconds=1))).is_validated is False
    assert await codes(uow_factory, now=LATER + HOUR) == ["DUPLICATE"]
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_marking_a_day_writes_no_reading(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [*but(20, 21), reading(9000, quarter=20)])
    before = await energy(uow_factory)
    assert await codes(uow_factory) == ["SPIKE"]
    assert await energy(uow_factory) == before
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        marked = await marked_energy(uow.connection, point=found, direction=IMPORT, day=TODAY, now=LATER)
    assert [item.quality for item in marked] == [VALID] * 20 + [QUESTIONABLE] + [VALID] * 75
    assert [item.energy for item in marked] == [item.energy for item in before]


async def test_an_operator_who_confirms_a_spike_makes_the_day_final(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [*but(20, 21), reading(9000, quarter=20)])
    await validate(uow_factory)
    doubted = await state(uow_factory)
    assert (doubted.completeness, doubted.doubted_seconds) == (Completeness.PROVISIONAL, QUARTER)
    await edit(uow_factory, 9000, quarter=20, why="a car was charged")
    await validate(uow_factory, now=LATER + HOUR)
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_a_day_of_the_clock_change_has_no_false_gap(uow_factory: UnitOfWorkFactory) -> None:
    for on, quarters in ((date(2026, 3, 29), 92), (date(2026, 10, 25), 100)):
        day = LocalDate(on, "Europe/Berlin")
        start = int(day.period.start.timestamp())
        readings = [reading(250, start=start + number * QUARTER) for number in range(quarters)]
        await record_readings(uow_factory, readings, now=day.period.end)
        assert await codes(uow_factory, day, now=day.period.end) == []
        assert (await state(uow_factory, day)).completeness is Completeness.FINAL


async def test_stands_beside_intervals_are_summed_up(uow_factory: UnitOfWorkFactory) -> None:
    total = sum(250 + quarter for quarter in range(96))
    right = with_stands(day_of_readings(), stand(5000, quarter=0), stand(5000 + total, quarter=96))
    await record(uow_factory, right)
    assert await codes(uow_factory) == []
    await record_readings(uow_factory, [stand(5000 + total + 500, quarter=96)], kind=SUMMATION, mrid=STANDS)
    assert "SUM_CHECK" in await codes(uow_factory)


async def test_a_change_of_the_multiplier_is_told_where_it_begins(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings()[:48])
    kilo = ReadingType(
        accumulation_behaviour=4, commodity=1, data_qualifier=12, flow_direction=1, interval_length=QUARTER,
        kind=12, power_of_ten_multiplier=-1, uom=72,
    )  # fmt: skip
    await record_readings(uow_factory, [reading(2500, quarter=at) for at in range(48, 96)], kind=kilo)
    verdicts = await validate(uow_factory)
    (finding,) = verdicts[0].check.findings
    assert (finding.rule, finding.flaw.start) == (
        "MULTIPLIER_CHANGE",
        int(MIDNIGHT.timestamp()) + 48 * QUARTER,
    )


async def test_a_reading_that_was_set_aside_is_told_with_its_gap(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [*but(10, 11), reading(-5, quarter=10)])
    verdicts = await validate(uow_factory)
    assert [item.rule for item in verdicts[0].check.findings] == ["GAP", "NEGATIVE"]
    assert "NEGATIVE" in verdicts[0].check.findings[0].flaw.sentence


async def test_days_are_held_against_the_same_weekdays_before(uow_factory: UnitOfWorkFactory) -> None:
    for week in range(3):
        day = LocalDate(TODAY.date + timedelta(days=7 * week), "UTC")
        value = 250 if week < 2 else 2500
        await record_readings(uow_factory, but(0, 0, value=value, day=7 * week), now=day.period.end)
        found = await codes(uow_factory, day, now=day.period.end)
        assert found == ([] if week < 2 else ["HIGH_USAGE"])


async def test_registered_facts_decide_on_length_and_size(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    found = await codes(uow_factory, knows=Knows(MeterFacts(interval_seconds=1800, sanctioned_watts=1000)))
    assert found[0] == "INTERVAL_SIZE"
    assert found.count("PHYSICAL_MAXIMUM") == sum(250 + quarter >= 300 for quarter in range(96))


async def test_a_rule_that_terminates_leaves_nothing_of_the_day_valid(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(40, 41))
    power = ReadingType(accumulation_behaviour=4, commodity=1, flow_direction=1, kind=12, uom=71)
    await record_readings(uow_factory, [reading(9, quarter=40)], kind=power)
    (verdict,) = await validate(uow_factory)
    assert [item.rule for item in verdict.check.findings] == ["UNIT_CHANGE"]
    assert verdict.check.terminated
    assert (await state(uow_factory)).doubted_seconds == 95 * QUARTER


async def test_stands_of_the_days_before_tell_that_a_register_stood_still(
    uow_factory: UnitOfWorkFactory,
) -> None:
    stands = [
        stand(value, quarter=96 * day) for day, value in ((-2, 0), (-1, 9_000), (0, 9_000), (1, 27_000))
    ]
    await record_readings(uow_factory, stands, kind=SUMMATION)
    assert "STALE_REGISTER" in await codes(uow_factory)
    assert await codes(uow_factory, TODAY.earlier(1)) == []


async def test_a_value_that_was_held_back_over_midnight_is_told(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [*but(95, 96, value=1_000, day=-1), reading(0, quarter=-1)])
    await record_readings(uow_factory, [reading(2_100), *but(0, 1, value=1_000)])
    assert await codes(uow_factory) == ["HELD_BACK"]


async def test_a_stand_that_leapt_is_told_though_intervals_fill_its_time(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record(uow_factory, with_stands(day_of_readings(), stand(5_000, quarter=0)))
    async with uow_factory() as uow:
        meant = MeterIdentity.of(mrid=METER, device_lfdi=None)
        await MeterRegistry(uow.connection).add(
            meant,
            MeterTerms(sanctioned_watts=5_000),
            valid_from=MIDNIGHT,
            holder=None,
            made_by="op",
            why="new",
            now=NOW,
        )
    leap = await record_readings(uow_factory, [stand(9_000_000, quarter=96)], kind=SUMMATION, mrid=STANDS)
    assert [item.doubt.reason for item in leap.quarantined] == [Reason.REGISTER_LEAPT]
    assert await codes(uow_factory) == ["PHYSICAL_MAXIMUM"]


async def test_each_direction_has_a_verdict_of_its_own(uow_factory: UnitOfWorkFactory) -> None:
    both = meter(register(day_of_readings()), register(but(1, 2), mrid=EXPORT_REGISTER, kind=DELTA_EXPORT))
    await record(uow_factory, write_mirror_usage_point(both))
    verdicts = await validate(uow_factory)
    assert [(item.check.direction, len(item.check.findings)) for item in verdicts] == [
        (Direction.IMPORT, 0),
        (Direction.EXPORT, 1),
    ]


async def test_an_unknown_meter_and_one_of_several_are_refused(uow_factory: UnitOfWorkFactory) -> None:
    with pytest.raises(MeterUnknown):
        await point(uow_factory)
    for lfdi in ("A" * 40, "B" * 40):
        await record(uow_factory, write_mirror_usage_point(meter(register(day_of_readings()), lfdi=lfdi)))
    with pytest.raises(MeterAmbiguous):
        await point(uow_factory)
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER, device_lfdi="a" * 40)
        assert found.device_lfdi == "A" * 40
        with pytest.raises(LocalDayInvalid):
            await validate_day(uow.connection, point=found, day=LocalDate(TODAY.date, "Mars/Base"), now=NOW)


async def test_what_is_registered_decides_on_the_zone_and_the_size(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    async with uow_factory() as uow:
        meant = MeterIdentity.of(mrid=METER, device_lfdi=None)
        terms = MeterTerms(external_ids=("M1",), zone="Asia/Kolkata", sanctioned_watts=1000)
        await MeterRegistry(uow.connection).add(
            meant, terms, valid_from=MIDNIGHT, holder=None, made_by="op", why="new", now=NOW
        )
        found = await find_point(uow.connection, meter="M1", at=LATER)
        assert await zone_of(uow.connection, found, at=LATER) == "Asia/Kolkata"
        verdicts = await validate_day(uow.connection, point=found, day=TODAY, now=LATER)
    rules = [finding.rule for finding in verdicts[0].check.findings]
    assert rules == ["PHYSICAL_MAXIMUM"] * sum(250 + quarter >= 300 for quarter in range(96))
