"""What a discover looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.bags.spatial import read_spatial, refuse_window, write_spatial
from trading.mapping.find import Json, find_object
from trading.refusals import SearchUnsupported
from trading.request import Criteria, read_words

_OWN_PLACE: Final = "$['beckn:availableAt'][*]['geo']"


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a discover looks for. Raises: SearchUnsupported, FieldInvalid, FieldMissing."""
    if message.get("media_search"):
        raise SearchUnsupported(
            "this platform does not search by picture, sound or film",
            path="$.message.media_search",
            hint="Use text_search, spatial, or filters with a JSONPath.",
        )
    words = read_words(message.get("text_search", ""), path="$.message.text_search")
    return Criteria(
        words=words,
        expression=find_object(message, "filters").get("expression"),
        places=read_spatial(message.get("spatial"), path="$.message.spatial"),
    )


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a discover. Raises: SearchUnsupported, if it is for a time."""
    refuse_window(criteria)
    message: Json = {"text_search": " ".join(criteria.words)}
    if criteria.expression is not None:
        message["filters"] = {"type": "jsonpath", "expression": criteria.expression}
    if criteria.places:
        message["spatial"] = write_spatial(criteria.places, in_capitals=False, own=_OWN_PLACE)
    return message
