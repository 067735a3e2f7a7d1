"""Energy laid evenly over a window, as a quote has to assume it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Final

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import LocalDay, local_days
from trading.allowance import Allowance
from trading.bands import Band
from trading.periods import calendar_period
from trading.rates import DayRates, since_midnight
from trading.terms import Terms

_PLAIN_DAY: Final = timedelta(hours=24)
_NO_TIME: Final = timedelta(0)
_TICK: Final = timedelta(microseconds=1)
_NOUGHT: Final = Fraction(0)

Lasting = dict[Band, timedelta]


def lay_flat(quantity: Energy, terms: Terms, *, window: Interval, zone: str) -> dict[Band, Energy]:
    """Return how much of `quantity` is in each band if it flows evenly through the window, in whole Wh.

    What is left after rounding down goes to the largest remainders, the earlier band first.
    Raises: ZoneUnknown.
    """
    exact: dict[Band, Fraction] = {}
    allowance = Allowance(None if terms.allowance is None else Fraction(terms.allowance.watt_hours))
    for band, time in _lasting(terms, window, zone):
        even = Fraction(quantity.watt_hours * (time // _TICK), window.duration // _TICK)
        for found, energy in allowance.split(band, even):
            exact[found] = exact.get(found, _NOUGHT) + energy
    laid = {band: floor(energy) for band, energy in exact.items()}
    remainders = {band: energy - laid[band] for band, energy in exact.items()}
    missing = quantity.watt_hours - sum(laid.values())
    for band in sorted(laid, key=lambda band: -remainders[band])[:missing]:
        laid[band] += 1
    return {band: Energy(watt_hours) for band, watt_hours in laid.items()}


def _lasting(terms: Terms, window: Interval, zone: str) -> Iterable[tuple[Band, timedelta]]:
    """Return how long bands last, in the order of time where that decides what lies within a fee."""
    if terms.rates is None:
        return _pieces(terms, window, zone)
    if terms.allowance is None:
        return _by_day(terms, terms.rates, window, zone).items()
    days = local_days(window, zone=zone)
    cuts = (bound for day in days for bound in _bounds_within(day, terms.rates))
    return _pieces(terms, window, zone, cuts)


def _by_day(terms: Terms, rates: DayRates, window: Interval, zone: str) -> Lasting:
    """Return how long each band lasts, where bands depend on the hour.

    A day of 24 hours is like all others of which the same promotions hold throughout: it is measured once.
    """
    lasting: Lasting = {}
    known: dict[tuple[int, ...], Lasting] = {}
    bounds = sorted(_promotion_bounds(terms))
    for day in local_days(window, zone=zone):
        part = Interval(max(day.period.start, window.start), min(day.period.end, window.end))
        is_like_others = part.duration == _PLAIN_DAY == day.period.duration and not any(
            bound in part for bound in bounds
        )
        holding = terms.percentages_at(part.start)
        measured = known.get(holding) if is_like_others else None
        if measured is None:
            measured = _measured(terms, part, zone, _bounds_within(day, rates))
        if is_like_others:
            known[holding] = measured
        _add(lasting, measured)
    return lasting


def _measured(terms: Terms, window: Interval, zone: str, cuts: Iterable[datetime] = ()) -> Lasting:
    """Return how long each band lasts."""
    lasting: Lasting = {}
    for band, time in _pieces(terms, window, zone, cuts):
        _add(lasting, {band: time})
    return lasting


def _pieces(
    terms: Terms, window: Interval, zone: str, cuts: Iterable[datetime] = ()
) -> Iterator[tuple[Band, timedelta]]:
    """Yield the bands in the order of time; they change at `cuts` and wherever the terms say so."""
    inside = {instant for instant in (*cuts, *_cuts(terms, window, zone)) if instant in window}
    for start, end in pairwise([*sorted({window.start, *inside}), window.end]):
        yield terms.band_of(start, zone), end - start


def _add(lasting: Lasting, more: Mapping[Band, timedelta]) -> None:
    for band, time in more.items():
        lasting[band] = lasting.get(band, _NO_TIME) + time


def _cuts(terms: Terms, window: Interval, zone: str) -> Iterator[datetime]:
    """Return the instants at which the band may change, beside hours; some may lie outside the window."""
    yield from _promotion_bounds(terms)
    if terms.by_interval is not None:
        yield from terms.by_interval.bounds
    if terms.subscription is not None:
        for day in local_days(window, zone=zone):
            if calendar_period(day.date, terms.subscription.every)[0] == day.date:
                yield day.period.start


def _promotion_bounds(terms: Terms) -> Iterator[datetime]:
    for discount in terms.percentages:
        if discount.validity is not None:
            yield from (discount.validity.start, discount.validity.end)


def _bounds_within(day: LocalDay, rates: DayRates) -> Iterator[datetime]:
    """Return when rates begin and end on a day; where clocks change, the begin of every interval."""
    if day.period.duration == _PLAIN_DAY:
        for rate in rates.rates:
            yield from (day.period.start + since_midnight(bound) for bound in (rate.start, rate.end))
        return
    for number in range(1, -(-day.period.duration // rates.grid)):
        yield day.period.start + number * rates.grid
