"""Which intervals of a register would count energy twice. Pure.

An estimate of a time of which its lane has something measured is displaced: it counts no more, and keeps
nobody out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from metering.energy import Key, Lane, Measurement
from metering.quality import is_estimate


def clashes(offered: Iterable[Measurement], known: Iterable[Measurement]) -> dict[Key, Measurement]:
    """Return, by its key, what keeps an offered interval out; one that nothing keeps out has no entry.

    What is offered takes the place of what is known of the same key. `known` must hold what overlaps an
    offered interval, and what overlaps the estimates among that.
    """
    waiting = sorted((item for item in known if not item.is_snapshot), key=lambda item: item.start)
    keys = {item.key for item in waiting}
    actuals = _Actuals(waiting)
    found: dict[Key, Measurement] = {}
    near: list[Measurement] = []
    arrived = 0
    for measurement in sorted(offered, key=lambda item: item.key[3:] + item.key[:3]):
        while arrived < len(waiting) and waiting[arrived].start < measurement.end:
            near.append(waiting[arrived])
            arrived += 1
        near = [item for item in near if item.end > measurement.start]
        clash = next((item for item in near if _bars(item, measurement, actuals)), None)
        if clash is not None:
            found[measurement.key] = clash
            continue
        if measurement.key in keys:
            near = [item for item in near if item.key != measurement.key]
        near.append(measurement)
        actuals.add(measurement)
    return found


def displaced(known: Iterable[Measurement], news: Sequence[Measurement]) -> list[Measurement]:
    """Return the known estimates that do not count beside `news`."""
    actuals = _Actuals(item for item in news if not item.is_snapshot)
    return [item for item in known if not item.is_snapshot and actuals.displace(item)]


class _Actuals:
    """When something was measured, lane by lane."""

    def __init__(self, intervals: Iterable[Measurement]) -> None:
        self._starts: defaultdict[Lane, list[int]] = defaultdict(list)
        self._ends: defaultdict[Lane, list[int]] = defaultdict(list)
        for item in intervals:
            self.add(item)

    def add(self, item: Measurement) -> None:
        if not is_estimate(item.quality):
            insort(self._starts[item.lane], item.start)
            insort(self._ends[item.lane], item.end)

    def displace(self, item: Measurement) -> bool:
        """Say whether `item` is an estimate of a time of which something was measured."""
        begun = bisect_left(self._starts[item.lane], item.end)
        over = bisect_right(self._ends[item.lane], item.start)
        return is_estimate(item.quality) and begun > over


def _bars(known: Measurement, offered: Measurement, actuals: _Actuals) -> bool:
    """Say whether what is known keeps `offered` out: an estimate of the same lane gives way to an actual."""
    gives_way = is_estimate(known.quality) and not is_estimate(offered.quality) and known.lane == offered.lane
    return (
        known.key != offered.key
        and not gives_way
        and _counts_twice(known, offered)
        and not actuals.displace(known)
    )


def _counts_twice(one: Measurement, other: Measurement) -> bool:
    """Say whether both may hold the same energy: at one time, one way, not in two tiers or two blocks."""
    apart = (
        one.direction != other.direction
        or one.end <= other.start
        or other.end <= one.start
        or 0 != one.tou_tier != other.tou_tier != 0
        or 0 != one.consumption_block != other.consumption_block != 0
    )
    return not apart
