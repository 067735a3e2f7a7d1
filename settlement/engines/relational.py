"""Any engine that speaks SQL: totals per meter and run there, precedence here, the lesser of both there.

The time is cut where a window begins or ends and where a rate changes. Within such a segment the same
contracts compete throughout, so what each takes is one range of what its meter counted since the
segment began. The ranges are worked out from the meters' totals; only contracts that are matched by
interval need the readings a second time, each side for itself, joined by contract and interval.
Nothing but sums, least and greatest, plus, minus and times of whole numbers is asked of the engine; where
energy is lost, also what arrives of it in each interval, rounded down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable, Integers
from settlement.engines.faults import DataInvalid, check_sum
from settlement.engines.tally import Quantities, Tally


@dataclass(frozen=True, slots=True)
class Total:
    """What a meter counted in a segment; what else there is tells whether that can be believed."""

    meter: str
    segment: int
    exported: int
    imported: int
    readings: int
    """In which nothing is missing."""
    instants: int
    rows: int
    smallest: int

    def check(self) -> None:
        """Refuse what is no energy of a meter. Raises: DataInvalid."""
        if self.readings < self.rows:
            raise DataInvalid("import_wh or export_wh says nothing", path=f"meter {self.meter}")
        if self.smallest < 0:
            raise DataInvalid("energy does not run backwards", path=f"meter {self.meter}")
        if self.instants < self.rows:
            raise DataInvalid("two readings start in the same second", path=f"meter {self.meter}, start")


Met: TypeAlias = tuple[int, int, int]
"""A contract, a segment, and what both sides had in the same intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """What both sides of contracts take in a segment: from `low` to `high` of what the meter counts in it.

    `lost` is how much of what the source gives is lost. Units: Wh, millionths of a per cent.
    """

    contract: Integers
    segment: Integers
    source: Sequence[str]
    source_low: Integers
    source_high: Integers
    target: Sequence[str]
    target_low: Integers
    target_high: Integers
    lost: Integers

    def __len__(self) -> int:
        return len(self.contract)


class Store(Protocol):
    """Readings where they lie; `segments` are the seconds at which one begins, and the end of the last."""

    def totals(self, segments: Sequence[int], meters: Sequence[str]) -> Iterable[Total]:
        """Return what each of `meters` counted in each segment in which it has readings.

        Raises: EnergyTooLarge, if a sum does not fit into 64 bits.
        """
        ...

    def meet(self, ranges: Ranges, segments: Sequence[int]) -> Iterable[Met]:
        """Return what both sides of each range have in the same intervals."""
        ...


def cut(contracts: ContractTable, calendar: Calendar) -> tuple[int, ...]:
    """Return where the calendar's time is cut into segments."""
    edges = {*calendar.edges, *contracts.start.tolist(), *contracts.end.tolist()}
    return tuple(sorted(edge for edge in edges if calendar.since <= edge <= calendar.end))


def settle(store: Store, contracts: ContractTable, calendar: Calendar) -> Quantities:
    """Return the day's quantities. Raises: EnergyTooLarge."""
    segments = cut(contracts, calendar)
    exported, imported = _by_segment(
        store.totals(segments, sorted({*contracts.source_meters, *contracts.target_meters})),
        contracts,
        len(segments) - 1,
    )
    tally, found = Tally(contracts, calendar), []
    for number, second in enumerate(segments[:-1]):
        tally.close_before(second)
        given = tally.source.take(exported[number], at=second)
        taken = tally.target.take(imported[number], at=second)
        rows = np.flatnonzero(contracts.by_interval & (given.wh > 0) & (taken.wh > 0))
        source, target = tally.source.ahead(given), tally.target.ahead(taken)
        columns = (source, source + given.wh, target, target + taken.wh)
        found.append((rows, np.full(len(rows), number), *(column[rows] for column in columns)))
    tally.close_before(calendar.end)
    ranges = _ranges(contracts, found)
    if len(ranges):
        contract, segment, wh = np.array([*store.meet(ranges, segments)], dtype=np.int64).reshape(-1, 3).T
        runs = np.array([calendar.run_at(second) for second in segments[:-1]])[segment]
        for run in np.unique(runs).tolist():
            tally.meet(wh[runs == run], contract[runs == run], run=run)
    return tally.result()


def _by_segment(
    totals: Iterable[Total], contracts: ContractTable, segments: int
) -> tuple[Integers, Integers]:
    sides = []
    for meters in (contracts.source_meters, contracts.target_meters):
        numbers: Mapping[str, int] = {meter: number for number, meter in enumerate(meters)}
        sides.append((numbers, np.zeros((segments, len(meters)), dtype=np.int64)))
    for total in totals:
        total.check()
        for (numbers, matrix), wh in zip(sides, (total.exported, total.imported), strict=True):
            if (number := numbers.get(total.meter)) is not None:
                matrix[total.segment, number] = wh
    for _, matrix in sides:
        check_sum(int(matrix.max(initial=0)), segments, what="segments of a meter")
    return sides[0][1], sides[1][1]


def _ranges(contracts: ContractTable, found: Sequence[tuple[Any, ...]]) -> Ranges:
    rows, segment, source_low, source_high, target_low, target_high = (
        np.concatenate(column) for column in zip(*found, strict=True)
    )
    return Ranges(
        contract=rows,
        segment=segment,
        source=[contracts.source_meters[number] for number in contracts.sources[rows].tolist()],
        source_low=source_low,
        source_high=source_high,
        target=[contracts.target_meters[number] for number in contracts.targets[rows].tolist()],
        target_low=target_low,
        target_high=target_high,
        lost=contracts.lost[rows],
    )
