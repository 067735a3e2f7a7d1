"""Whether a measurement is news: judged against what is known of the same register. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from metering.doubt import Doubt, Reason
from metering.energy import Key, Lane, Measurement


class Verdict(StrEnum):
    """What becomes of an offered reading."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REVISED = "REVISED"
    QUARANTINED = "QUARANTINED"


@dataclass(frozen=True, slots=True)
class Known:
    """A stored measurement; `revision` counts its corrections so far."""

    measurement: Measurement
    revision: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one offered measurement, with its new revision or the doubt about it."""

    verdict: Verdict
    revision: int = 0
    doubt: Doubt | None = None


_ACCEPTED = Judgement(Verdict.ACCEPTED)
_DUPLICATE = Judgement(Verdict.DUPLICATE)


def judge(
    offered: Sequence[Measurement], known: Iterable[Known], *, corrections: bool = True
) -> list[Judgement]:
    """Return the verdict on each measurement that is offered for one register, in their order.

    What is known has precedence over what is offered, and the earlier over the later: the order in
    which one document lists its readings decides nothing.
    `known` must hold everything of the register that overlaps an offered measurement, and the stands
    of its lanes next before and next after each offered one. Without `corrections`, as for a document
    that came before, nothing that is known is replaced.
    """
    known = list(known)
    latest = {item.measurement.key: item for item in known}
    first, contradicted = _first_of_each(offered)
    verdicts: dict[Key, Judgement] = {}
    intervals: list[Measurement] = []
    stands: list[Measurement] = []
    for key, measurement in first.items():
        stored = latest.get(key)
        if key in contradicted:
            verdicts[key] = _quarantined(Reason.CONTRADICTION, "the document gives two values for one period")
        elif stored is not None and _says_the_same(stored.measurement, measurement):
            verdicts[key] = _DUPLICATE
        elif stored is not None and not corrections:
            verdicts[key] = _quarantined(Reason.CONTRADICTION, "another value has been taken since")
        elif measurement.is_snapshot:
            stands.append(measurement)
        elif stored is not None:
            verdicts[key] = Judgement(Verdict.REVISED, stored.revision + 1)
        else:
            intervals.append(measurement)
    if intervals:
        verdicts |= _judge_intervals(intervals, [item.measurement for item in known])
    if stands:
        verdicts |= _judge_stands(stands, latest)
    return _in_order(offered, first, verdicts)


def _quarantined(reason: Reason, sentence: str) -> Judgement:
    return Judgement(Verdict.QUARANTINED, doubt=Doubt(reason, sentence))


def _says_the_same(one: Measurement, other: Measurement) -> bool:
    return one.watt_hours == other.watt_hours and one.quality == other.quality


def _first_of_each(offered: Iterable[Measurement]) -> tuple[dict[Key, Measurement], set[Key]]:
    first: dict[Key, Measurement] = {}
    contradicted: set[Key] = set()
    for measurement in offered:
        if not _says_the_same(first.setdefault(measurement.key, measurement), measurement):
            contradicted.add(measurement.key)
    return first, contradicted


def _in_order(
    offered: Iterable[Measurement], first: Mapping[Key, Measurement], verdicts: Mapping[Key, Judgement]
) -> list[Judgement]:
    ordered = []
    for measurement in offered:
        judgement = verdicts[measurement.key]
        is_repeat = first[measurement.key] is not measurement
        ordered.append(_DUPLICATE if is_repeat and judgement.doubt is None else judgement)
    return ordered


def _judge_intervals(offered: list[Measurement], known: list[Measurement]) -> dict[Key, Judgement]:
    waiting = sorted((item for item in known if not item.is_snapshot), key=lambda item: item.start)
    verdicts: dict[Key, Judgement] = {}
    near: list[Measurement] = []
    arrived = 0
    for measurement in sorted(offered, key=lambda item: item.key[3:] + item.key[:3]):
        while arrived < len(waiting) and waiting[arrived].start < measurement.end:
            near.append(waiting[arrived])
            arrived += 1
        near = [item for item in near if item.end > measurement.start]
        clash = next((item for item in near if _counts_twice(item, measurement)), None)
        if clash is None:
            near.append(measurement)
            verdicts[measurement.key] = _ACCEPTED
        else:
            verdicts[measurement.key] = _quarantined(
                Reason.OVERLAP,
                f"it overlaps the interval from {clash.start} to {clash.end} and would count energy twice",
            )
    return verdicts


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


def _judge_stands(offered: list[Measurement], latest: Mapping[Key, Known]) -> dict[Key, Judgement]:
    lanes: defaultdict[Lane, list[tuple[int, int]]] = defaultdict(list)
    for item in latest.values():
        if item.measurement.is_snapshot:
            insort(lanes[item.measurement.lane], (item.measurement.end, item.measurement.watt_hours))
    verdicts: dict[Key, Judgement] = {}
    for stand in sorted(offered, key=lambda item: item.end):
        lane = lanes[stand.lane]
        doubt = _doubt_of_stand(stand, lane)
        if doubt is not None:
            verdicts[stand.key] = Judgement(Verdict.QUARANTINED, doubt=doubt)
            continue
        stored = latest.get(stand.key)
        if stored is None:
            verdicts[stand.key] = _ACCEPTED
        else:
            verdicts[stand.key] = Judgement(Verdict.REVISED, stored.revision + 1)
            del lane[bisect_left(lane, (stand.end, -1))]
        insort(lane, (stand.end, stand.watt_hours))
    return verdicts


def _doubt_of_stand(stand: Measurement, lane: Sequence[tuple[int, int]]) -> Doubt | None:
    """Return why a register cannot stand so, seen between its neighbours in time, or None."""
    here = bisect_left(lane, (stand.end, -1))
    after = here + 1 if here < len(lane) and lane[here][0] == stand.end else here
    if here and lane[here - 1][1] > stand.watt_hours:
        return Doubt(
            Reason.REGISTER_FELL, f"the register fell from {lane[here - 1][1]} to {stand.watt_hours} Wh"
        )
    if after < len(lane) and lane[after][1] < stand.watt_hours:
        return Doubt(
            Reason.REGISTER_FELL,
            f"the register would fall from {stand.watt_hours} to {lane[after][1]} Wh, known for later",
        )
    return None


def touched_span(news: Iterable[Measurement], known: Iterable[Known]) -> tuple[int, int] | None:
    """Return from when to when `news` of a register changes what is known of its energy, or None.

    A stand changes the differences to the stands next before and after it; a first stand changes none.
    Units: seconds since 1970 UTC.
    """
    lanes: defaultdict[Lane, set[int]] = defaultdict(set)
    edges: list[int] = []
    stands: list[Measurement] = []
    for measurement in news:
        if measurement.is_snapshot:
            stands.append(measurement)
            lanes[measurement.lane].add(measurement.end)
        else:
            edges += measurement.start, measurement.end
    if stands:
        for item in known:
            if item.measurement.is_snapshot:
                lanes[item.measurement.lane].add(item.measurement.end)
        instants = {lane: sorted(found) for lane, found in lanes.items()}
        for stand in stands:
            here = bisect_left(instants[stand.lane], stand.end)
            edges += instants[stand.lane][max(here - 1, 0) : here + 2]
    return (min(edges), max(edges)) if edges and min(edges) < max(edges) else None
