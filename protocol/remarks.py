"""What is odd about a good message: attributes that no pack knows, and keys that mean nothing.

The usual mistake in JSON-LD is a key that the context does not explain: it reads well, and every
reader that expands the document loses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kernel.errors import NodeError
from schemas.attributes import unknown_bags
from schemas.jsonld import JsonLd, bundled
from schemas.packs import Packs, bundled_packs
from schemas.violation import json_path

_Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that is allowed and probably not meant."""

    path: str
    message: str


def remarks(
    document: Mapping[str, Any], *, packs: Packs | None = None, reader: JsonLd | None = None
) -> list[Remark]:
    """Return what is odd about `document`; takes milliseconds.

    `packs` and `reader` are those that come along, unless others are given.
    """
    reader = reader or bundled()
    unknown = unknown_bags(document, packs if packs is not None else bundled_packs())
    odd = [Remark(path=bag.path, message=f"no pack knows {bag.type} of {bag.context}") for bag in unknown]
    for steps, entity in _outermost_entities(document, ()):
        odd += [
            Remark(path=json_path(steps) + path[1:], message="its context does not explain this key")
            for path in _lost(entity, reader)
        ]
    return odd


def _lost(entity: dict[str, Any], reader: JsonLd) -> list[str]:
    try:
        return reader.lost_terms(entity)
    except NodeError:  # of a context that is not known nothing can be said
        return []


def _outermost_entities(value: object, steps: _Steps) -> Iterator[tuple[_Steps, dict[str, Any]]]:
    """Yield the objects with a context of their own that stand in none such."""
    if isinstance(value, dict):
        if "@context" in value:
            yield steps, value
            return
        for key, entry in value.items():
            yield from _outermost_entities(entry, (*steps, key))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _outermost_entities(entry, (*steps, number))
