"""By which parameters a day is validated, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError

from kernel.clock import ManualClock
from metering.documents import Reading
from metering.ingest import record_mirror_document
from metering.vee.desk import ValidationDesk
from metering.vee.due import SETTLING, note_validation
from metering.vee.facts import MeterFacts
from metering.vee.finding import Severity
from metering.vee.parameters import (
    RuleChange,
    RuleSettingInvalid,
    RuleUnknown,
    parameters_for,
    say_of_rule,
)
from metering.vee.state import Completeness
from metering.vee.tables import (
    VEE_APPEND_ONLY,
    meter_checks_due,
    meter_day_checks,
    meter_findings,
    meter_rule_parameters,
)
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    MIDNIGHT,
    NOW,
    QUARTER,
    day_of_readings,
    document,
    reading,
)
from tests.support.metering_vee import (
    HOUR,
    LATER,
    TODAY,
    Knows,
    but,
    codes,
    count,
    findings,
    point,
    record_readings,
    state,
    validate,
)

STRICTER: Final = {"tolerance_percent": 100, "floor_watt_hours": 500}


async def say(uow_factory: UnitOfWorkFactory, *, now: datetime = NOW, **change: Any) -> None:
    async with uow_factory() as uow:
        wish = RuleChange(**{"valid_from": TODAY.date, "who": "operator", "why": "a test", **change})
        await say_of_rule(uow.connection, wish, now=now)


async def test_an_old_day_is_validated_by_what_counts_for_it(uow_factory: UnitOfWorkFactory) -> None:
    for day in (0, 1):
        now = NOW + timedelta(days=day)
        spike = reading(900, start=int(MIDNIGHT.timestamp()) + day * 86_400)
        await record_readings(uow_factory, [*but(0, 1, day=day), spike], now=now)
    tomorrow = TODAY.earlier(-1)
    await say(uow_factory, rule="SPIKE", settings=STRICTER, valid_from=tomorrow.date)
    assert await codes(uow_factory, TODAY, now=NOW + 2 * HOUR) == []
    assert await codes(uow_factory, tomorrow, now=NOW + timedelta(days=2)) == ["SPIKE"]
    await say(
        uow_factory, rule="SPIKE", enabled=False, valid_from=TODAY.date, valid_until=tomorrow.date, now=LATER
    )
    assert await codes(uow_factory, tomorrow, now=NOW + timedelta(days=2)) == ["SPIKE"]


async def test_what_is_said_of_a_meter_counts_over_what_is_said_of_all(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record_readings(uow_factory, but(10, 11))
    found = await point(uow_factory)
    await say(uow_factory, rule="GAP", severity=Severity.INFO, usage_point_id=found.id)
    await say(uow_factory, rule="GAP", severity=Severity.TERMINATE, settings={"tolerated_seconds": 60})
    async with uow_factory() as uow:
        rules = await parameters_for(uow.connection, usage_point_id=found.id, day=TODAY.date)
        others = await parameters_for(uow.connection, usage_point_id=found.id + 1, day=TODAY.date)
        before = await parameters_for(
            uow.connection, usage_point_id=found.id, day=TODAY.date, as_of=NOW - HOUR
        )
    assert (rules["GAP"].severity, rules["GAP"].settings) == (Severity.INFO, {"tolerated_seconds": 60})
    assert others["GAP"].severity is Severity.TERMINATE
    assert before["GAP"].severity is Severity.ISSUE
    await validate(uow_factory)
    assert [item.finding.severity for item in await findings(uow_factory)] == [Severity.INFO]


async def test_a_day_is_judged_again_as_it_was_known_and_nothing_is_kept(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await record_readings(uow_factory, but(10, 13), now=NOW)
    await record_readings(uow_factory, day_of_readings(), now=NOW + 2 * HOUR)
    await say(uow_factory, rule="GAP", enabled=False, now=NOW + 2 * HOUR)
    assert await codes(uow_factory, as_of=NOW + HOUR) == ["GAP"]
    assert await count(uow_factory, meter_findings) == await count(uow_factory, meter_day_checks) == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rule": "HOROSCOPE", "enabled": False}, RuleUnknown),
        ({"rule": "SPIKE", "settings": {"tolerance": 3}}, RuleUnknown),
        ({"rule": "SPIKE", "settings": {"tolerance_percent": -1}}, RuleSettingInvalid),
        ({"rule": "SILENT", "settings": {"least_days": 0}}, RuleSettingInvalid),
        ({"rule": "PROLONGED_ESTIMATION", "settings": {"longest_seconds": 10**11}}, RuleSettingInvalid),
        ({"rule": "SPIKE", "enabled": False, "valid_until": TODAY.date}, RuleSettingInvalid),
        ({"rule": "SPIKE"}, RuleSettingInvalid),
    ],
)
async def test_what_cannot_be_said_of_a_rule_is_refused(
    uow_factory: UnitOfWorkFactory, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await say(uow_factory, **change)


async def test_what_was_said_beyond_the_limits_stops_no_validation(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [reading(0, quarter=quarter) for quarter in range(96)])
    stored = {"PROLONGED_ESTIMATION": {"longest_seconds": 10**11}, "SILENT": {"least_days": 0}}
    async with uow_factory() as uow:
        for rule, settings in stored.items():
            await uow.connection.execute(
                insert(meter_rule_parameters).values(
                    rule=rule, settings=settings, valid_from=TODAY.date, who="op", why="x", recorded_at=NOW
                )
            )
    assert await codes(uow_factory) == []


async def test_verdicts_findings_and_parameters_are_never_changed(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 11))
    await validate(uow_factory)
    await say(uow_factory, rule="GAP", enabled=False)
    for table in VEE_APPEND_ONLY:
        for change in (delete(table), update(table).values(id=table.c.id)):
            with pytest.raises(DBAPIError, match="append-only"):
                async with uow_factory() as uow:
                    await uow.connection.execute(change)


def desk(uow_factory: UnitOfWorkFactory, clock: ManualClock, zone: str = "UTC") -> ValidationDesk:
    return ValidationDesk(uow_factory=uow_factory, clock=clock, knows=Knows(MeterFacts(zone=zone)))


async def record_and_note(
    uow_factory: UnitOfWorkFactory, readings: Iterable[Reading], *, now: datetime
) -> int:
    async with uow_factory() as uow:
        result = await record_mirror_document(document(*readings), uow=uow, now=now, sender="utility")
        return await note_validation(uow, [result], now=now)


async def test_a_day_is_validated_once_when_it_is_over(uow_factory: UnitOfWorkFactory) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    clock = ManualClock(noon)
    for at in range(3):
        assert await record_and_note(uow_factory, [reading(250, quarter=at)], now=noon) == 1
    assert await count(uow_factory, meter_checks_due) == 1
    assert await desk(uow_factory, clock).step() is False
    clock.set(NOW)
    assert await desk(uow_factory, clock).step() is False
    clock.set(NOW + SETTLING)
    assert await desk(uow_factory, clock).step() is True
    assert await desk(uow_factory, clock).step() is False
    assert [item.finding.rule for item in await findings(uow_factory)] == ["GAP"]
    assert await count(uow_factory, meter_checks_due) == 0


async def test_a_last_reading_that_comes_at_midnight_is_waited_for(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW - timedelta(seconds=QUARTER))
    await record_and_note(uow_factory, but(95, 96), now=clock.now())
    clock.set(NOW)
    assert await desk(uow_factory, clock).step() is False
    await record_and_note(uow_factory, [reading(345, quarter=95)], now=clock.now())
    clock.set(NOW + SETTLING)
    assert await desk(uow_factory, clock).step() is True
    assert await findings(uow_factory) == []


async def test_late_readings_have_their_day_validated_again(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW + HOUR)
    await record_and_note(uow_factory, but(10, 11), now=clock.now())
    clock.advance(SETTLING)
    assert await desk(uow_factory, clock).step() is True
    await record_and_note(uow_factory, [reading(260, quarter=10)], now=clock.now())
    clock.advance(SETTLING)
    assert await desk(uow_factory, clock).step() is True
    assert (await state(uow_factory)).completeness is Completeness.FINAL


async def test_a_local_day_that_goes_on_is_looked_at_when_it_ends(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW)
    await record_and_note(uow_factory, day_of_readings(), now=clock.now())
    clock.advance(SETTLING)
    kolkata = desk(uow_factory, clock, "Asia/Kolkata")
    assert await kolkata.step() is True
    assert await kolkata.step() is False
    assert [item.day.date for item in await findings(uow_factory)] == [date(2026, 3, 14)]
    clock.set(datetime(2026, 3, 15, 18, 30, tzinfo=UTC) + SETTLING)
    assert await kolkata.step() is True
    assert [item.day.date for item in await findings(uow_factory)] == [date(2026, 3, 14), date(2026, 3, 15)]


async def test_a_day_that_cannot_be_validated_waits_and_holds_nobody_up(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock = ManualClock(NOW)
    await record_and_note(uow_factory, day_of_readings(), now=clock.now())
    clock.advance(SETTLING)
    broken = desk(uow_factory, clock, "Mars/Base")
    assert await broken.step() is True
    assert await broken.step() is False
    clock.advance(broken.retry_after)
    assert await desk(uow_factory, clock).step() is True
    assert await count(uow_factory, meter_checks_due) == 0
