"""From stored measurements to the energy of a window: differences, preference, proration. Pure.

No energy counts twice: interval energy is preferred to differences of a register's stands, a total to
its parts, an earlier register to a later one; an interval counts only where no preferred one overlaps
it. That is decided interval by interval, so windows side by side add up to the window over both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from kernel.energy import Energy
from kernel.interval import Interval
from metering.doubt import Doubt
from metering.energy import Measurement
from metering.judgement import Known, Rules, rule_of
from metering.quality import DERIVED, ESTIMATED_BY_INTERPOLATION, QUESTIONABLE, combined, is_estimate
from metering.register_rule import RegisterRule, Stand

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = 1_000_000

Rank = tuple[bool, int, bool, bool]
"""From differences?, register, by tier?, by block?: the lower, the more it is preferred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalEnergy:
    """The energy of a period; `quality` in the bits of 2030.5, `revision` counts corrections.

    `received_at` is when the last came of the readings that it is made of.
    """

    period: Interval
    energy: Energy
    quality: int
    revision: int
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """Energy that flowed from `start` to `end`. Units: seconds since 1970 UTC, Wh."""

    start: int
    end: int
    watt_hours: int
    quality: int
    revision: int
    received_at: datetime | None = None


Flows = Mapping[Rank, list[Flow]]


def flows_of(
    register_id: int, known: Iterable[Known], *, rules: Rules = MappingProxyType({})
) -> dict[Rank, list[Flow]]:
    """Return what flowed through one channel of a register, by how much it is preferred.

    An estimated interval counts only where no measured one overlaps it. Between two stands whose
    difference is in doubt nothing is known.
    """
    flows: defaultdict[Rank, list[Flow]] = defaultdict(list)
    stands: list[Known] = []
    estimates: list[Known] = []
    for item in known:
        measurement = item.measurement
        if measurement.is_snapshot:
            stands.append(item)
        elif is_estimate(measurement.quality):
            estimates.append(item)
        else:
            flows[_rank(register_id, measurement)].append(_flow(item))
    if estimates:
        measured = _union([(flow.start, flow.end) for found in flows.values() for flow in found])
        for item in estimates:
            if _is_free(flow := _flow(item), measured):
                flows[_rank(register_id, item.measurement)].append(flow)
    if stands:
        sample = stands[0].measurement
        differences = _differences(stands, rule_of(sample, rules))
        if differences:
            flows[_rank(register_id, sample)] += differences
    return flows


def _flow(item: Known) -> Flow:
    known = item.measurement
    return Flow(known.start, known.end, known.watt_hours, known.quality, item.revision, item.received_at)


def _differences(known: Iterable[Known], rule: RegisterRule) -> list[Flow]:
    stands: list[Stand | None] = [
        Stand(item.measurement.end, item.measurement.watt_hours, item.measurement.quality, item.revision,
              item.received_at)
        for item in sorted(known, key=lambda item: item.measurement.end)
    ]  # fmt: skip
    found = []
    for one, other in pairwise([None, *stands, None]):
        for link in rule.links(one, other):
            rise = rule.rise(*link)
            if not isinstance(rise, Doubt):
                marks = 0 if rise.is_sure else QUESTIONABLE
                found.append(_difference(*link, watt_hours=rise.watt_hours, marks=marks))
    return found


def _rank(register_id: int, measurement: Measurement) -> Rank:
    return (
        measurement.is_snapshot,
        register_id,
        measurement.tou_tier != 0,
        measurement.consumption_block != 0,
    )


def _difference(one: Stand, other: Stand, *, watt_hours: int, marks: int) -> Flow:
    return Flow(
        one.at,
        other.at,
        watt_hours,
        combined(one.quality, other.quality) | marks,
        max(one.revision, other.revision),
        _later(one.received_at, other.received_at),
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((instant for instant in (one, other) if instant is not None), default=None)


def energies_within(
    window: Interval, flows: Flows, *, starting_in: Interval | None = None
) -> list[IntervalEnergy]:
    """Return the energy of `window`, interval by interval; one that straddles its edge is prorated.

    `flows` must hold everything that overlaps the window, and all that overlaps that. `starting_in`, a
    part of the window, leaves out what starts before or after it, and asks for no other flows than that
    part alone would: parts side by side give what the window gives, and cut nothing.
    """
    start, end = _microseconds(window.start), _microseconds(window.end)
    part = starting_in or window
    part_start, part_end = _microseconds(part.start), _microseconds(part.end)
    merged: dict[tuple[int, int], IntervalEnergy] = {}
    taken: list[tuple[int, int]] = []
    for rank in sorted(flows):
        inside = [
            flow
            for flow in flows[rank]
            if start < _PER_SECOND * flow.end
            and part_start <= max(start, _PER_SECOND * flow.start) < part_end
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
    part = replace(flow, watt_hours=upto_last - upto_first, quality=flow.quality | marks)
    return first, last, part


def _add(merged: dict[tuple[int, int], IntervalEnergy], part: tuple[int, int, Flow]) -> None:
    first, last, flow = part
    before = merged.get((first, last))
    if before is None:
        merged[first, last] = IntervalEnergy(
            period=Interval(_EPOCH + first * _MICROSECOND, _EPOCH + last * _MICROSECOND),
            energy=Energy(flow.watt_hours),
            quality=flow.quality,
            revision=flow.revision,
            received_at=flow.received_at,
        )
        return
    merged[first, last] = IntervalEnergy(
        period=before.period,
        energy=Energy(flow.watt_hours) + before.energy,
        quality=combined(before.quality, flow.quality),
        revision=max(flow.revision, before.revision),
        received_at=_later(flow.received_at, before.received_at),
    )


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def reach_of(flows: Flows, *, start: int, end: int) -> tuple[int, int]:
    """Return from when to when the flows last that overlap `start` to `end`, no less than that."""
    near = [flow for of_rank in flows.values() for flow in of_rank if flow.start < end and start < flow.end]
    return min([start, *(flow.start for flow in near)]), max([end, *(flow.end for flow in near)])
