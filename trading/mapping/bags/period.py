"""A period as Beckn writes it in the energy bags: a beckn:TimePeriod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.clock import format_instant, parse_instant
from kernel.interval import Interval
from trading.mapping.find import Json


def write_period(period: Interval) -> Json:
    """Return a period as it is told."""
    return {
        "@type": "beckn:TimePeriod",
        "schema:startTime": format_instant(period.start),
        "schema:endTime": format_instant(period.end),
    }


def read_period(told: Mapping[str, Any]) -> Interval:
    """Return the period that is told. Raises: LookupError, ValueError, EmptyInterval."""
    return Interval(parse_instant(told["schema:startTime"]), parse_instant(told["schema:endTime"]))
