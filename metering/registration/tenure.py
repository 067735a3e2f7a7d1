"""Which meter goes by an id, and when: an id may pass from one meter to the next. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from kernel.interval import Interval
from metering.registration.record import MeterIdentity, MeterRegistration


@dataclass(frozen=True, slots=True)
class Tenure:
    """A meter goes by an id from `start` to `end`; None: for good."""

    meter: MeterIdentity
    start: datetime
    end: datetime | None

    def holds(self, instant: datetime) -> bool:
        return self.start <= instant and (self.end is None or instant < self.end)

    def overlaps(self, other: Tenure) -> bool:
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)


def tenures_of(external_id: str, versions: Iterable[MeterRegistration]) -> list[Tenure]:
    """Return which meters go by `external_id` and when; `versions` must hold all of each meter's."""
    by_meter: defaultdict[MeterIdentity, list[MeterRegistration]] = defaultdict(list)
    for item in versions:
        by_meter[item.meter].append(item)
    return [
        Tenure(meter, item.valid_from, end)
        for meter, found in by_meter.items()
        for item, end in _with_ends(found)
        if external_id in item.terms.external_ids
    ]


def _with_ends(versions: Iterable[MeterRegistration]) -> list[tuple[MeterRegistration, datetime | None]]:
    in_order = sorted(versions, key=lambda item: (item.valid_from, item.version))
    latest = {item.valid_from: item for item in in_order}  # of several that begin at once, the last
    starts = list(latest)
    return list(zip(latest.values(), [*starts[1:], None], strict=True))


def holder_at(tenures: Iterable[Tenure], instant: datetime) -> MeterIdentity | None:
    """Return the meter that goes by the id at an instant; one of a known device goes before."""
    found = (tenure.meter for tenure in tenures if tenure.holds(instant))
    return max(found, key=lambda meter: meter.device_lfdi is not None, default=None)


def holders_within(
    tenures: Sequence[Tenure], window: Interval, *, otherwise: MeterIdentity | None
) -> list[tuple[MeterIdentity, Interval]]:
    """Return the meters that go by the id, each with its part of the window, in order of time.

    `otherwise` is the meter that is meant where none goes by the id.
    """
    instants = {edge for tenure in tenures for edge in (tenure.start, tenure.end) if edge is not None}
    edges = [window.start, *sorted(edge for edge in instants if window.start < edge < window.end), window.end]
    parts: list[tuple[MeterIdentity, Interval]] = []
    for start, end in pairwise(edges):
        meter = holder_at(tenures, start) or otherwise
        if meter is None:
            continue
        if parts and parts[-1][0] == meter and parts[-1][1].end == start:
            start = parts.pop()[1].start  # noqa: PLW2901  the part goes on
        parts.append((meter, Interval(start, end)))
    return parts


def conflicts(one: MeterIdentity, other: MeterIdentity) -> bool:
    """Say whether the two are different meters for certain."""
    devices = {one.device_lfdi, other.device_lfdi} - {None}
    return one.mrid != other.mrid or len(devices) > 1
