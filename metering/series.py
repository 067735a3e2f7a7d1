"""From stored measurements to the energy of a window: differences, preference, proration. Pure.

No energy counts twice: interval energy is preferred to differences of a register's stands, a total to
its parts, an earlier register to a later one; an interval counts only where no preferred one overlaps
it. That is decided interval by interval, so windows side by side add up to the window over both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from metering.energy import Measurement
from metering.judgement import Known
from metering.quality import DERIVED, ESTIMATED_BY_INTERPOLATION, combined

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = 1_000_000

Rank = tuple[bool, int, bool, bool]
"""From differences?, register, by tier?, by block?: the lower, the more it is preferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalEnergy:
    """The energy of a period; `quality` in the bits of 2030.5, `revision` counts corrections."""

    period: Interval
    energy: Energy
    quality: int
    revision: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Energy that flowed from `start` to `end`. Units: seconds since 1970 UTC, Wh."""

    start: int
    end: int
    watt_hours: int
    quality: int
    revision: int


Flows = Mapping[Rank, list[Flow]]


def flows_of(register_id: int, known: Iterable[Known]) -> dict[Rank, list[Flow]]:
    """Return what flowed through one channel of a register, by how much it is preferred."""
    flows: defaultdict[Rank, list[Flow]] = defaultdict(list)
    stands: list[Known] = []
    for item in known:
        measurement = item.measurement
        if measurement.is_snapshot:
            stands.append(item)
            continue
        flow = Flow(
            measurement.start, measurement.end, measurement.watt_hours, measurement.quality, item.revision
        )
        flows[_rank(register_id, measurement)].append(flow)
    stands.sort(key=lambda item: item.measurement.end)
    for one, other in pairwise(stands):
        flows[_rank(register_id, other.measurement)].append(_difference(one, other))
    return flows


def _rank(register_id: int, measurement: Measurement) -> Rank:
    return (
        measurement.is_snapshot,
        register_id,
        measurement.tou_tier != 0,
        measurement.consumption_block != 0,
    )


def _difference(one: Known, other: Known) -> Flow:
    return Flow(
        one.measurement.end,
        other.measurement.end,
        other.measurement.watt_hours - one.measurement.watt_hours,
        combined(one.measurement.quality, other.measurement.quality),
        max(one.revision, other.revision),
    )


def energies_within(window: Interval, flows: Flows) -> list[IntervalEnergy]:
    """Return the energy of `window`, interval by interval; one that straddles its edge is prorated.

    `flows` must hold everything that overlaps the window, and all that overlaps that.
    """
    start, end = _microseconds(window.start), _microseconds(window.end)
    merged: dict[tuple[int, int], IntervalEnergy] = {}
    taken: list[tuple[int, int]] = []
    for rank in sorted(flows):
        inside = [
            flow for flow in flows[rank] if _PER_SECOND * flow.start < end and start < _PER_SECOND * flow.end
        ]
        for flow in inside:
            if _is_free(flow, taken):
                _add(merged, _within(start, end, flow, is_difference=rank[0]))
        taken = _union([*taken, *((flow.start, flow.end) for flow in flows[rank])])
    return [merged[key] for key in sorted(merged)]


def _is_free(flow: Flow, taken: list[tuple[int, int]]) -> bool:
    """Say whether none of the sorted, disjoint periods `taken` overlaps `flow`."""
    after = bisect_right(taken, (flow.start, flow.end))
    before_ends = after and taken[after - 1][1] > flow.start
    next_starts = after < len(taken) and taken[after][0] < flow.end
    return not before_ends and not next_starts


def _union(periods: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(periods):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _within(start: int, end: int, flow: Flow, *, is_difference: bool) -> tuple[int, int, Flow]:
    """Return the part of `flow` from `start` to `end` (µs); parts side by side add up to the whole."""
    flow_start, flow_end = _PER_SECOND * flow.start, _PER_SECOND * flow.end
    first, last = max(start, flow_start), min(end, flow_end)
    if (first, last) == (flow_start, flow_end):
        return first, last, flow
    length = flow_end - flow_start
    upto_last, upto_first = (flow.watt_hours * (edge - flow_start) // length for edge in (last, first))
    marks = DERIVED | (ESTIMATED_BY_INTERPOLATION if is_difference else 0)
    part = Flow(flow.start, flow.end, upto_last - upto_first, flow.quality | marks, flow.revision)
    return first, last, part


def _add(merged: dict[tuple[int, int], IntervalEnergy], part: tuple[int, int, Flow]) -> None:
    first, last, flow = part
    before = merged.get((first, last))
    merged[first, last] = IntervalEnergy(
        period=Interval(_EPOCH + first * _MICROSECOND, _EPOCH + last * _MICROSECOND),
        energy=Energy(flow.watt_hours) + (before.energy if before else ZERO_ENERGY),
        quality=combined(before.quality, flow.quality) if before else flow.quality,
        revision=max(flow.revision, before.revision if before else 0),
    )


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def reach_of(flows: Flows, *, start: int, end: int) -> tuple[int, int]:
    """Return from when to when the flows last that overlap `start` to `end`, no less than that."""
    near = [flow for of_rank in flows.values() for flow in of_rank if flow.start < end and start < flow.end]
    return min([start, *(flow.start for flow in near)]), max([end, *(flow.end for flow in near)])
