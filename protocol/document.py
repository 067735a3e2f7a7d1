"""A message's bytes as a JSON document."""

from __future__ import annotations

from typing import Any

import orjson

from protocol.errors import JsonInvalid


def parse_document(raw: bytes) -> dict[str, Any]:
    """Return the JSON object that `raw` holds. Raises: JsonInvalid, saying where it is none."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise JsonInvalid(
            f"the body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}", path="$"
        ) from error
    if not isinstance(document, dict):
        raise JsonInvalid("the body is no JSON object", path="$")
    if b"\\u0000" in raw:
        raise JsonInvalid("the body holds the character U+0000, which cannot be kept", path="$")
    return document
