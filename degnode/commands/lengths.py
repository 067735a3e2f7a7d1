"""Lengths of time as they are typed: `24h`, `30m`, `7d`, or in ISO 8601."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import typer

from protocol.durations import parse_duration

_SHORT: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def read_length(text: str) -> timedelta:
    """Return the length that `text` says. Raises: typer.BadParameter."""
    if match := _SHORT.fullmatch(text.strip()):
        return int(match[1]) * _UNITS[match[2]]
    try:
        return parse_duration(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no length of time: write it like 24h or PT24H") from error
