"""ISO 8601 durations as they stand in `context.ttl`."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Final

_DURATION: Final = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_DAYS_PER_YEAR, _DAYS_PER_MONTH = 365, 30  # a ttl is a bound, not a calendar


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Return the length of an ISO 8601 duration; a month counts 30 days, a year 365.

    Raises: ValueError, if `text` is no duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise ValueError(f"{text!r} is no ISO 8601 duration; write it like PT30S")
    parts = {unit: float(amount) for unit, amount in match.groupdict().items() if amount}
    days = parts.get("days", 0) + _DAYS_PER_YEAR * parts.get("years", 0)
    days += _DAYS_PER_MONTH * parts.get("months", 0) + 7 * parts.get("weeks", 0)
    try:
        return timedelta(
            days=days,
            hours=parts.get("hours", 0),
            minutes=parts.get("minutes", 0),
            seconds=parts.get("seconds", 0),
        )
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than any message lives") from error


def format_duration(length: timedelta) -> str:
    """Return `length` as an ISO 8601 duration of whole seconds."""
    return f"PT{int(length.total_seconds())}S"
