"""Whether a measurement is news: judged against what is known of the same register. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from metering.doubt import Doubt, Reason
from metering.energy import Direction, Key, Lane, Measurement
from metering.overlap import clashes, displaced
from metering.precedence import says_the_same, weigh
from metering.quality import is_estimate
from metering.register_rule import ANY_REGISTER, RegisterRule, Stand
from metering.verdict import ACCEPTED, DUPLICATE, Judgement, Known, Verdict, quarantined

__all__ = ["Judgement", "Known", "Rules", "Verdict", "judge", "rule_of", "touched_span"]

Rules = Mapping[Direction, RegisterRule]
"""How the registers of a meter count; a direction without a rule has that of any register."""


def judge(
    offered: Sequence[Measurement],
    known: Iterable[Known],
    *,
    corrections: bool = True,
    rules: Rules = MappingProxyType({}),
) -> list[Judgement]:
    """Return the verdict on each measurement that is offered for one register, in their order.

    What is known has precedence over what is offered, and the earlier over the later: the order in
    which one document lists its readings decides nothing.
    `known` must hold everything of the register that overlaps an offered measurement or an estimate that
    does, and the stands of its lanes next before and next after each offered one. Without `corrections`,
    as for a document that came before, nothing that is known is replaced.
    """
    known = list(known)
    latest = {item.measurement.key: item for item in known}
    first, contradicted = _first_of_each(offered)
    verdicts: dict[Key, Judgement] = {}
    intervals: list[Measurement] = []
    stands: list[Measurement] = []
    for key, measurement in first.items():
        if key in contradicted:
            verdict = quarantined(Reason.CONTRADICTION, "the document gives two values for one period")
        else:
            verdict = _against(latest.get(key), measurement, corrections=corrections)
        verdicts[key] = verdict
        if verdict.verdict in (Verdict.ACCEPTED, Verdict.REVISED):
            if measurement.is_snapshot:
                stands.append(measurement)
            elif verdict is ACCEPTED or is_estimate(latest[key].measurement.quality):
                intervals.append(measurement)  # what replaces an estimate is as new as what replaces nothing
    if intervals:
        verdicts |= _judge_intervals(intervals, known)
    if stands:
        verdicts |= _judge_stands(stands, latest, rules)
    return _in_order(offered, first, verdicts)


def _against(stored: Known | None, measurement: Measurement, *, corrections: bool) -> Judgement:
    """Return the verdict as far as it depends on what is known of the same period."""
    if stored is None:
        return ACCEPTED
    verdict = weigh(stored, measurement)
    if verdict.verdict is Verdict.REVISED and not corrections:
        return quarantined(Reason.CONTRADICTION, "another value has been taken since")
    return verdict


def _first_of_each(offered: Iterable[Measurement]) -> tuple[dict[Key, Measurement], set[Key]]:
    first: dict[Key, Measurement] = {}
    contradicted: set[Key] = set()
    for measurement in offered:
        if not says_the_same(first.setdefault(measurement.key, measurement), measurement):
            contradicted.add(measurement.key)
    return first, contradicted


def _in_order(
    offered: Iterable[Measurement], first: Mapping[Key, Measurement], verdicts: Mapping[Key, Judgement]
) -> list[Judgement]:
    ordered = []
    for measurement in offered:
        judgement = verdicts[measurement.key]
        is_repeat = first[measurement.key] is not measurement
        ordered.append(DUPLICATE if is_repeat and judgement.doubt is None else judgement)
    return ordered


def _judge_intervals(offered: Iterable[Measurement], known: Iterable[Known]) -> dict[Key, Judgement]:
    """Return the verdict on those that would count energy twice."""
    found = clashes(offered, [item.measurement for item in known])
    return {
        key: quarantined(
            Reason.OVERLAP,
            f"it overlaps the interval from {clash.start} to {clash.end} and would count energy twice",
        )
        for key, clash in found.items()
    }


def _judge_stands(
    offered: list[Measurement], latest: Mapping[Key, Known], rules: Rules
) -> dict[Key, Judgement]:
    lanes: defaultdict[Lane, list[Stand]] = defaultdict(list)
    for item in latest.values():
        if item.measurement.is_snapshot:
            insort(lanes[item.measurement.lane], _stand(item.measurement), key=_instant)
    verdicts: dict[Key, Judgement] = {}
    for measurement in sorted(offered, key=lambda item: item.end):
        lane, stand = lanes[measurement.lane], _stand(measurement)
        here = bisect_left(lane, stand.at, key=_instant)
        replaced = here < len(lane) and lane[here].at == stand.at
        doubt = _doubt_of_stand(stand, lane[:here], lane[here + replaced :], rule_of(measurement, rules))
        if doubt is not None:
            verdicts[measurement.key] = Judgement(Verdict.QUARANTINED, doubt=doubt)
            continue
        lane[here : here + replaced] = [stand]
    return verdicts


def _doubt_of_stand(
    stand: Stand, before: Sequence[Stand], after: Sequence[Stand], rule: RegisterRule
) -> Doubt | None:
    """Return why a register cannot stand so, seen between its neighbours in time, or None."""
    from_before = rule.links(before[-1] if before else None, stand)
    to_after = rule.links(stand, after[0] if after else None)
    doubts = (rule.rise(one, other) for one, other in (*from_before, *to_after))
    return next((found for found in doubts if isinstance(found, Doubt)), None)


def _stand(measurement: Measurement) -> Stand:
    return Stand(measurement.end, measurement.watt_hours, measurement.quality)


def _instant(stand: Stand) -> int:
    return stand.at


def rule_of(measurement: Measurement, rules: Rules) -> RegisterRule:
    """Return how the lane of `measurement` counts."""
    rule = rules.get(measurement.direction, ANY_REGISTER)
    return rule.of_parts() if measurement.tou_tier or measurement.consumption_block else rule


def touched_span(
    news: Sequence[Measurement], known: Iterable[Known], rules: Rules = MappingProxyType({})
) -> tuple[int, int] | None:
    """Return from when to when `news` of a register changes what is known of its energy, or None.

    An estimate that gives way is gone as a whole. A stand changes the differences to the stands next
    before and after it, or to what an exchange next to it tells; a first stand changes none.
    Units: seconds since 1970 UTC.
    """
    measured = [item.measurement for item in known]
    lanes: defaultdict[Lane, set[int]] = defaultdict(set)
    edges: list[int] = []
    stands: list[Measurement] = []
    for measurement in [*news, *displaced(measured, news)]:
        if measurement.is_snapshot:
            stands.append(measurement)
            lanes[measurement.lane].add(measurement.end)
        else:
            edges += measurement.start, measurement.end
    if stands:
        for measurement in measured:
            if measurement.is_snapshot:
                lanes[measurement.lane].add(measurement.end)
        instants = {lane: sorted(found) for lane, found in lanes.items()}
        for stand in stands:
            here = bisect_left(instants[stand.lane], stand.end)
            edges += instants[stand.lane][max(here - 1, 0) : here + 2]
            edges += rule_of(stand, rules).edges_near(stand.end)
    return (min(edges), max(edges)) if edges and min(edges) < max(edges) else None
