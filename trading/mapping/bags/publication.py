"""What catalogues that are published have in common on every wire that has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kernel.clock import parse_instant
from kernel.errors import NodeError
from kernel.interval import Interval
from trading.listing import Listing
from trading.mapping.find import Json, find_text, reading

_ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def read_validity(period: Mapping[str, Any], *, start: str, end: str) -> Interval | None:
    """Return the span that a catalogue is good for, open where it names no date; None for always.

    Raises: FieldInvalid.
    """
    first, last = find_text(period, start), find_text(period, end)
    if first is None and last is None:
        return None
    with reading("the validity of the catalogue"):
        return Interval(
            _ALWAYS[0] if first is None else parse_instant(first),
            _ALWAYS[1] if last is None else parse_instant(last),
        )


def understood(read: Callable[[], Listing]) -> dict[str, Any]:
    """Return the listing that `read` makes of a catalogue, or the fault in it."""
    try:
        with reading("the catalogue"):
            return {"listing": read()}
    except NodeError as error:
        return {"fault": error}


def is_active(catalog: Json, key: str) -> bool:
    """Say whether a catalogue is to be found; it is, unless it says otherwise."""
    return catalog.get(key) is not False
