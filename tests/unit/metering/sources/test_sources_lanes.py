"""Meters taken in side by side: each in its order, and what was found before an end is not lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

import pytest

from metering.ingest import IngestResult
from metering.sources.lanes import take_in_lanes
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.taking import Taken
from tests.support.metering_documents import meter

METERS = [f"{number:032X}" for number in range(6)]  # in both lanes


def batch(mrid: str, number: int) -> Batch:
    return Batch(document=meter(mrid=mrid), body=b"", place=f"{mrid} {number}")


def reject(number: int) -> Reject:
    return Reject(place=f"line {number}", raw=b"x", code="COLUMNS", sentence="it has one")


async def groups_of(*groups: Sequence[Found], broken: Exception | None = None) -> AsyncGenerator[list[Found]]:
    for group in groups:
        yield list(group)
    if broken is not None:
        raise broken


class Desk:
    """Takes in what it is given, slowly; says of each its place."""

    def __init__(self) -> None:
        self.begun: defaultdict[str, list[str]] = defaultdict(list)
        self.at_work = self.most_at_work = 0
        self.fails_at: str | None = None

    async def take_all(self, group: Sequence[Found]) -> list[Taken]:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            for found in group:
                self.begun[found.place.split()[0]].append(found.place)
                await asyncio.sleep(0)
                if found.place == self.fails_at:
                    raise ConnectionResetError(found.place)
        finally:
            self.at_work -= 1
        return [cast("IngestResult", found) for found in group]


async def test_each_meter_keeps_its_order_while_several_are_taken_at_a_time() -> None:
    desk = Desk()
    groups: list[list[Found]] = [
        [*(batch(mrid, number) for number in (2 * first, 2 * first + 1) for mrid in METERS), reject(first)]
        for first in range(5)
    ]
    async with aclosing(take_in_lanes(desk.take_all, groups_of(*groups))) as taken:
        outcomes = [each async for each in taken]
    assert outcomes == groups
    assert {mrid: desk.begun[mrid] for mrid in METERS} == {
        mrid: [f"{mrid} {number}" for number in range(10)] for mrid in METERS
    }
    assert desk.most_at_work == 2


async def test_where_a_source_breaks_off_what_was_found_before_is_taken_first() -> None:
    desk, outcomes = Desk(), []
    groups = groups_of([batch(METERS[0], 1)], [reject(2)], broken=SourceUnreadable("it breaks off"))
    with pytest.raises(SourceUnreadable, match="breaks off"):  # noqa: PT012
        async for each in take_in_lanes(desk.take_all, groups):
            outcomes += each
    assert [each.place for each in outcomes if isinstance(each, Batch | Reject)] == [
        f"{METERS[0]} 1",
        "line 2",
    ]


async def test_a_failure_in_one_lane_is_raised_and_nothing_goes_on_behind_it() -> None:
    desk = Desk()
    desk.fails_at = f"{METERS[1]} 1"
    groups = [[batch(mrid, number) for mrid in METERS] for number in range(4)]
    with pytest.raises(ConnectionResetError):
        _ = [each async for each in take_in_lanes(desk.take_all, groups_of(*groups))]
    begun = {mrid: list(places) for mrid, places in desk.begun.items()}
    await asyncio.sleep(0)
    assert (desk.at_work, dict(desk.begun)) == (0, begun)


async def test_who_stops_in_the_middle_leaves_nobody_at_work() -> None:
    desk = Desk()
    groups = [[batch(mrid, number) for mrid in METERS] for number in range(4)]
    taken = take_in_lanes(desk.take_all, groups_of(*groups))
    assert len(await anext(taken)) == len(METERS)
    await taken.aclose()
    assert desk.at_work == 0
