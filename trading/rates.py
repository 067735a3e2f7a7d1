"""What a kilowatt-hour costs: always the same, by the hour of the day, or interval by interval."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from kernel.clock import utc
from kernel.currency import Currency
from kernel.interval import Interval

_MOST: Final = 10**12  # major units; more than any currency asks for
_DECIMALS: Final = 6  # of a price and of a per cent; with the bound above, every product is exact
_MINUTES_OF_AN_HOUR: Final = 60
_MINUTES_OF_A_DAY: Final = 24 * _MINUTES_OF_AN_HOUR
METERING_GRID: Final = timedelta(minutes=15)
"""How long a meter's intervals last, unless an offer says otherwise; they begin on the full hour."""


class TermsInvalid(ValueError):
    """Terms that cannot be traded on."""


def check_number(value: Decimal, *, name: str, most: int = _MOST) -> None:
    """Let an exact number from 0 to `most` pass, of six decimals at most. Raises: TermsInvalid, TypeError."""
    if type(value) is not Decimal:
        raise TypeError(f"{name} is a Decimal, not {value!r}")
    if not value.is_finite() or not 0 <= value <= most:
        raise TermsInvalid(f"{name} is a number from 0 to {most}, not {value}")
    if round(value, _DECIMALS) != value:
        raise TermsInvalid(f"{name} has at most {_DECIMALS} decimals: {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price per kWh: an exact decimal, finer than the minor unit if need be, of six decimals at most."""

    per_kwh: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        check_number(self.per_kwh, name="a price per kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOfDayRate:
    """The price of a kWh within some hours of every local day, `[start, end)`.

    An end that is not after the start is meant on the following day: 22:00 to 06:00 is the night, 00:00
    to 00:00 the whole day.
    """

    start: time
    end: time
    rate: Decimal

    def __post_init__(self) -> None:
        check_number(self.rate, name="a time-of-day rate")
        for moment in (self.start, self.end):
            if moment.tzinfo is not None:
                raise TermsInvalid(f"a time of day is local and has no offset: {moment.isoformat()}")

    @property
    def label(self) -> str:
        """The hours as a bill names them: `09:00-17:00`."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def holds_at(self, moment: time) -> bool:
        """Say whether `moment` of the local clock lies within these hours."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRates:
    """Time-of-day rates that do not overlap, whose bounds fall on the meters' grid.

    An interval is priced by the hour at which it begins, so hours that began within one would be
    priced as the hours before them: such bounds are refused.
    Raises: TermsInvalid.
    """

    rates: tuple[TimeOfDayRate, ...]
    grid: timedelta = METERING_GRID

    def __post_init__(self) -> None:
        if not self.rates:
            raise TermsInvalid("TIME_OF_DAY needs a rate for some hours at least")
        _require_grid(self.grid)
        for rate in self.rates:
            for bound in (rate.start, rate.end):
                if since_midnight(bound) % self.grid:
                    raise TermsInvalid(
                        f"{bound.isoformat()} lies within a metering interval: intervals last "
                        f"{_minutes(self.grid)} minutes, and hours of a rate begin and end with one"
                    )
        taken: dict[int, TimeOfDayRate] = {}
        for rate in self.rates:
            for minute in _minutes_of(rate):
                if (other := taken.setdefault(minute, rate)) is not rate:
                    raise TermsInvalid(f"the hours {other.label} and {rate.label} overlap")

    def find(self, moment: time) -> TimeOfDayRate | None:
        """Return the rate at `moment` of the local clock, None where no rate holds."""
        return next((rate for rate in self.rates if rate.holds_at(moment)), None)

    def first_gap(self) -> time | None:
        """Return the first moment of the day that no rate holds at, None if there is none."""
        begins = sorted({time(), *(rate.end for rate in self.rates)})
        return next((moment for moment in begins if self.find(moment) is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalPrices:
    """The price of a kWh in each of many intervals of the same length, one after the other."""

    start: datetime
    step: timedelta
    prices: tuple[Decimal, ...]
    _bounds: Sequence[datetime] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        if self.step <= timedelta(0):
            raise TermsInvalid(f"an interval of prices lasts longer than nothing, not {self.step}")
        if not self.prices:
            raise TermsInvalid("prices by interval need one price at least")
        for price in self.prices:
            check_number(price, name="the price of an interval")
        try:
            bounds = [self.start + number * self.step for number in range(len(self.prices) + 1)]
        except OverflowError as error:
            raise TermsInvalid(f"no calendar has {len(self.prices)} intervals of {self.step}") from error
        object.__setattr__(self, "_bounds", tuple(bounds))

    @property
    def window(self) -> Interval:
        """The time that has a price."""
        return Interval(self.start, self._bounds[-1])

    @property
    def bounds(self) -> Sequence[datetime]:
        """The instants at which a price begins, and the end of the last."""
        return self._bounds

    def find(self, instant: datetime) -> Decimal | None:
        """Return the price at `instant`, None outside the intervals."""
        if instant not in self.window:
            return None
        return self.prices[bisect_right(self._bounds, instant) - 1]


def since_midnight(moment: time) -> timedelta:
    """Return how far into a day of 24 hours a moment of the clock is."""
    return timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )


def _require_grid(grid: timedelta) -> None:
    if grid <= timedelta(0) or timedelta(hours=1) % grid or grid % timedelta(minutes=1):
        raise TermsInvalid(f"metering intervals divide an hour into whole minutes, not {grid}")


def _minutes(grid: timedelta) -> int:
    return grid // timedelta(minutes=1)


def _minutes_of(rate: TimeOfDayRate) -> range | list[int]:
    start, end = (bound.hour * _MINUTES_OF_AN_HOUR + bound.minute for bound in (rate.start, rate.end))
    if start < end:
        return range(start, end)
    return [*range(start, _MINUTES_OF_A_DAY), *range(end)]
