"""What a search looks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant
from kernel.interval import Interval
from trading.geometry import GeometryKind
from trading.mapping.bags.amounts import plain, read_instant, write_span
from trading.mapping.bags.spatial import MOST_CONDITIONS, read_reach
from trading.mapping.find import Json, find, find_object, find_text, read_decimal
from trading.mapping.v1_1.location import read_position, write_position
from trading.mapping.v1_1.tags import find_values, write_group
from trading.refusals import FieldInvalid, SearchUnsupported
from trading.request import Criteria, read_words
from trading.spatial import SpatialFilter, SpatialOperator

NEAR: Final = Decimal(10_000)
"""Metres around a position that comes without a radius."""

_METRES: Final[Mapping[str, Decimal]] = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), Decimal(1)),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometre", "kilometres"), Decimal(1_000)),
    **dict.fromkeys(("mi", "mile", "miles"), Decimal("1609.344")),
}
_INTENT: Final = "$.message.intent"
_AN_INSTANT: Final = timedelta(milliseconds=1)
"""How long an intent lasts that names one moment only."""

_FILTER: Final = "filter"
_JSONPATH: Final = "jsonpath"
_NAMED: Final = (
    ("descriptor",),
    ("item", "descriptor"),
    ("provider", "descriptor"),
    ("category", "descriptor"),
)
"""Where an intent can name what it looks for."""


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a search looks for; a JSONPath rides as a tag.

    Raises: SearchUnsupported, FieldInvalid.
    """
    intent = find_object(message, "intent")
    names = (find_text(intent, *steps, "name") or "" for steps in _NAMED)
    expressions = find_values(intent, group=_FILTER, code=_JSONPATH)
    return Criteria(
        words=read_words(" ".join(names), path=_INTENT),
        expression=expressions[0] if expressions else None,
        places=_read_places(intent),
        window=_read_window(intent),
    )


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a search. Raises: SearchUnsupported, for a place that is no circle."""
    intent: Json = {"item": {"descriptor": {"name": " ".join(criteria.words)}}}
    if criteria.expression is not None:
        intent["tags"] = [write_group(_FILTER, [(_JSONPATH, criteria.expression)])]
    stops: list[Json] = [{"location": {"circle": _write_circle(place)}} for place in criteria.places]
    if criteria.window is not None:
        stops.append({"time": {"range": write_span(criteria.window)}})
    return {"intent": intent | ({"fulfillment": {"stops": stops}} if stops else {})}


def _stops(intent: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Return the stops of the fulfilment with their places in the message."""
    stops = find(intent, "fulfillment", "stops")
    for index, stop in enumerate(stops if isinstance(stops, list) else ()):
        yield f"{_INTENT}.fulfillment.stops[{index}]", stop


def _read_places(intent: Mapping[str, Any]) -> tuple[SpatialFilter, ...]:
    named = [(f"{path}.location", find(stop, "location")) for path, stop in _stops(intent)]
    locations = find(intent, "provider", "locations")
    for index, location in enumerate(locations if isinstance(locations, list) else ()):
        named.append((f"{_INTENT}.provider.locations[{index}]", location))
    places = [_read_place(location, path) for path, location in named if location is not None]
    if len(places) > MOST_CONDITIONS:
        raise FieldInvalid(f"a search names {MOST_CONDITIONS} places at most", path=_INTENT)
    return tuple(places)


def _read_place(location: object, path: str) -> SpatialFilter:
    circle = find(location, "circle")
    if circle is not None:
        position, where = find(circle, "gps"), f"{path}.circle.gps"
        reach = _read_radius(find(circle, "radius"), f"{path}.circle.radius")
    elif find(location, "gps") is not None:
        position, where, reach = find(location, "gps"), f"{path}.gps", NEAR
    else:
        raise SearchUnsupported(
            "this platform searches by position and by circle only",
            path=path,
            hint="Name a circle with gps and radius, or a gps.",
        )
    return SpatialFilter(
        operator=SpatialOperator.DWITHIN,
        geometry=read_position(position, path=where),
        distance=reach,
        path=path,
    )


def _read_radius(radius: object, path: str) -> Decimal:
    unit = _METRES.get((find_text(radius, "unit") or "").casefold())
    if unit is None:
        raise FieldInvalid("the radius has no unit of length", path=f"{path}.unit", hint="Write m, km or mi.")
    value = read_decimal(find(radius, "value"), path=f"{path}.value")
    return read_reach(value * unit, path=f"{path}.value")


def _write_circle(place: SpatialFilter) -> Json:
    is_circle = place.operator is SpatialOperator.DWITHIN and place.geometry.kind is GeometryKind.POINT
    if not is_circle or place.targets or place.distance is None:
        raise SearchUnsupported("v1.1 searches by circle around the item's own place only", path=place.path)
    [centre] = place.geometry.positions()
    radius = {"type": "CONSTANT", "value": plain(place.distance), "unit": "m"}
    return {"gps": write_position(centre), "radius": radius}


def _read_window(intent: Mapping[str, Any]) -> Interval | None:
    """Return the time from the first to the last moment that a stop names, None if none does."""
    moments = [moment for path, stop in _stops(intent) for moment in _moments(stop, f"{path}.time")]
    if not moments:
        return None
    first, last = min(moments), max(moments)
    return Interval(first, max(last, first + _AN_INSTANT))


def _moments(stop: object, path: str) -> Iterator[datetime]:
    time = find_object(stop, "time")
    start, end = (
        read_instant(find_object(time, "range"), key, path=f"{path}.range.{key}") for key in ("start", "end")
    )
    if start is not None and end is not None and end < start:
        raise FieldInvalid(
            f"the time ends before it starts, at {format_instant(start)}", path=f"{path}.range.end"
        )
    for moment in (start, end, read_instant(time, "timestamp", path=f"{path}.timestamp")):
        if moment is not None:
            yield moment
