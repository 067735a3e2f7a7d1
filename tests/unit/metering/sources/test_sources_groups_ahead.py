"""What is found in a file while what was found before is taken in."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator, Iterator
from contextlib import aclosing
from threading import Event

import pytest

from metering.sources import taking
from metering.sources.ports import Found, Reject, SourceUnreadable
from metering.sources.taking import groups_ahead

LONGEST = 60  # s, which no test ever waits


@pytest.fixture(autouse=True)
def groups_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "_MOST_AT_ONCE", 1)


def reject(number: int) -> Reject:
    return Reject(place=f"line {number}", raw=b"x", code="COLUMNS", sentence="it has one")


async def test_the_next_group_is_found_while_one_is_taken_but_no_further_one() -> None:
    asked: list[int] = []
    second = Event()

    def source() -> Iterator[Found]:
        for number in range(1, 5):
            asked.append(number)
            if number == 2:
                second.set()
            yield reject(number)

    async with aclosing(groups_ahead(source())) as groups:
        group = await anext(groups)
        assert [each.place for each in group] == ["line 1"]
        assert await asyncio.to_thread(second.wait, LONGEST)
        assert asked == [1, 2]
        assert [[each.place for each in group] async for group in groups] == [
            ["line 2"],
            ["line 3"],
            ["line 4"],
        ]


async def test_what_breaks_off_is_told_behind_what_was_found() -> None:
    def source() -> Iterator[Found]:
        yield reject(1)
        raise SourceUnreadable("it breaks off")

    groups = groups_ahead(source())
    assert await anext(groups) == [reject(1)]
    with pytest.raises(SourceUnreadable, match="breaks off"):
        await anext(groups)


async def test_when_it_is_closed_nothing_is_read_any_more() -> None:
    reads, goes_on = Event(), Event()

    def source() -> Generator[Found]:
        yield reject(1)
        reads.set()
        goes_on.wait(LONGEST)
        yield reject(2)

    reading = source()
    groups = groups_ahead(reading)
    await anext(groups)
    assert await asyncio.to_thread(reads.wait, LONGEST)
    closing = asyncio.create_task(groups.aclose())
    await asyncio.sleep(0)
    assert not closing.done()
    assert inspect.getgeneratorstate(reading) == inspect.GEN_RUNNING
    goes_on.set()
    await closing
    assert inspect.getgeneratorstate(reading) == inspect.GEN_SUSPENDED
