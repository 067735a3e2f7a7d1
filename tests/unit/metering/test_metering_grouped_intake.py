"""Documents that wait for their group, turn by turn of the event loop."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

import pytest

from kernel.clock import SystemClock
from metering.documents import MirrorMeterReadings
from metering.grouped_intake import GroupedIntake
from metering.ingest import IngestResult
from metering.submission import Submission
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import meter


class Factory:
    @asynccontextmanager
    async def plain(self) -> AsyncIterator[None]:
        yield None


class Desk:
    """Keeps groups as `take_consignment` does, but nowhere; `until` it does not end."""

    def __init__(self, until: asyncio.Future[None]) -> None:
        self.until = until
        self.groups: list[list[Submission]] = []
        self.at_work: Counter[str | int] = Counter()
        self.twice_at_once: set[str | int] = set()

    async def keep(self, submitted: Sequence[Submission], **_: Any) -> list[IngestResult | None]:
        self.groups.append(list(submitted))
        meters = {meter_of(each) for each in submitted}
        self.at_work.update(meters)
        self.twice_at_once |= {each for each, count in self.at_work.items() if count > 1}
        await self.until
        for _turn in range(len(self.groups) % 5):
            await asyncio.sleep(0)
        self.at_work.subtract(meters)
        return [cast("IngestResult", each) for each in submitted]


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(asyncio.get_running_loop().create_future())
    monkeypatch.setattr("metering.grouped_intake.take_consignment", desk.keep)
    return desk


@pytest.fixture
def grouped() -> GroupedIntake:
    return GroupedIntake(uow_factory=cast("UnitOfWorkFactory", Factory()), clock=SystemClock())


def document(number: int, *, of: int) -> Submission:
    """Return the `number`-th document of a meter, by its mRID or, for every third meter, by its number."""
    raw = str(number).encode()
    if of % 3:
        return Submission(document=meter(mrid=f"{of:032X}"), raw=raw, sender="a meter")
    readings = MirrorMeterReadings(meter_readings=())
    return Submission(document=readings, raw=raw, sender="a meter", usage_point=of + 1)


def meter_of(submitted: Submission) -> str | int:
    return submitted.usage_point or submitted.document.mrid  # type: ignore[union-attr]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_who_comes_as_all_groups_end_does_not_wait_for_ever(desk: Desk, grouped: GroupedIntake) -> None:
    async def late() -> IngestResult | None:
        await desk.until  # what the database answered to all, and what this one sent, came at once
        return await grouped.take(document(1, of=3))

    waiting = [asyncio.create_task(grouped.take(document(1, of=number))) for number in (1, 2)]
    await settle()
    assert [len(group) for group in desk.groups] == [1, 1]
    waiting.append(asyncio.create_task(late()))
    await asyncio.sleep(0)
    desk.until.set_result(None)
    assert len(await asyncio.wait_for(asyncio.gather(*waiting), 60)) == 3


async def test_those_that_wait_are_shared_out_among_two_groups(desk: Desk, grouped: GroupedIntake) -> None:
    waiting = [asyncio.create_task(grouped.take(document(1, of=number))) for number in range(9)]
    await settle()
    assert [len(group) for group in desk.groups] == [5, 4]
    desk.until.set_result(None)
    await asyncio.gather(*waiting)


async def test_who_waits_for_another_group_of_its_meter_is_taken_behind_it(
    desk: Desk, grouped: GroupedIntake
) -> None:
    waiting = [asyncio.create_task(grouped.take(document(1, of=1)))]
    await settle()
    waiting.append(asyncio.create_task(grouped.take(document(2, of=1))))
    await settle()
    assert len(desk.groups) == 1
    desk.until.set_result(None)
    await asyncio.wait_for(asyncio.gather(*waiting), 60)
    assert [[each.raw for each in group] for group in desk.groups] == [[b"1"], [b"2"]]


@pytest.mark.parametrize("seed", range(20))
async def test_each_meter_keeps_its_order_and_is_in_one_group_at_a_time(
    desk: Desk, grouped: GroupedIntake, seed: int
) -> None:
    random = Random(seed)  # noqa: S311  the same order each time
    desk.until.set_result(None)
    waiting, sent = [], defaultdict[str | int, list[bytes]](list)
    for number in range(400):
        submitted = document(number, of=random.randrange(6))
        sent[meter_of(submitted)].append(submitted.raw)
        waiting.append(asyncio.create_task(grouped.take(submitted)))
        if random.random() < 0.3:
            await asyncio.sleep(0)
    assert None not in await asyncio.wait_for(asyncio.gather(*waiting), 60)
    kept = defaultdict[str | int, list[bytes]](list)
    for group in desk.groups:
        for each in group:
            kept[meter_of(each)].append(each.raw)
    assert kept == sent
    assert desk.twice_at_once == set()
    assert max(map(len, desk.groups)) <= 32
