"""BecknTimeSeries: what is asked for, at what price, and what came of it, interval by interval.

A contract of ours is one interval long.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.durations import format_duration, parse_duration
from schemas import iris
from trading.mapping.bags.amounts import read_instant
from trading.mapping.bags.quantity import read_energy
from trading.mapping.find import Json, find, find_objects, find_text
from trading.refusals import FieldInvalid
from trading.terms import Price

_PRICE: Final = "PRICE_PER_KWH"
_REQUESTED: Final = "REQUESTED_QTY"
_DELIVERED: Final = "FINAL_ALLOC"

Bounds = tuple[datetime | None, datetime | None]


def write_series(
    window: Interval, *, price: Price, requested: Energy, delivered: Energy | None = None
) -> Json:
    """Return a series of one interval; `delivered` is told once that is final."""
    columns: list[tuple[Json, object]] = [
        (_event(_PRICE, currency=price.currency.code, insertedBy="seller"), price.per_kwh),
        (_event(_REQUESTED, units="KWH", insertedBy="buyer"), requested.kilowatt_hours),
    ]
    if delivered is not None:
        report = _event(_DELIVERED, units="KWH", insertedBy="seller")
        columns.append((report | {"objectType": "REPORT_PAYLOAD_DESCRIPTOR"}, delivered.kilowatt_hours))
    payloads = [{"type": column["payloadType"], "values": [value]} for column, value in columns]
    return {
        "@context": iris.TIME_SERIES_CONTEXT,
        "@type": iris.TIME_SERIES,
        "intervalPeriod": {
            "start": format_instant(window.start),
            "duration": format_duration(window.duration),
        },
        "payloadDescriptors": [column for column, _ in columns],
        "intervals": [{"id": 0, "payloads": payloads}],
    }


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
    period = find(series, "intervalPeriod")
    start = read_instant(period, "start", path=f"{path}.intervalPeriod.start") if period else None
    duration = find_text(period, "duration")
    if start is None or duration is None:
        return start, None
    try:
        return start, start + parse_duration(duration) * len(find_objects(series, "intervals"))
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(str(error), path=f"{path}.intervalPeriod.duration") from error


def _event(payload_type: str, **facts: str) -> Json:
    return {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": payload_type, **facts}
