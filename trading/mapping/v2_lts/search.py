"""What a discover looks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading.mapping.find import Json, find_object, find_text
from trading.refusals import SearchUnsupported
from trading.request import Criteria


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a discover looks for. Raises: SearchUnsupported."""
    intent = find_object(message, "intent")
    for key, what in (("spatial", "by place"), ("mediaSearch", "by picture, sound or film")):
        if intent.get(key):
            raise SearchUnsupported(
                f"this platform does not search {what}",
                path=f"$.message.intent.{key}",
                hint="Use textSearch, or filters with a JSONPath.",
            )
    text = (
        find_text(intent, "textSearch")
        or find_text(message, "textSearch")
        or find_text(message, "text_search")
    )
    words = tuple((text or "").casefold().split())
    return Criteria(words=words, expression=find_text(intent, "filters", "expression"))


def write_criteria(criteria: Criteria) -> Json:
    """Return the message of a discover."""
    intent: Json = {"textSearch": " ".join(criteria.words)}
    if criteria.expression is not None:
        intent["filters"] = {"type": "jsonpath", "expression": criteria.expression}
    return {"intent": intent}
