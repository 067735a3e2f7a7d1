"""Money, periods and instants as every bag carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.interval import Interval
from kernel.money import Money, sum_money
from trading.refusals import FieldInvalid

_SECOND: Final = timedelta(seconds=1)


class DoesNotAddUp(ValueError):
    """A total and its parts say different things."""


def plain(number: Decimal) -> str:
    """Return a number as text, without an exponent."""
    return f"{number:f}"


def write_amount(key: str, money: Money) -> dict[str, Any]:
    """Return an amount under `key`, with its currency beside it."""
    return {key: money.amount, "currency": money.currency.code}


def read_amount(bag: Mapping[str, Any], key: str) -> Money:
    """Return the amount under `key`. Raises: LookupError, ValueError."""
    return Money.of(bag[key], Currency(bag["currency"]))


def require_sum(total: Money, parts: Iterable[Money], *, of: str) -> None:
    """Let parts pass that add up to their total, in its currency. Raises: DoesNotAddUp, CurrencyMismatch."""
    summed = sum_money(parts, currency=total.currency)
    if summed != total:
        raise DoesNotAddUp(f"{of} add up to {summed}, not to {total}")


def write_span(interval: Interval) -> dict[str, str]:
    """Return an interval by its start and its end."""
    return {"start": format_instant(interval.start), "end": format_instant(interval.end)}


def read_span(span: Mapping[str, Any]) -> Interval:
    """Return the interval of a start and an end. Raises: LookupError, ValueError."""
    return Interval(parse_instant(span["start"]), parse_instant(span["end"]))


def write_cycle_span(period: Interval) -> dict[str, str]:
    """Return the period of a cycle: the wire names its last second, the next starts a second later."""
    last = max(period.start, period.end - _SECOND)
    return {"startTime": format_instant(period.start), "endTime": format_instant(last)}


def read_cycle_span(cycle: Mapping[str, Any]) -> Interval:
    """Return the period of a cycle. Raises: LookupError, ValueError."""
    return Interval(parse_instant(cycle["startTime"]), parse_instant(cycle["endTime"]) + _SECOND)


def read_instant(bag: Mapping[str, Any], key: str, *, path: str) -> datetime | None:
    """Return the instant under `key`, None if there is none. Raises: FieldInvalid."""
    if bag.get(key) is None:
        return None
    try:
        return parse_instant(bag[key])
    except (TypeError, ValueError, OverflowError) as error:
        raise FieldInvalid(
            "that is no instant",
            path=path,
            hint="Write RFC 3339 with an offset, like 2026-01-09T10:00:00Z.",
        ) from error
