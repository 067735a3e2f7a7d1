"""BecknTimeSeries: what is asked for, at what price, and what came of it, interval by interval.

A contract of ours is one interval long; the prices of an offer may be many.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.durations import format_duration, parse_duration
from schemas import iris
from trading.mapping.bags.amounts import read_instant
from trading.mapping.bags.quantity import read_energy
from trading.mapping.find import Json, find, find_object, find_objects, find_text
from trading.rates import IntervalPrices, Price
from trading.refusals import FieldInvalid

_EVENT: Final = "EVENT_PAYLOAD_DESCRIPTOR"
_REPORT: Final = "REPORT_PAYLOAD_DESCRIPTOR"
_PRICE: Final = "PRICE_PER_KWH"
_AVAILABLE: Final = "AVAILABLE_QTY"
_REQUESTED: Final = "REQUESTED_QTY"
_DELIVERED: Final = "FINAL_ALLOC"

Bounds = tuple[datetime | None, datetime | None]


class _Column(NamedTuple):
    """One kind of value of a series: how it is described, and its value in our one interval."""

    descriptor: Json
    value: Decimal


def write_offered(window: Interval, *, price: Price, available: Energy) -> Json:
    """Return what is offered: the price, and how much there is."""
    return _series(window, _price(price), _quantity(_AVAILABLE, available, by="seller"))


def read_offered(series: Mapping[str, Any]) -> tuple[Interval, Energy]:
    """Return when there is something, and how much. Raises: LookupError, ValueError."""
    period = series["intervalPeriod"]
    start = parse_instant(period["start"])
    payloads = {entry["type"]: entry for entry in series["intervals"][0]["payloads"]}
    available = Energy.from_kwh(payloads[_AVAILABLE]["values"][0])
    return Interval(start, start + parse_duration(period["duration"])), available


def write_agreed(
    window: Interval, *, price: Price, requested: Energy, delivered: Energy | None = None
) -> Json:
    """Return what is asked for at what price; `delivered` is told once that is final."""
    columns = [_price(price), _quantity(_REQUESTED, requested, by="buyer")]
    if delivered is not None:
        columns.append(_quantity(_DELIVERED, delivered, by="seller", kind=_REPORT))
    return _series(window, *columns)


def read_price(series: Mapping[str, Any]) -> Price:
    """Return the price of the first interval. Raises: LookupError, ValueError."""
    descriptors = {entry["payloadType"]: entry for entry in series["payloadDescriptors"]}
    payloads = {entry["type"]: entry for entry in series["intervals"][0]["payloads"]}
    return Price(
        per_kwh=Decimal(payloads[_PRICE]["values"][0]), currency=Currency(descriptors[_PRICE]["currency"])
    )


def write_prices(prices: IntervalPrices, *, currency: Currency) -> Json:
    """Return prices as a series of as many intervals."""
    descriptor = _price(Price(per_kwh=prices.prices[0], currency=currency)).descriptor
    return {
        "@context": iris.TIME_SERIES_CONTEXT,
        "@type": iris.TIME_SERIES,
        "intervalPeriod": {"start": format_instant(prices.start), "duration": format_duration(prices.step)},
        "payloadDescriptors": [descriptor],
        "intervals": [
            {"id": number, "payloads": [{"type": _PRICE, "values": [price]}]}
            for number, price in enumerate(prices.prices)
        ],
    }


def read_prices(series: Mapping[str, Any]) -> IntervalPrices:
    """Return the price of every interval, in their order. Raises: LookupError, ValueError."""
    period = series["intervalPeriod"]
    return IntervalPrices(
        start=parse_instant(period["start"]),
        step=parse_duration(period["duration"]),
        prices=tuple(
            Decimal(payload["values"][0])
            for interval in series["intervals"]
            for payload in interval["payloads"]
            if payload["type"] == _PRICE
        ),
    )


def write_series_over(sent: Mapping[str, Any], ours: Json) -> Json:
    """Return `ours` over a series of one interval; what else the buyer put there stays as it is."""
    return dict(sent) | ours if len(find_objects(sent, "intervals")) == 1 else dict(sent) or ours


def read_requested(series: Mapping[str, Any], *, path: str) -> Energy | None:
    """Return what is asked for in all intervals, None if nothing is. Raises: FieldInvalid."""
    asked = [
        read_energy(find(payload, "values", 0), path=path)
        for interval in find_objects(series, "intervals")
        for payload in find_objects(interval, "payloads")
        if find_text(payload, "type") == _REQUESTED
    ]
    return sum(asked[1:], asked[0]) if asked else None


def read_bounds(series: Mapping[str, Any], *, path: str) -> Bounds:
    """Return from when until when the intervals of a request last. Raises: FieldInvalid."""
    if read_requested(series, path=path) is None:
        return None, None
    period = find_object(series, "intervalPeriod")
    start = read_instant(period, "start", path=f"{path}.intervalPeriod.start")
    duration = find_text(period, "duration")
    if start is None or duration is None:
        return start, None
    try:
        return start, start + parse_duration(duration) * len(find_objects(series, "intervals"))
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(str(error), path=f"{path}.intervalPeriod.duration") from error


def _price(price: Price) -> _Column:
    facts = {"objectType": _EVENT, "payloadType": _PRICE, "currency": price.currency.code}
    return _Column(facts | {"insertedBy": "seller"}, price.per_kwh)


def _quantity(payload_type: str, energy: Energy, *, by: str, kind: str = _EVENT) -> _Column:
    facts = {"objectType": kind, "payloadType": payload_type, "units": "KWH", "insertedBy": by}
    return _Column(facts, energy.kilowatt_hours)


def _series(window: Interval, *columns: _Column) -> Json:
    payloads = [{"type": column.descriptor["payloadType"], "values": [column.value]} for column in columns]
    return {
        "@context": iris.TIME_SERIES_CONTEXT,
        "@type": iris.TIME_SERIES,
        "intervalPeriod": {
            "start": format_instant(window.start),
            "duration": format_duration(window.duration),
        },
        "payloadDescriptors": [column.descriptor for column in columns],
        "intervals": [{"id": 0, "payloads": payloads}],
    }
