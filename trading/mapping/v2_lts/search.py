"""What a discover looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.bags.spatial import read_spatial, refuse_window, write_spatial
from trading.mapping.find import Json, find_object, find_text
from trading.refusals import SearchUnsupported
from trading.request import Criteria, read_words

_OWN_PLACE: Final = "$['availableAt'][*]['geo']"


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a discover looks for. Raises: SearchUnsupported, FieldInvalid, FieldMissing."""
    intent = find_object(message, "intent")
    if intent.get("mediaSearch"):
        raise SearchUnsupported(
            "this platform does not search by picture, sound or film",
            path="$.message.intent.mediaSearch",
            hint="Use textSearch, spatial, or filters with a JSONPath.",
        )
    text = (
        find_text(intent, "textSearch")
        or find_text(message, "textSearch")
        or find_text(message, "text_search")
    )
    return Criteria(
        words=read_words(text or "", path="$.message.intent.textSearch"),
        expression=find_text(intent, "filters", "expression"),
        places=read_spatial(intent.get("spatial"), path="$.message.intent.spatial"),
    )


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a discover. Raises: SearchUnsupported, if it is for a time."""
    refuse_window(criteria)
    intent: Json = {"textSearch": " ".join(criteria.words)}
    if criteria.expression is not None:
        intent["filters"] = {"type": "jsonpath", "expression": criteria.expression}
    if criteria.places:
        intent["spatial"] = write_spatial(criteria.places, in_capitals=True, own=_OWN_PLACE)
    return {"intent": intent}
