"""The time that a settled day spans, cut where a rate changes or a local day begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.local_days import LocalDay, days_between, find_zone, local_days
from settlement.engines.contract_table import ContractTable, Integers
from settlement.engines.tariffs import Range, Tariff, band_at

COLLECTION_DEADLINE: Final = timedelta(hours=24)
"""How long after its end a day's readings are waited for."""


class DayOpen(NodeError):
    """A day is to be settled whose readings may still come."""

    code, http_status, retryable = "SETTLEMENT_DAY_OPEN", 409, True


class DayUnknown(NodeError):
    """A date that a zone skipped altogether."""

    code, http_status, retryable = "SETTLEMENT_DAY_UNKNOWN", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A local day and what came before it of its contracts' windows. Units: seconds since 1970 UTC.

    `edges` cut the time from the first window's start to the day's end into runs; in each, every tariff has
    one rate, whose number is `bands[layout, run]`, where `layout_of` says which layout a contract has.
    """

    day: LocalDay
    edges: tuple[int, ...]
    first_run: int
    """The first run of the day itself."""
    bands: Integers
    layout_of: Integers

    @property
    def since(self) -> int:
        return self.edges[0]

    @property
    def day_start(self) -> int:
        return self.edges[self.first_run]

    @property
    def end(self) -> int:
        return self.edges[-1]

    @property
    def runs(self) -> int:
        return len(self.edges) - 1

    def run_at(self, second: int) -> int:
        """Return the number of the run in which an instant lies."""
        return bisect_right(self.edges, second) - 1


def find_day(day: date, *, zone: str) -> LocalDay:
    """Return the local day of that date. Raises: ZoneUnknown, DayUnknown."""
    found = days_between(day, day, zone=zone)
    if not found:
        raise DayUnknown(f"there was no {day} in {zone}", path="day")
    return found[0]


def require_closed(day: LocalDay, *, now: datetime) -> None:
    """Let a day pass whose readings have been waited for long enough. Raises: DayOpen."""
    closes = day.period.end + COLLECTION_DEADLINE
    if now < closes:
        raise DayOpen(
            f"{day.date} is open until {closes.isoformat()}",
            path="day",
            hint="Wait until then, or settle it provisionally.",
        )


def make_calendar(day: LocalDay, contracts: ContractTable, *, zone: str) -> Calendar:
    """Return the calendar for `contracts`, each of which overlaps the day. Raises: ZoneUnknown."""
    tz = find_zone(zone)
    day_start, end = _second(day.period.start), _second(day.period.end)
    since = min([day_start, *contracts.start.tolist()])
    layouts, layout_of = _layouts(contracts.tariffs)
    edges = {since, day_start, end}
    clocks = {clock for ranges in layouts for each in ranges for clock in each}
    if clocks:
        for each in local_days(Interval(_instant(since), day.period.end), zone=zone):
            edges.update(_changes(each, clocks, tz))
    kept = tuple(sorted(edge for edge in edges if since <= edge <= end))
    local = [_instant(edge).astimezone(tz).time() for edge in kept[:-1]]
    bands = [[band_at(ranges, clock) for clock in local] for ranges in layouts]
    return Calendar(
        day=day,
        edges=kept,
        first_run=kept.index(day_start),
        bands=np.array(bands, dtype=np.int64).reshape(len(layouts), len(local)),
        layout_of=layout_of[contracts.tariff_of],
    )


def _layouts(tariffs: Sequence[Tariff]) -> tuple[list[tuple[Range, ...]], Integers]:
    numbers: dict[tuple[Range, ...], int] = {}
    of = [numbers.setdefault(tariff.ranges, len(numbers)) for tariff in tariffs]
    return list(numbers), np.array(of, dtype=np.int64)


def _changes(day: LocalDay, clocks: Iterable[time], tz: ZoneInfo) -> set[int]:
    """Return instants of a day at which a clock on the wall may pass one of `clocks`, also by a jump.

    An hour that comes twice passes it twice.
    """
    found = {_jump(day.period, tz)}
    for clock in clocks:
        wall = datetime.combine(day.date, clock, tzinfo=tz)
        found |= {_second(wall.replace(fold=fold)) for fold in (0, 1)}
    return found


def _jump(period: Interval, tz: ZoneInfo) -> int:
    """Return the second at which the clocks of a day are changed; its end, where they are not."""
    first, last = _second(period.start), _second(period.end)
    offset = _instant(first).astimezone(tz).utcoffset()
    while first < last:
        middle = (first + last) // 2
        if _instant(middle).astimezone(tz).utcoffset() == offset:
            first = middle + 1
        else:
            last = middle
    return first


def _second(instant: datetime) -> int:
    return int((instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))


def _instant(second: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
