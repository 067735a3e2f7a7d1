"""Documents taken together: what is kept is what would be kept one by one, and who waits is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.consignment import take_consignment
from metering.documents import MirrorMeterReadings, MirrorUsagePoint, ReadingType
from metering.grouped_intake import GroupedIntake
from metering.ingest import IngestResult, record_submission
from metering.sep.reader import read_mirror_document
from metering.sep.writer import write_mirror_meter_reading_list, write_mirror_usage_point
from metering.submission import Submission
from storage.database import Database
from storage.unit_of_work import Transaction, UnitOfWorkFactory
from tests.support.metering_documents import (
    DELTA,
    DELTA_EXPORT,
    EXPORT_REGISTER,
    IMPORT_REGISTER,
    NOW,
    SUMMATION,
    meter,
    reading,
    register,
)
from tests.support.participants import fresh_database

_SENDER: Final = "utility"
_METERS: Final = ("0100200300", "0100200400", "0100200500")
_STATE: Final = """
    SELECT u.mrid, g.mrid, c.direction, c.tou_tier, r.period_start, r.period_end, r.revision, r.watt_hours,
        r.quality, t.version, encode(d.sha256, 'hex')
    FROM meter_readings AS r
    JOIN meter_channels AS c ON c.id = r.channel_id JOIN meter_registers AS g ON g.id = c.register_id
    JOIN meter_usage_points AS u ON u.id = g.usage_point_id
    JOIN meter_reading_types AS t ON t.id = r.reading_type_id
    JOIN meter_documents AS d ON d.id = r.document_id ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_SET_ASIDE: Final = """
    SELECT u.mrid, encode(d.sha256, 'hex'), q.ordinal, q.reason FROM meter_quarantined_readings AS q
    JOIN meter_documents AS d ON d.id = q.document_id
    JOIN meter_usage_points AS u ON u.id = q.usage_point_id ORDER BY 1, 2, 3
"""


@pytest.fixture
async def databases(postgres_url: str, template_url: str) -> AsyncIterator[tuple[Database, Database]]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(fresh_database(postgres_url, template_url))
        other = await stack.enter_async_context(fresh_database(postgres_url, template_url))
        yield one, other


def _offer(number: int, random: Random) -> Submission:
    """Return a document such as meters send: mostly hours side by side, sometimes what wants a look."""
    mrid = random.choice(_METERS)
    kind = random.choice((*[DELTA] * 20, replace(DELTA, power_of_ten_multiplier=1), SUMMATION))
    start = 4 * random.randrange(-72, 23)
    count = random.choice((4, 4, 4, 8, 1))
    value = random.choice((7, 7, 7, 9, 9, -1))
    tier = int(random.random() < 0.05)
    readings = [reading(value, quarter=start + each, tou_tier=tier) for each in range(count)]
    if random.random() < 0.05:
        readings.reverse()
    imported = register(readings, mrid=IMPORT_REGISTER, kind=random.choice((kind, kind, None)))
    exported = register(readings[:2], mrid=EXPORT_REGISTER, kind=DELTA_EXPORT)
    both = (imported, exported) if random.random() < 0.3 else (imported,)
    document = replace(meter(*both), mrid=mrid.zfill(32), mrid_as_sent=mrid)
    if random.random() < 0.04:
        document = replace(document, description=f"number {number}")
    raw = write_mirror_usage_point(document)
    sender = "somebody else" if random.random() < 0.05 else _SENDER
    return Submission(document=read_mirror_document(raw), raw=raw, sender=sender)


async def _one_by_one(
    submitted: Sequence[Submission], factory: UnitOfWorkFactory
) -> list[IngestResult | str]:
    results: list[IngestResult | str] = []
    for each in submitted:
        try:
            async with factory() as uow:
                results.append(await record_submission(each, uow=uow, now=NOW))
        except NodeError as error:
            results.append(repr(error))
    return results


