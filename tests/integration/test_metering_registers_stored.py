"""Registers, edits, estimates and net power through PostgreSQL, and a day that may arrive anyhow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random

import pytest

from kernel.interval import Interval
from metering.documents import Reading, ReadingType
from metering.doubt import Reason
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.power_store import power_within
from metering.quality import (
    ESTIMATED_BY_REFERENCE_DAY,
    MANUALLY_EDITED,
    QUESTIONABLE,
    VALID,
)
from metering.query import covers, interval_energy, quarantined_readings, total_energy
from metering.registration.exchanges import RegisterExchange, record_exchange
from metering.registration.record import MeterIdentity, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.sep.writer import write_mirror_usage_point
from metering.series import IntervalEnergy
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DAY,
    DELTA,
    EXPORT_REGISTER,
    IMPORT_REGISTER,
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    SUMMATION,
    document,
    meter,
    reading,
    register,
    stand,
)

HOUR = timedelta(hours=1)
ROOF = MeterIdentity.of(mrid=METER, device_lfdi=None)
MODULUS = 1_000_000
WATTS = ReadingType(
    accumulation_behaviour=12, commodity=1, data_qualifier=2, flow_direction=1, kind=37, uom=38,
    power_of_ten_multiplier=-1,
)  # fmt: skip


async def take(
    uow_factory: UnitOfWorkFactory,
    *readings: Reading,
    kind: ReadingType = DELTA,
    mrid: str = IMPORT_REGISTER,
    now: datetime = NOW,
) -> IngestResult:
    async with uow_factory() as uow:
        raw = document(*readings, kind=kind, mrid=mrid)
        return await record_mirror_document(raw, uow=uow, now=now, sender="utility")


async def energy(
    uow_factory: UnitOfWorkFactory, window: Interval = DAY, *, as_of: datetime | None = None
) -> list[IntervalEnergy]:
    async with uow_factory() as uow:
        return await interval_energy(
            uow.connection, meter=METER, direction=Direction.IMPORT, window=window, as_of=as_of
        )


async def watt_hours(uow_factory: UnitOfWorkFactory) -> int:
    return total_energy(await energy(uow_factory)).watt_hours


async def register_modulus(uow_factory: UnitOfWorkFactory, *, now: datetime = NOW) -> None:
    async with uow_factory() as uow:
        await MeterRegistry(uow.connection).add(
            ROOF,
            MeterTerms(sanctioned_watts=5_000, import_modulus=MODULUS),
            valid_from=MIDNIGHT,
            holder=None,
            made_by="op",
            why="six digits",
            now=now,
        )


def reasons(result: IngestResult) -> list[Reason]:
    return [item.doubt.reason for item in result.quarantined]


async def test_a_rollover_counts_as_soon_as_the_modulus_is_registered(uow_factory: UnitOfWorkFactory) -> None:
    stands = [stand(999_900, quarter=0), stand(300, quarter=4), stand(700, quarter=8)]
    first = await take(uow_factory, *stands, kind=SUMMATION)
    assert reasons(first) == [Reason.REGISTER_FELL, Reason.REGISTER_FELL]
    assert "register its modulus" in first.quarantined[0].doubt.sentence
    later = NOW + HOUR
    await register_modulus(uow_factory, now=later)
    again = await take(uow_factory, *stands, kind=SUMMATION, now=later)
    assert (again.repeated, again.accepted, len(again.quarantined)) == (True, 2, 0)
    assert [item.span for item in again.touched] == [Interval(MIDNIGHT, MIDNIGHT + 2 * HOUR)]
    assert await watt_hours(uow_factory) == 800
    assert total_energy(await energy(uow_factory, as_of=NOW)).watt_hours == 0
    async with uow_factory() as uow:
        assert await quarantined_readings(uow.connection, meter=METER, at=later) == []


async def test_a_transient_zero_and_the_recovery_between_documents(uow_factory: UnitOfWorkFactory) -> None:
    await register_modulus(uow_factory)
    await take(uow_factory, stand(500_000, quarter=0), kind=SUMMATION)
    zero = await take(uow_factory, stand(0, quarter=1), kind=SUMMATION)
    assert (reasons(zero), zero.touched) == ([Reason.REGISTER_FELL], ())
    assert "no rollover" in zero.quarantined[0].doubt.sentence
    await take(uow_factory, stand(500_250, quarter=2), kind=SUMMATION)
    assert await watt_hours(uow_factory) == 250


async def test_a_genuine_reset_counts_from_an_operators_word_on(uow_factory: UnitOfWorkFactory) -> None:
    await take(uow_factory, stand(800_000, quarter=0), stand(800_500, quarter=4), kind=SUMMATION)
    fallen = [stand(40, quarter=12), stand(140, quarter=16)]
    assert reasons(await take(uow_factory, *fallen, kind=SUMMATION)) == [Reason.REGISTER_FELL] * 2
    exchange = RegisterExchange(direction=Direction.IMPORT, at=MIDNIGHT + 2 * HOUR, last=800_700, first=10)
    later = NOW + HOUR
    async with uow_factory() as uow:
        await record_exchange(uow.connection, ROOF, exchange, made_by="op", why="new meter", now=later)
    taken = await take(uow_factory, *fallen, kind=SUMMATION, now=later)
    assert taken.accepted == 2
    intervals = await energy(uow_factory)
    assert [item.energy.watt_hours for item in intervals] == [500, 200, 30, 100]
    assert covers(intervals, Interval(MIDNIGHT, MIDNIGHT + 4 * HOUR))
    assert total_energy(await energy(uow_factory, as_of=NOW)).watt_hours == 500
    inside = await energy(uow_factory, Interval(MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR))
    assert [item.energy.watt_hours for item in inside] == [30]


async def test_a_stale_stand_and_the_double_that_follows(uow_factory: UnitOfWorkFactory) -> None:
    for quarter, shown in ((0, 1_000), (1, 1_000), (2, 1_600)):
        assert not reasons(await take(uow_factory, stand(shown, quarter=quarter), kind=SUMMATION))
    assert await watt_hours(uow_factory) == 600


async def test_an_operators_edit_stands_until_the_meter_says_something_new(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await take(uow_factory, reading(9_000), reading(10, quarter=1))
    await take(uow_factory, reading(90, quality=MANUALLY_EDITED))
    repeated = await take(uow_factory, reading(9_000), reading(10, quarter=1), reading(20, quarter=2))
    assert (repeated.accepted, repeated.duplicates, repeated.revised) == (1, 2, 0)
    assert await watt_hours(uow_factory) == 120
    anew = await take(uow_factory, reading(95))
    assert anew.revised == 1
    assert (await take(uow_factory, reading(95), reading(30, quarter=3))).duplicates == 1
    first = (await energy(uow_factory))[0]
    assert (first.energy.watt_hours, first.quality, first.revision) == (95, QUESTIONABLE, 2)
    assert (await take(uow_factory, reading(95, quality=VALID))).revised == 1
    assert (await energy(uow_factory))[0].quality == VALID


async def test_an_estimate_gives_way_to_its_actual_and_never_replaces_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    estimate = reading(70, quality=ESTIMATED_BY_REFERENCE_DAY)
    await take(uow_factory, estimate)
    assert (await take(uow_factory, reading(80))).revised == 1
    assert reasons(await take(uow_factory, replace_value(estimate, 71))) == [Reason.ACTUAL_KNOWN]
    assert await watt_hours(uow_factory) == 80


def replace_value(original: Reading, value: int) -> Reading:
    return reading(value, quality=original.quality_flags)


async def test_an_hours_estimate_gives_way_to_actual_quarter_hours(uow_factory: UnitOfWorkFactory) -> None:
    await take(uow_factory, reading(400, duration=4 * QUARTER, quality=ESTIMATED_BY_REFERENCE_DAY))
    assert await watt_hours(uow_factory) == 400
    actual = await take(uow_factory, *(reading(90, quarter=number) for number in range(4)))
    assert (actual.accepted, len(actual.quarantined)) == (4, 0)
    assert await watt_hours(uow_factory) == 360
    last = Interval(MIDNIGHT + 3 * HOUR / 4, MIDNIGHT + HOUR)
    assert [item.energy.watt_hours for item in await energy(uow_factory, last)] == [90]


async def test_the_time_when_the_last_reading_came_is_told(uow_factory: UnitOfWorkFactory) -> None:
    await take(uow_factory, stand(0, quarter=0), stand(10, quarter=1), kind=SUMMATION)
    await take(uow_factory, stand(30, quarter=2), kind=SUMMATION, now=NOW + HOUR)
    assert [item.received_at for item in await energy(uow_factory)] == [NOW, NOW + HOUR]


async def test_power_is_kept_exactly_and_apart_from_energy(uow_factory: UnitOfWorkFactory) -> None:
    told = [reading(-15_005), reading(7, quarter=1, duration=0), reading(3, quarter=2, quality=VALID)]
    first = await take(uow_factory, *told, kind=WATTS, mrid=EXPORT_REGISTER)
    assert (first.accepted, first.touched) == (3, ())
    await take(uow_factory, reading(100))
    assert await watt_hours(uow_factory) == 100
    changed = await take(
        uow_factory, reading(8, quarter=1, duration=0), told[0], kind=WATTS, mrid=EXPORT_REGISTER
    )
    assert (changed.revised, changed.duplicates) == (1, 1)
    async with uow_factory() as uow:
        found = await power_within(uow.connection, meter=METER, window=DAY)
        before = await power_within(uow.connection, meter=METER, window=Interval(MIDNIGHT - HOUR, MIDNIGHT))
    assert [(item.watts, item.revision, item.direction) for item in found] == [
        (Decimal("-1500.5"), 0, 1), (Decimal("0.8"), 1, 1), (Decimal("0.3"), 0, 1),
    ]  # fmt: skip
    assert found[1].start == found[1].end == MIDNIGHT + timedelta(seconds=QUARTER)
    assert (found[2].quality, found[2].qualifier, found[2].register[-10:]) == (VALID, 2, EXPORT_REGISTER)
    assert before == []


async def test_power_ahead_of_time_is_set_aside_and_taken_when_it_is_sent_again(
    uow_factory: UnitOfWorkFactory,
) -> None:
    told = reading(70, quarter=95, duration=0)
    early = await take(uow_factory, told, kind=WATTS, now=MIDNIGHT)
    assert reasons(early) == [Reason.FUTURE]
    again = await take(uow_factory, told, kind=WATTS)
    assert (again.repeated, again.accepted) == (True, 1)


@pytest.mark.parametrize("seed", range(4))
async def test_a_day_has_the_same_energy_however_it_arrives(
    uow_factory: UnitOfWorkFactory, seed: int
) -> None:
    random = Random(seed)  # noqa: S311  a test's dice
    quarters = [random.randint(0, 1_400) for _ in range(96)]
    await register_modulus(uow_factory)
    start = random.randrange(MODULUS)
    shown = [(start + total) % MODULUS for total in accumulate(quarters, initial=0)]
    stands = [stand(value, quarter=quarter) for quarter, value in enumerate(shown)]
    intervals = [reading(value, quarter=quarter) for quarter, value in enumerate(quarters)]
    told = {
        "intervals": (intervals, []),
        "register": ([], stands),
        "both": ([item for item in intervals if random.random() < 0.7], stands),
    }
    deltas, sums = told[random.choice(list(told))]
    documents = [(item, DELTA, IMPORT_REGISTER) for item in _shuffled(random, deltas)]
    documents += [(item, SUMMATION, EXPORT_REGISTER) for item in _shuffled(random, sums)]
    random.shuffle(documents)
    for batch, kind, mrid in documents:
        assert not reasons(await take(uow_factory, *batch, kind=kind, mrid=mrid))
    found = await energy(uow_factory)
    assert total_energy(found).watt_hours == sum(quarters)
    assert covers(found, DAY)


def _shuffled(random: Random, readings: Sequence[Reading]) -> list[list[Reading]]:
    """Return the readings in any order, some of them again, in batches."""
    again = random.sample(list(readings), len(readings) // 5)
    pool = [*readings, *again]
    random.shuffle(pool)
    step = random.randint(5, 60)
    return [pool[place : place + step] for place in range(0, len(pool), step)]


async def test_registers_of_both_directions_have_rules_of_their_own(uow_factory: UnitOfWorkFactory) -> None:
    await register_modulus(uow_factory)
    export = ReadingType(accumulation_behaviour=9, commodity=1, flow_direction=19, kind=12, uom=72)
    house = meter(
        register([stand(999_900, quarter=0), stand(100, quarter=4)], kind=SUMMATION),
        register([stand(999_900, quarter=0), stand(100, quarter=4)], kind=export, mrid=EXPORT_REGISTER),
    )
    async with uow_factory() as uow:
        result = await record_mirror_document(
            write_mirror_usage_point(house), uow=uow, now=NOW, sender="utility"
        )
    assert reasons(result) == [Reason.REGISTER_FELL]
    assert await watt_hours(uow_factory) == 200
