"""A small simulated world for tests: a few meters over a day or two, and what their documents say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from degnode.simulation.documents import MeterDocument
from degnode.simulation.faults import read_fault
from degnode.simulation.places import PLACES, PlaceName
from degnode.simulation.run import MeterRun, Plan, run
from degnode.simulation.world import Span
from metering.documents import MirrorUsagePoint
from metering.energy import DELTA_DATA, Direction
from metering.sep.reader import read_mirror_document

DELHI: Final = PLACES[PlaceName.DELHI]
BERLIN: Final = PLACES[PlaceName.BERLIN]
SYDNEY: Final = PLACES[PlaceName.SYDNEY]
SUMMER: Final = datetime(2026, 6, 1, tzinfo=UTC)
QUARTER: Final = timedelta(minutes=15)
SUMMATION: Final = 9
Told = list[tuple[int, int, int]]
"""Start, duration and value of readings, in the order in which they were told."""


def span(*, start: datetime = SUMMER, step: timedelta = QUARTER, days: int = 1) -> Span:
    return Span(start=start, step=step, length=timedelta(days=days))


def plan(*faults: str, **changes: Any) -> Plan:
    """Return a plan of three meters in Delhi, over a day, with a document an hour."""
    usual: dict[str, Any] = {
        "meters": 3,
        "place": DELHI,
        "span": span(),
        "seed": 7,
        "batch": timedelta(hours=1),
        "wishes": [read_fault(text) for text in faults],
    }
    return Plan(**usual | changes)


def meter(number: int, *faults: str, **changes: Any) -> MeterRun:
    """Return one meter of `plan`, by its number from 1."""
    return list(run(plan(*faults, **changes)))[number - 1]


def told(documents: Iterable[MeterDocument], direction: Direction, *, behaviour: int = DELTA_DATA) -> Told:
    """Return what documents say of a register, read back from their bytes."""
    found: Told = []
    for document in documents:
        read = read_mirror_document(document.on_its_own())
        assert isinstance(read, MirrorUsagePoint)
        for register in read.meter_readings:
            kind = register.reading_type
            assert kind is not None
            if (kind.accumulation_behaviour, kind.flow_direction) == (behaviour, direction):
                for reading, _ in register.readings():
                    assert reading.time_period is not None
                    assert reading.value is not None
                    period = reading.time_period
                    found.append((period.start, period.duration, reading.value))
    return found


def stands(documents: Iterable[MeterDocument], direction: Direction = Direction.IMPORT) -> list[int]:
    """Return the stands that documents tell of a register, in order of time."""
    return [value for _, _, value in sorted(told(documents, direction, behaviour=SUMMATION))]
