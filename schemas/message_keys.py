"""Which keys the rules of a message name inside its `message`: what such a message is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from urllib.parse import urljoin

from schemas.library import JsonSchema, Library

_Place = tuple[str, JsonSchema]
"""A schema, after the identifier of the document that it stands in."""


@cache
def message_keys(library: Library, action: str) -> frozenset[str]:
    """Return the keys of `message` that the rules of the message `action` speak of."""
    identifier = library.messages[action]
    return frozenset(
        key
        for whole in _applied(library.documents, (identifier, library.documents[identifier]))
        for body in _value_of("message", whole)
        for _, schema in _applied(library.documents, body)
        for key in schema.get("properties", ())
    )


def _value_of(key: str, place: _Place) -> Iterator[_Place]:
    identifier, schema = place
    if key in (properties := schema.get("properties", {})):
        yield identifier, properties[key]


def _applied(documents: Mapping[str, JsonSchema], place: _Place) -> Iterator[_Place]:
    """Yield a schema, and those that it refers to."""
    yield place
    identifier, schema = place
    if "$ref" in schema:
        target = urljoin(identifier, schema["$ref"])
        yield from _applied(documents, (target, documents[target]))
