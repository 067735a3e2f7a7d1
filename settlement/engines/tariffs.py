"""What a contract of a file asks for its energy: a rate, or rates by the time of day, and what is added.

Rates are whole millionths of the currency's major unit per kWh, so that every product is exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Final, TypeAlias

from kernel.currency import Currency, UnknownCurrency
from kernel.money import Money, NotMinorUnits

PRICES: Final = (
    "currency",
    "rate",
    "bands",
    "wheeling_per_kwh",
    "wheeling_fixed",
    "tax_percent",
    "discount_percent",
    "loss_percent",
    "penalty_buyer_per_kwh",
    "penalty_seller_per_kwh",
    "penalty_tolerance_percent",
)
"""The columns of a contract that say what it costs, and what is lost on the way."""

MICRO: Final = 10**6
_MOST: Final = 10**12  # major units; more than any currency asks for
_TOLERANCE: Final = "10"
_MIDNIGHT: Final = time(0)

Range: TypeAlias = tuple[time, time]
"""Wall-clock time, half-open; an end at or before the start is that of the next day."""


class TariffInvalid(ValueError):
    """Prices that cannot be billed; `column` is where they stand."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices of a contract. Units: millionths of a major unit per kWh, millionths of a per cent.

    `rates` has one rate for each of `ranges`, and one more for all other times, unless there are none.
    """

    currency: Currency
    rates: tuple[int, ...]
    ranges: tuple[Range, ...] = ()
    wheeling_rate: int = 0
    wheeling_fixed: int = 0
    """Minor units, due for a day on which anything was delivered."""
    tax: int = 0
    discount: int = 0
    loss: int = 0
    penalty_buyer: int = 0
    penalty_seller: int = 0
    tolerance: int = int(_TOLERANCE) * MICRO
    """How much of what was to arrive a side may be short of for nothing."""

    def band_at(self, clock: time) -> int:
        """Return which of `rates` holds at a wall-clock time."""
        return band_at(self.ranges, clock)

    def band_names(self) -> tuple[str, ...]:
        """Return what the rates are called: `06:00-22:00`, `OTHER`, and nothing where there is but one."""
        if not self.ranges:
            return ("",)
        named = [f"{start:%H:%M}-{end:%H:%M}" for start, end in self.ranges]
        return (*named, "OTHER") if len(self.rates) > len(named) else tuple(named)


def band_at(ranges: Sequence[Range], clock: time) -> int:
    """Return the number of the range that holds at a wall-clock time, or the number after the last."""
    for number, (start, end) in enumerate(ranges):
        inside = start <= clock < end if start < end else clock >= start or clock < end
        if inside:
            return number
    return len(ranges)


def read_tariff(fields: Mapping[str, str]) -> Tariff:
    """Return the tariff of a contract's columns, each as text and empty where nothing is said.

    The columns are `PRICES`; bands are a JSON array of objects with `from`, `to` and `rate`.
    Raises: TariffInvalid.
    """
    try:
        currency = Currency(fields["currency"])
    except UnknownCurrency as error:
        raise TariffInvalid("currency", str(error)) from error
    ranges, rates = _bands(fields["bands"])
    if fields["rate"]:
        rates = (*rates, _micro(fields["rate"], "rate"))
    elif not ranges:
        raise TariffInvalid("rate", "there is neither a rate nor bands")
    _check_ranges(ranges, has_rest=len(rates) > len(ranges))
    return Tariff(
        currency=currency,
        rates=rates,
        ranges=ranges,
        wheeling_rate=_micro(fields["wheeling_per_kwh"], "wheeling_per_kwh"),
        wheeling_fixed=_minor(fields["wheeling_fixed"], currency),
        tax=_micro(fields["tax_percent"], "tax_percent"),
        discount=_micro(fields["discount_percent"], "discount_percent", most=100),
        loss=_loss(fields["loss_percent"]),
        penalty_buyer=_micro(fields["penalty_buyer_per_kwh"], "penalty_buyer_per_kwh"),
        penalty_seller=_micro(fields["penalty_seller_per_kwh"], "penalty_seller_per_kwh"),
        tolerance=_micro(
            fields["penalty_tolerance_percent"] or _TOLERANCE, "penalty_tolerance_percent", most=100
        ),
    )


def _micro(text: str, column: str, *, most: int = _MOST) -> int:
    try:
        number = Decimal(text or 0)
        micro = number.scaleb(6)
        whole = int(micro)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise TariffInvalid(column, f"{text!r} is no number") from error
    if not 0 <= number <= most or whole != micro:
        raise TariffInvalid(column, f"{text} is no number from 0 to {most} with six decimals at most")
    return whole


def _loss(text: str) -> int:
    loss = _micro(text, "loss_percent", most=100)
    if loss == 100 * MICRO:
        raise TariffInvalid("loss_percent", "where all of it is lost, nothing can be delivered")
    return loss


def _minor(text: str, currency: Currency) -> int:
    try:
        minor = Money.of(text or 0, currency).minor
    except NotMinorUnits as error:
        raise TariffInvalid("wheeling_fixed", str(error)) from error
    if not 0 <= minor <= _MOST * MICRO:
        raise TariffInvalid("wheeling_fixed", f"{text} is negative or beyond any charge")
    return minor


def _bands(text: str) -> tuple[tuple[Range, ...], tuple[int, ...]]:
    if not text:
        return (), ()
    try:
        bands = json.loads(text, parse_float=Decimal)
        pairs = [(_range(band), _micro(str(band["rate"]), "bands")) for band in bands]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, TariffInvalid):
            raise
        raise TariffInvalid("bands", f"no list of objects with from, to and rate: {text[:80]}") from error
    return tuple(each for each, _ in pairs), tuple(rate for _, rate in pairs)


def _range(band: Mapping[str, Any]) -> Range:
    start, end = time.fromisoformat(band["from"]), time.fromisoformat(band["to"])
    if start.tzinfo or end.tzinfo or start.microsecond or end.microsecond:
        raise TariffInvalid("bands", f"{band['from']} to {band['to']} are no times of a clock on the wall")
    return start, end


def _check_ranges(ranges: Sequence[Range], *, has_rest: bool) -> None:
    """Refuse a time of day with two rates or none."""
    pieces = sorted(piece for each in ranges for piece in _unwrapped(each))
    for (_, one_end), (other_start, _) in pairwise(pieces):
        if other_start < one_end:
            raise TariffInvalid("bands", f"two rates hold at {other_start:%H:%M}")
    covered = sum(end - start for start, end in ((_seconds(a), _end_seconds(b)) for a, b in pieces))
    if ranges and not has_rest and covered < _end_seconds(time.max):
        raise TariffInvalid("bands", "no rate holds at some times of the day: say a rate for those")


def _unwrapped(each: Range) -> Iterator[Range]:
    start, end = each
    if start < end:
        yield each
        return
    yield start, time.max
    if end != _MIDNIGHT:
        yield _MIDNIGHT, end


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _end_seconds(clock: time) -> int:
    return 86_400 if clock == time.max else _seconds(clock)
