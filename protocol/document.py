"""A message's bytes as a JSON document that fits the schema of its action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from protocol.actions import Action
from protocol.errors import JsonInvalid, SchemaViolated
from protocol.profile import Profile
from schemas.validation import schema_set


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


def check_schema(document: Mapping[str, Any], *, action: Action, profile: Profile) -> None:
    """Refuse a message that breaks the schema of its action. Raises: SchemaViolated, with the first rule."""
    schemas, name = schema_set(profile.schemas), profile.wire_names[action]
    if schemas.is_valid(name, document):
        return
    violations = schemas.violations(name, document)
    first, others = violations[0], len(violations) - 1
    more = f" (and {others} more)" if others else ""
    raise SchemaViolated(f"{first.message} (rule {first.rule}){more}", path=first.path, hint=first.hint)
