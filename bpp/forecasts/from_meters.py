"""What a source's meter lets expect: a share of the mean of what it exported at the same local hour. Pure.

An hour of a day that is over counts if readings cover all of it. Where they do so on fewer than half of the
days, too little is known, and nothing is forecast to be there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import days_between, find_zone
from kernel.local_periods import Cadence, local_periods
from metering.query import IntervalEnergy
from trading.availability.buckets import Bucket, touching
from trading.availability.source import MeterRule

_DAY: Final = timedelta(days=1)  # of the calendar
_INSTANT: Final = timedelta(microseconds=1)
_PER_CENT: Final = 100


def observed_span(rule: MeterRule, *, now: datetime) -> Interval:
    """Return the days before today whose readings the rule looks at, by its clock."""
    today = local_date(rule, now)
    days = days_between(today - rule.over_days * _DAY, today - _DAY, zone=rule.zone)
    return Interval(days[0].period.start, days[-1].period.end)


def forecast_hours(rule: MeterRule, production: Interval, *, now: datetime) -> list[Interval]:
    """Return the hours from the next one until the end of the days ahead that lie within the production."""
    today = local_date(rule, now)
    end = days_between(today, today + rule.ahead_days * _DAY, zone=rule.zone)[-1].period.end
    return [
        hour
        for hour in _hours(Interval(now, end), rule)
        if hour.start >= max(now, production.start) and hour.end <= production.end
    ]


def expect(
    rule: MeterRule, readings: Sequence[IntervalEnergy], hours: Iterable[Interval], *, now: datetime
) -> tuple[Bucket, ...]:
    """Return what is expected in each of some hours, by readings of the observed span; rounded down."""
    known = _observed(rule, readings, observed_span(rule, now=now))
    return tuple(Bucket(interval=hour, available=_expected(rule, known, hour)) for hour in hours)


def local_date(rule: MeterRule, instant: datetime) -> date:
    """Return the date of an instant by the rule's clock."""
    return instant.astimezone(find_zone(rule.zone)).date()


def _observed(
    rule: MeterRule, readings: Sequence[IntervalEnergy], span: Interval
) -> Mapping[int, Sequence[tuple[date, Fraction]]]:
    """Return of each hour of the clock what flowed a microsecond, day by day, where that is known."""
    zone, ordered = find_zone(rule.zone), sorted(readings, key=lambda each: each.period)
    periods = [each.period for each in ordered]
    found: dict[int, list[tuple[date, Fraction]]] = defaultdict(list)
    for hour in _hours(span, rule):
        first, last = touching(periods, hour)
        within = ordered[first:last]
        if hour.covered_by(each.period for each in within):
            local = hour.start.astimezone(zone)
            flowed = sum((_share_of(each, hour) for each in within), Fraction(0))
            found[local.hour].append((local.date(), flowed / _length(hour)))
    return found


def _expected(
    rule: MeterRule, known: Mapping[int, Sequence[tuple[date, Fraction]]], hour: Interval
) -> Energy:
    flows = known.get(hour.start.astimezone(find_zone(rule.zone)).hour, ())
    days = {day for day, _ in flows}
    if 2 * len(days) < rule.over_days:
        return ZERO_ENERGY
    mean = sum((flow for _, flow in flows), Fraction(0)) / len(flows)
    return Energy(int(mean * _length(hour) * Fraction(rule.share_percent) / _PER_CENT))


def _share_of(reading: IntervalEnergy, hour: Interval) -> Fraction:
    """Return what of a reading flowed in an hour, evenly."""
    shared = reading.period.intersection(hour)
    if shared is None:
        return Fraction(0)
    return Fraction(reading.energy.watt_hours * _length(shared), _length(reading.period))


def _hours(span: Interval, rule: MeterRule) -> list[Interval]:
    return [each.period for each in local_periods(span, zone=rule.zone, cadence=Cadence.HOURLY)]


def _length(interval: Interval) -> int:
    return interval.duration // _INSTANT
