"""What the fast validator finds wrong with a message, at a cost that its sender cannot run up.

Listing every error of one message of 1 MB takes it seconds. So a listing looks at the first
entries of each array only, and where that shows nothing, at the first error alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError

from schemas.library import Library
from schemas.violation import TOO_DEEP, Finding

MOST_ENTRIES_ASKED: Final = 5
"""No schema of ours asks an array for more entries, so a shortened one breaks no further rule."""

_MOST_KEYS: Final = 256


class _TooWide(Exception):
    """An object has more keys than any message of ours, and cannot be shortened."""


def findings(
    validator: Draft202012Validator, document: object, *, library: Library, limit: int
) -> list[Finding]:
    """Return what is wrong with `document`: all of it if little is, the first of it if much is."""
    entries = max(limit, MOST_ENTRIES_ASKED)
    try:
        errors = _some_errors(validator, document, entries=entries) or _first_error(validator, document)
    except ValueError:  # the validator hands back the value it met, and cannot if that is too deep
        return [Finding(rule=TOO_DEEP, path=(), value=None, schema={})]
    return [
        Finding(
            rule=error.kind.name,
            path=error.instance_path,
            value=_value_at(document, error.instance_path),
            schema=library.schema_around(error.absolute_keyword_location or ""),
        )
        for error in errors
    ]


def _some_errors(validator: Draft202012Validator, document: object, *, entries: int) -> list[ValidationError]:
    try:
        return list(validator.iter_errors(_shortened(document, entries)))
    except (_TooWide, RecursionError, ValueError):
        return []


def _first_error(validator: Draft202012Validator, document: object) -> list[ValidationError]:
    try:
        validator.validate(document)
    except ValidationError as error:
        return [error]
    return []


def _shortened(value: object, entries: int) -> object:
    if isinstance(value, list):
        return [_shortened(entry, entries) for entry in value[:entries]]
    if isinstance(value, dict):
        if len(value) > _MOST_KEYS:
            raise _TooWide
        return {key: _shortened(entry, entries) for key, entry in value.items()}
    return value


def _value_at(document: object, path: Sequence[str | int]) -> object:
    value: Any = document
    for step in path:
        value = value[step]
    return value
