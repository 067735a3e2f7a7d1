"""What a bag of attributes must be, under the packs there are; made anew from the table of packs.

Every generation says in `parts/attributes.json` what its transport asks of any bag. A participant
asks the same, and of the bags that a pack knows what the pack asks. This stands on the way of
every message, hence its shape: one chain, each link a list of addresses and no pattern.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, reduce
from typing import Any, Final

from schemas.packs import CORE_CONTEXTS, Pack, Packs
from schemas.violation import json_path

_CONTEXT: Final = "@context"
_TYPE: Final = "@type"
_MOST_TOLD: Final = 12

_Steps = tuple[str | int, ...]


class UnknownPacks(StrEnum):
    """What becomes of a bag that no pack knows."""

    WARN = "warn"
    """It is taken as it is; `unknown_bags` finds it, for a warning."""

    REFUSE = "refuse"
    """Its message is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownBag:
    """A bag that no pack knows: its place, and what it says it is."""

    path: str
    context: str
    type: str


def attributes_schema(bare: Mapping[str, Any], packs: Packs, unknown: UnknownPacks) -> dict[str, Any]:
    """Return the schema of a bag that is `bare` at least, and what its pack asks."""
    strict = unknown is UnknownPacks.REFUSE
    end: dict[str, Any] = (
        _one_of(_CONTEXT, [*CORE_CONTEXTS, *(iri for pack in packs for iri in pack.contexts)])
        if strict
        else {}
    )
    chain = reduce(lambda rest, pack: _link(pack, rest, strict=strict), reversed(packs), end)
    return {**bare, "if": {"type": "object", "required": [_CONTEXT, _TYPE]}, "then": chain}


def _link(pack: Pack, rest: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    named = _one_of(_TYPE, pack.types)
    bag = {"if": named, "then": {"$ref": pack.schema["$id"]}}
    link = {"if": _one_of(_CONTEXT, pack.contexts), "then": {**bag, "else": named} if strict else bag}
    return {**link, "else": rest} if rest else link


def _one_of(key: str, values: Sequence[str]) -> dict[str, Any]:
    return {"properties": {key: {"enum": list(values)}}}


def unknown_bags(document: object, packs: Packs) -> list[UnknownBag]:
    """Return the bags in a message that no pack knows, one of each kind and not very many.

    It walks the whole message, so its place is after the answer.
    """
    known = _known(packs)
    found: dict[tuple[str, str], UnknownBag] = {}
    for path, context, name in _bags(document):
        kind = (context, name)
        if kind not in known and kind not in found and context not in CORE_CONTEXTS:
            found[kind] = UnknownBag(path=json_path(path), context=context, type=name)
        if len(found) == _MOST_TOLD:
            break
    return list(found.values())


@cache
def _known(packs: Packs) -> frozenset[tuple[str, str]]:
    return frozenset((context, name) for pack in packs for context in pack.contexts for name in pack.types)


def _bags(document: object) -> Iterator[tuple[_Steps, str, str]]:
    waiting: list[tuple[_Steps, object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            context, name = value.get(_CONTEXT), value.get(_TYPE)
            if isinstance(context, str) and isinstance(name, str):
                yield path, context, name
            waiting.extend(((*path, key), entry) for key, entry in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, number), entry) for number, entry in enumerate(value))