async def _together(
    submitted: Sequence[Submission], factory: UnitOfWorkFactory, *, at_once: int
) -> tuple[list[IngestResult | str], int]:
    """Return what became of each, and how many were taken together with others."""
    results: list[IngestResult | str] = []
    whole = 0
    for first in range(0, len(submitted), at_once):
        group = submitted[first : first + at_once]
        async with factory.plain() as uow:
            taken = await take_consignment(group, transaction=uow, now=NOW)
        for each, result in zip(group, taken, strict=True):
            whole += result is not None
            results += [result] if result is not None else await _one_by_one([each], factory)
    return results, whole


def _said(result: IngestResult | str) -> Any:
    if isinstance(result, str):
        return result
    counts = (result.accepted, result.duplicates, result.revised, len(result.quarantined))
    return result.meter, counts, result.created, result.repeated, result.touched, list(result.verdicts())


async def _state(factory: UnitOfWorkFactory) -> list[list[tuple[Any, ...]]]:
    async with factory() as uow:
        return [
            [tuple(row) for row in await uow.connection.exec_driver_sql(query)]
            for query in (_STATE, _SET_ASIDE)
        ]


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_kept_together_is_what_would_be_kept_one_by_one(
    databases: tuple[Database, Database], seed: int
) -> None:
    random = Random(seed)  # noqa: S311  the same documents each time
    submitted = [_offer(number, random) for number in range(60)]
    submitted += random.sample(submitted, 10)
    one, other = (UnitOfWorkFactory(database) for database in databases)
    expected = await _one_by_one(submitted, one)
    found, whole = await _together(submitted, other, at_once=random.choice((2, 5, 12)))
    assert [_said(result) for result in found] == [_said(result) for result in expected]
    assert await _state(other) == await _state(one)
    assert whole > 3


def _day(value: int, *, hour: int, mrid: str = _METERS[0], kind: ReadingType | None = DELTA) -> Submission:
    quarters = [reading(value, quarter=4 * hour + each) for each in range(4)]
    document = replace(meter(register(quarters, kind=kind)), mrid=mrid.zfill(32), mrid_as_sent=mrid)
    raw = write_mirror_usage_point(document)
    return Submission(document=read_mirror_document(raw), raw=raw, sender=_SENDER)


async def test_readings_posted_to_a_known_meter_are_taken_together_too(
    uow_factory: UnitOfWorkFactory,
) -> None:
    (first,) = await _one_by_one([_day(1, hour=0)], uow_factory)
    assert isinstance(first, IngestResult)
    quarters = [reading(2, quarter=4 + each) for each in range(4)]
    raw = write_mirror_meter_reading_list([register(quarters, kind=None)])
    document = read_mirror_document(raw)
    assert isinstance(document, MirrorMeterReadings)
    posted = Submission(document=document, raw=raw, sender=_SENDER, usage_point=first.usage_point)
    stranger = replace(posted, sender="somebody else")
    misdirected = replace(posted, usage_point=None)
    async with uow_factory.plain() as uow:
        results = await take_consignment([stranger, misdirected, posted], transaction=uow, now=NOW)
    assert [result and result.accepted for result in results] == [None, None, 4]


async def test_an_operators_file_speaks_for_a_meter_whose_device_it_does_not_name(
    uow_factory: UnitOfWorkFactory,
) -> None:
    document = _day(1, hour=0)
    assert isinstance(document.document, MirrorUsagePoint)
    with_device = replace(document, document=replace(document.document, device_lfdi="AB" * 20))
    await _one_by_one([with_device], uow_factory)
    submitted = replace(_day(1, hour=1), sender="operator", speaks_for_all=True)
    async with uow_factory.plain() as uow:
        (result,) = await take_consignment([submitted], transaction=uow, now=NOW)
    assert result is not None
    assert result.accepted == 4


