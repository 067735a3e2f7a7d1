"""What a discover looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading.mapping.find import Json, find_object
from trading.refusals import SearchUnsupported
from trading.request import Criteria


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a discover looks for. Raises: SearchUnsupported."""
    for key, what in (("spatial", "by place"), ("media_search", "by picture, sound or film")):
        if message.get(key):
            raise SearchUnsupported(
                f"this platform does not search {what}",
                path=f"$.message.{key}",
                hint="Use text_search, or filters with a JSONPath.",
            )
    words = tuple(message.get("text_search", "").casefold().split())
    return Criteria(words=words, expression=find_object(message, "filters").get("expression"))


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a discover."""
    message: Json = {"text_search": " ".join(criteria.words)}
    if criteria.expression is not None:
        message["filters"] = {"type": "jsonpath", "expression": criteria.expression}
    return message
