"""What a search looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.find import Json, find_object, find_objects, find_text
from trading.mapping.v1_1.tags import find_values, write_group
from trading.refusals import SearchUnsupported
from trading.request import Criteria

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
    """Return what a search looks for; a JSONPath rides as a tag. Raises: SearchUnsupported."""
    intent = find_object(message, "intent")
    _refuse_places(intent)
    names = (find_text(intent, *steps, "name") or "" for steps in _NAMED)
    words = " ".join(names).casefold().split()
    expressions = find_values(intent, group=_FILTER, code=_JSONPATH)
    return Criteria(words=tuple(words), expression=expressions[0] if expressions else None)


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a search."""
    intent: Json = {"item": {"descriptor": {"name": " ".join(criteria.words)}}}
    if criteria.expression is not None:
        intent["tags"] = [write_group(_FILTER, [(_JSONPATH, criteria.expression)])]
    return {"intent": intent}


def _refuse_places(intent: Mapping[str, Any]) -> None:
    stops = find_objects(intent, "fulfillment", "stops")
    for path, is_place in (
        ("fulfillment.stops", any("location" in stop for stop in stops)),
        ("provider.locations", bool(find_objects(intent, "provider", "locations"))),
    ):
        if is_place:
            raise SearchUnsupported(
                "this platform does not search by place",
                path=f"$.message.intent.{path}",
                hint="Name what you look for in intent.item.descriptor.name.",
            )
