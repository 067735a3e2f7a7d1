"""A message's bytes as a JSON document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from protocol.errors import JsonInvalid

DEEPEST: Final = 256
"""Levels of a document; not every reader of JSON gets down to where the first one does."""

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of U+0000: a backslash that is not itself escaped, and the number."""


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
    if b"\\" in raw and _NUL.search(raw):  # one character is looked for much faster than six
        raise JsonInvalid("the body holds the character U+0000, which cannot be kept", path="$")
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and is_too_deep(document):
        raise JsonInvalid(f"the body is nested more than {DEEPEST} levels deep", path="$")
    return document


def is_too_deep(document: object) -> bool:
    """Say whether `document` has more levels than are taken; this itself goes down none."""
    level = [document]
    for _ in range(DEEPEST):
        level = [value for outer in level for value in _inside(outer) if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
