"""Buckets: intervals in which there is so much of a resource, and laying a quantity over them. Pure.

A bucket does not know when within it its energy flows: who wants a part of its time can have that part of
what is left. A bucket without an interval is there whenever the resource is produced, all of it at any time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.proportion import split_whole

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """So much is `available` in an interval; in one of None whenever the resource is produced."""

    interval: Interval | None
    available: Energy


class BucketsOverlap(ValueError):
    """Two intervals of one resource share time."""


def interval_of(starts: datetime | None, ends: datetime | None) -> Interval | None:
    """Return the interval of a bucket with these bounds."""
    return None if starts is None or ends is None else Interval(starts, ends)


def in_order(buckets: Iterable[Bucket]) -> tuple[Bucket, ...]:
    """Return buckets that have intervals by their time. Raises: BucketsOverlap."""
    timed = [(bucket.interval, bucket) for bucket in buckets if bucket.interval is not None]
    timed.sort(key=lambda each: each[0])
    for (before, _), (later, _) in pairwise(timed):
        if before.overlaps(later):
            raise BucketsOverlap(
                f"the intervals from {format_instant(before.start)} and from {format_instant(later.start)} "
                "share time"
            )
    return tuple(bucket for _, bucket in timed)


def touching(intervals: Sequence[Interval | None], span: Interval) -> tuple[int, int]:
    """Return from which to before which place intervals share time with a span; they stand in their order.

    One without bounds is touched by all.
    """
    first = bisect_right(intervals, span.start, key=lambda each: span.end if each is None else each.end)
    last = bisect_left(intervals, span.end, key=lambda each: span.start if each is None else each.start)
    return first, max(first, last)


def room(left: int, interval: Interval | None, window: Interval | None) -> int:
    """Return how many of the Wh that are `left` of a bucket can be had in a window; None is any time."""
    left = max(0, left)
    if interval is None or window is None:
        return left
    shared = interval.intersection(window)
    return 0 if shared is None else left * _length(shared) // _length(interval)


def lay(quantity: Energy, rooms: Sequence[int]) -> list[int] | None:
    """Return how many Wh of a quantity fall to each bucket, in proportion to its room.

    No bucket gets more than its room; None, if it does not fit.
    """
    if quantity.watt_hours > sum(rooms):
        return None
    return split_whole(quantity.watt_hours, rooms)


def lay_again(part: int, span: Interval, intervals: Sequence[Interval | None]) -> list[int] | None:
    """Return where the `part` goes that was taken within `span`, once there are other buckets.

    It goes to those that it shares time with, in proportion to that; None if there are none.
    """
    weights = [_length(span) if each is None else _shared(each, span) for each in intervals]
    return split_whole(part, weights) if sum(weights) else None


def span_of(interval: Interval | None, window: Interval) -> Interval:
    """Return when a part of a bucket flows that a contract with that window holds."""
    return window if interval is None else interval.intersection(window) or interval


def after(part: int, span: Interval, since: datetime) -> int:
    """Return how many Wh of a part that flows evenly in `span` come at or after `since`, rounded down."""
    start = max(span.start, since)
    return part * _length(Interval(start, span.end)) // _length(span) if start < span.end else 0


def _shared(one: Interval, other: Interval) -> int:
    shared = one.intersection(other)
    return 0 if shared is None else _length(shared)


def _length(interval: Interval) -> int:
    return interval.duration // _INSTANT