class _Heard:
    """Listens to what is recorded, group by group; may fail once."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.failure: Exception | None = None

    async def __call__(self, _uow: Transaction, results: Sequence[IngestResult], _now: datetime) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        self.groups.append(len(results))


@pytest.fixture
def heard() -> _Heard:
    return _Heard()


@pytest.fixture
def grouped(uow_factory: UnitOfWorkFactory, heard: _Heard) -> GroupedIntake:
    return GroupedIntake(uow_factory=uow_factory, clock=ManualClock(NOW), on_recorded=heard)


async def test_documents_that_wait_are_kept_together(
    grouped: GroupedIntake, heard: _Heard, uow_factory: UnitOfWorkFactory
) -> None:
    await _one_by_one([_day(1, hour=0, mrid=mrid) for mrid in _METERS], uow_factory)
    submitted = [_day(hour, hour=hour, mrid=mrid) for hour in range(1, 9) for mrid in _METERS]
    results = await asyncio.gather(*(grouped.take(each) for each in submitted))
    assert [result and result.accepted for result in results] == [4] * len(submitted)
    assert sum(heard.groups) == len(submitted)
    assert len(heard.groups) < len(submitted) / 4


async def test_a_new_meter_is_left_to_the_ordinary_way(grouped: GroupedIntake, heard: _Heard) -> None:
    assert await grouped.take(_day(1, hour=0)) is None
    assert heard.groups == []


async def test_a_group_that_fails_leaves_nothing_and_each_of_it_to_the_ordinary_way(
    grouped: GroupedIntake, heard: _Heard, uow_factory: UnitOfWorkFactory
) -> None:
    await _one_by_one([_day(1, hour=0)], uow_factory)
    heard.failure = ValueError("not this one")
    before = await _state(uow_factory)
    results = await asyncio.gather(*(grouped.take(_day(1, hour=hour)) for hour in (1, 2)))
    assert results == [None, None]
    assert await _state(uow_factory) == before
    result = await grouped.take(_day(1, hour=3))
    assert result is not None


async def test_an_outage_is_told_to_everybody_who_waits(
    grouped: GroupedIntake, heard: _Heard, uow_factory: UnitOfWorkFactory
) -> None:
    await _one_by_one([_day(1, hour=0)], uow_factory)
    heard.failure = ConnectionResetError("gone")
    takes = [grouped.take(_day(1, hour=hour)) for hour in (1, 2)]
    failures = await asyncio.gather(*takes, return_exceptions=True)
    assert [type(failure) for failure in failures] == [ConnectionResetError] * 2


async def test_who_goes_away_holds_up_nobody(
    grouped: GroupedIntake, heard: _Heard, uow_factory: UnitOfWorkFactory
) -> None:
    await _one_by_one([_day(1, hour=0)], uow_factory)
    gone = asyncio.create_task(grouped.take(_day(1, hour=1)))
    await asyncio.sleep(0)
    gone.cancel()
    result = await grouped.take(_day(1, hour=2))
    assert result is not None
    assert result.touched[0].span.duration == timedelta(hours=1)
    assert sum(heard.groups) == 2


async def test_when_the_keeping_is_ended_nobody_waits_on(uow_factory: UnitOfWorkFactory) -> None:
    await _one_by_one([_day(1, hour=0)], uow_factory)
    is_kept = asyncio.Event()

    async def hear(_uow: Transaction, _results: Sequence[IngestResult], _now: datetime) -> None:
        keepers.append(asyncio.current_task())
        is_kept.set()
        await asyncio.Event().wait()

    keepers: list[asyncio.Task[None] | None] = []
    grouped = GroupedIntake(uow_factory=uow_factory, clock=ManualClock(NOW), on_recorded=hear)
    in_hand = [asyncio.create_task(grouped.take(_day(1, hour=hour))) for hour in (1, 2)]
    await is_kept.wait()
    behind = asyncio.create_task(grouped.take(_day(1, hour=3)))
    await asyncio.sleep(0)
    (keeper,) = keepers
    assert keeper is not None
    keeper.cancel()
    ended = await asyncio.wait_for(asyncio.gather(*in_hand, behind, keeper, return_exceptions=True), 5)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * 4
