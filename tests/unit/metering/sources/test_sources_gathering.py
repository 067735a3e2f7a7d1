"""How much of a file is held at once: so many lines, bytes and readings, and what is yielded when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from metering.documents import Reading, TimePeriod
from metering.energy import Direction
from metering.sources import gathering
from metering.sources.file_line import Line, RegisterName
from metering.sources.gathering import Bound, gathered
from metering.sources.naming import MeterName
from metering.sources.ports import Batch, Found, Reject
from metering.sources.taking import in_groups

REGISTER = RegisterName("", Direction.IMPORT)
UNBOUNDED = Bound(lines=10**9, size=10**9, readings=10**9)
REJECT = Reject(place="line 0", raw=b"x" * 100, code="COLUMNS", sentence="it has one")


def line(number: int, *, meter: str = "A", size: int = 100, readings: int = 1) -> Line:
    said = [
        (REGISTER, Reading(value=1, time_period=TimePeriod(start=900 * each, duration=900)))
        for each in range(readings)
    ]
    return Line(MeterName(meter, meter), said, number, b"x" * size)


def sizes(found: Iterator[Found]) -> list[int]:
    return [len(each.body) // 100 for each in found if isinstance(each, Batch)]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (UNBOUNDED, [7]),
        (UNBOUNDED._replace(lines=3), [3, 3, 1]),
        (UNBOUNDED._replace(size=250), [3, 3, 1]),
        (UNBOUNDED._replace(readings=10), [2, 2, 2, 1]),
    ],
)
@pytest.mark.parametrize("name", ["BATCH", "STRETCH"])
def test_a_batch_ends_with_the_line_that_reaches_a_bound(
    monkeypatch: pytest.MonkeyPatch, name: str, bound: Bound, expected: list[int]
) -> None:
    monkeypatch.setattr(gathering, "BATCH", UNBOUNDED)
    monkeypatch.setattr(gathering, name, bound)
    assert sizes(gathered(line(number, readings=5) for number in range(7))) == expected


def test_long_lines_of_a_file_are_never_all_in_memory() -> None:
    taken: list[int] = []

    def lines() -> Iterator[Line | Reject]:
        for number in range(200):
            taken.append(number)
            yield line(number, meter=str(number % 2), size=1_000_000)

    batches = gathered(lines())
    first = next(batches)
    assert isinstance(first, Batch)
    assert len(first.body) == 16_000_000
    assert len(taken) == 64


def test_a_reject_is_yielded_as_it_comes_and_before_the_batches_of_its_stretch() -> None:
    found = list(gathered([line(1), REJECT, line(3, meter="B"), REJECT]))
    assert [type(each) for each in found] == [Reject, Reject, Batch, Batch]


def test_what_one_transaction_takes_is_bounded_in_bytes() -> None:
    large = Reject(place="line 0", raw=b"x" * 8_000_000, code="COLUMNS", sentence="it is long")
    assert [len(group) for group in in_groups([large] * 9)] == [4, 4, 1]
