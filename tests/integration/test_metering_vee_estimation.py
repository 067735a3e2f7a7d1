"""Gaps are filled, and what fills them yields to an actual."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel.interval import Interval
from metering.quality import (
    ESTIMATED_BY_INTERPOLATION,
    ESTIMATED_BY_REFERENCE_DAY,
)
from metering.query import covers, total_energy
from metering.registration.exchanges import RegisterExchange, record_exchange
from metering.vee.document import DecisionRefused, Statement, record_statements
from metering.vee.estimation import Method
from metering.vee.points import channels_of, find_point
from metering.vee.state import Completeness
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    SUMMATION,
    day_of_readings,
    reading,
    stand,
)
from tests.support.metering_vee import (
    HOUR,
    IMPORT,
    LATER,
    STANDS,
    TODAY,
    but,
    codes,
    energy,
    estimate,
    record,
    record_readings,
    state,
    validate,
    with_stands,
)


async def test_a_gap_is_estimated_and_a_late_actual_wins(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 14))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert (filled.plan.method, filled.plan.watt_hours) == (Method.INTERPOLATION, [260, 261, 262, 263])
    estimated = await energy(uow_factory)
    assert covers(estimated, DAY)
    assert {item.quality for item in estimated[10:14]} == {ESTIMATED_BY_INTERPOLATION}
    await validate(uow_factory)
    provisional = await state(uow_factory)
    assert provisional.completeness is Completeness.PROVISIONAL
    assert provisional.estimated_share * 96 == 4

    late = await record_readings(uow_factory, [reading(400, quarter=11)], now=LATER + HOUR)
    assert (late.revised, len(late.quarantined)) == (1, 0)
    assert [touched.span for touched in late.touched] == [
        Interval(MIDNIGHT + timedelta(seconds=11 * QUARTER), MIDNIGHT + timedelta(seconds=12 * QUARTER))
    ]
    now_known = await energy(uow_factory)
    assert (now_known[11].energy.watt_hours, now_known[11].quality) == (400, 0)
    assert await energy(uow_factory, as_of=LATER) == estimated


async def test_an_estimate_never_replaces_an_actual(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    before = await energy(uow_factory)
    assert await estimate(uow_factory) == []
    assert await estimate(uow_factory, again=True) == []
    assert await energy(uow_factory) == before


async def test_the_same_gap_is_filled_the_same_way_and_once(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 14))
    first = (await estimate(uow_factory))[0].result
    assert first is not None
    assert first.accepted == 4
    assert await estimate(uow_factory, now=LATER + HOUR) == []
    again = (await estimate(uow_factory, now=LATER + HOUR, again=True))[0].result
    assert again is not None
    assert (again.accepted, again.revised, again.duplicates, again.touched) == (0, 0, 4, ())


async def test_a_long_gap_takes_the_average_of_days_of_its_type(uow_factory: UnitOfWorkFactory) -> None:
    # The 14th of March 2026 is a Saturday; so are the 7th and the 28th of February.
    for back, value in ((7, 100), (14, 301), (1, 9_000), (2, 9_000)):
        await record_readings(uow_factory, but(0, 0, value=value, day=-back))
    await record_readings(uow_factory, but(20, 60))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert filled.plan.method is Method.REFERENCE_DAYS
    values = filled.plan.watt_hours
    assert sum(values) == round(sum((100 + at + 301 + at) / 2 for at in range(20, 60)))
    assert all(abs(2 * value - (401 + 2 * at)) <= 1 for at, value in enumerate(values, start=20))
    assert (await energy(uow_factory))[30].quality == ESTIMATED_BY_REFERENCE_DAY


async def test_a_spike_that_validation_doubts_ends_no_line(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(0, 0, value=100, day=-7))
    await record_readings(uow_factory, [*but(9, 14), reading(9_000, quarter=9)])
    assert sorted(await codes(uow_factory)) == ["GAP", "SPIKE"]
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert (filled.plan.method, filled.plan.watt_hours) == (Method.REFERENCE_DAYS, [110, 111, 112, 113])


async def test_a_day_is_no_reference_where_validation_doubts_it(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(0, 0, value=100, day=-14))
    start = int(MIDNIGHT.timestamp()) - 7 * 86_400
    spike = reading(9_000, start=start + 30 * QUARTER)
    await record_readings(uow_factory, [*but(30, 31, value=700, day=-7), spike])
    assert await codes(uow_factory, TODAY.earlier(7)) == ["SPIKE"]
    await record_readings(uow_factory, but(20, 60))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert list(filled.plan.watt_hours) == [100 + at for at in range(20, 60)]


async def test_a_holiday_is_estimated_like_a_sunday(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(0, 0, value=100, day=-7))
    await record_readings(uow_factory, but(0, 0, value=700, day=-6))
    await record_readings(uow_factory, but(20, 60))
    (filled,) = await estimate(uow_factory, holidays=frozenset({TODAY.date}))
    assert filled.plan is not None
    assert list(filled.plan.watt_hours) == [700 + at for at in range(20, 60)]


async def test_a_gap_adds_up_to_what_the_register_counted(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(0, 0, value=100, day=-7))
    known = but(20, 60)
    total = sum(item.value or 0 for item in known) + 4_321
    await record(uow_factory, with_stands(known, stand(70_000, quarter=0), stand(70_000 + total, quarter=96)))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert (sum(filled.plan.watt_hours), len(filled.plan.bounds)) == (4_321, 1)
    assert total_energy(await energy(uow_factory)).watt_hours == total
    assert await codes(uow_factory) == []


async def test_without_any_day_like_it_the_registers_energy_is_spread(uow_factory: UnitOfWorkFactory) -> None:
    known = but(20, 60)
    total = sum(item.value or 0 for item in known) + 4_002
    await record(uow_factory, with_stands(known, stand(70_000, quarter=0), stand(70_000 + total, quarter=96)))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert (filled.plan.method, sorted(set(filled.plan.watt_hours)), sum(filled.plan.watt_hours)) == (
        Method.SPREAD,
        [100, 101],
        4_002,
    )


async def test_a_stand_within_a_gap_bounds_both_of_its_parts(uow_factory: UnitOfWorkFactory) -> None:
    known = but(20, 60)
    before = sum(item.value or 0 for item in known[:20])
    after = sum(item.value or 0 for item in known[20:])
    stands = [
        stand(0, quarter=0), stand(before + 1_000, quarter=40), stand(before + 4_000 + after, quarter=96),
    ]  # fmt: skip
    await record(uow_factory, with_stands(known, *stands))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert (sum(filled.plan.watt_hours[:20]), sum(filled.plan.watt_hours[20:])) == (1_000, 3_000)


async def test_two_gaps_between_two_stands_share_what_is_left(uow_factory: UnitOfWorkFactory) -> None:
    known = [item for item in but(10, 12) if item not in but(0, 0)[50:52]]
    total = sum(item.value or 0 for item in known) + 1_003
    await record(uow_factory, with_stands(known, stand(0, quarter=0), stand(total, quarter=96)))
    filled = await estimate(uow_factory)
    assert len(filled) == 2
    assert sum(sum(gap.plan.watt_hours) for gap in filled if gap.plan) == 1_003


async def test_a_gap_of_which_nothing_is_known_stays_one(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(20, 60))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is None
    assert filled.refusal == "no day like it measured all of that time, and no stands bound it"
    assert (await state(uow_factory)).completeness is Completeness.INCOMPLETE


async def test_a_short_gap_across_midnight_is_one_line(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, [*but(94, 96), *but(0, 2, day=1)], now=NOW + timedelta(days=1))
    (filled,) = await estimate(uow_factory, now=NOW + timedelta(days=1))
    assert filled.plan is not None
    assert filled.plan.watt_hours == [325, 307, 288, 270]
    both_days = Interval(MIDNIGHT, NOW + timedelta(days=1))
    assert covers(await energy(uow_factory, both_days), both_days)


async def test_what_is_not_over_yet_is_not_estimated(uow_factory: UnitOfWorkFactory) -> None:
    now = MIDNIGHT + timedelta(seconds=50 * QUARTER + 10)
    await record_readings(uow_factory, but(0, 0, value=100, day=-7), now=now)
    await record_readings(uow_factory, but(40, 96), now=now)
    (filled,) = await estimate(uow_factory, now=now)
    assert filled.plan is not None
    assert len(filled.plan.watt_hours) == 10


async def test_an_estimate_is_made_anew_when_more_is_known(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(10, 12))
    await estimate(uow_factory)
    total = sum(item.value or 0 for item in but(10, 12)) + 1_000
    stands = [stand(0, quarter=0), stand(total, quarter=96)]
    await record_readings(uow_factory, stands, kind=SUMMATION, mrid=STANDS)
    (filled,) = await estimate(uow_factory, now=LATER + HOUR, again=True)
    assert filled.result is not None
    assert filled.result.revised == 2
    assert total_energy(await energy(uow_factory)).watt_hours == total


async def test_a_day_of_which_nothing_came_is_filled_like_another(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, but(0, 0, value=100, day=-7))
    (filled,) = await estimate(uow_factory)
    assert filled.plan is not None
    assert list(filled.plan.watt_hours) == [100 + at for at in range(96)]
    assert covers(await energy(uow_factory), DAY)


async def test_an_estimate_that_an_actual_overtook_is_refused(uow_factory: UnitOfWorkFactory) -> None:
    await record_readings(uow_factory, day_of_readings())
    before = await energy(uow_factory)
    start = int(MIDNIGHT.timestamp())
    late = Statement(start, start + QUARTER, 1, ESTIMATED_BY_REFERENCE_DAY)
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        (channel,) = await channels_of(uow.connection, found)
    with pytest.raises(DecisionRefused, match="250 Wh were measured"):
        async with uow_factory() as uow:
            await record_statements(uow, [late], point=found, channel=channel, account={}, now=LATER)
    assert await energy(uow_factory) == before


async def test_no_estimate_spans_the_exchange_of_a_register(uow_factory: UnitOfWorkFactory) -> None:
    known = but(20, 60)
    total = sum(item.value or 0 for item in known) + 4_000
    await record(uow_factory, with_stands(known, stand(0, quarter=0), stand(total, quarter=96)))
    async with uow_factory() as uow:
        found = await find_point(uow.connection, meter=METER, at=LATER)
        exchanged = RegisterExchange(direction=IMPORT, at=MIDNIGHT + timedelta(hours=12))
        await record_exchange(uow.connection, found.identity, exchanged, made_by="op", why="new", now=LATER)
    (filled,) = await estimate(uow_factory)
    assert filled.refusal == "no day like it measured all of that time, and no stands bound it"
