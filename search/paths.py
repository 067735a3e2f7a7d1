"""Plain ways through an item, `@.a['b'][0]`: what most filters and targets name, found without JSONPath."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from jsonpath.match import NodeList
from jsonpath.segments import JSONPathChildSegment, JSONPathSegment
from jsonpath.selectors import IndexSelector, NameSelector, WildcardSelector

Step: TypeAlias = str | int | None
"""A key, an index, or None for every child."""
Path: TypeAlias = tuple[Step, ...]

MISSING: Final = NodeList()
"""What stands at a path that leads nowhere: filters have it as no node at all."""

_PREFIX: Final = "beckn:"


def plain_path(segments: Iterable[JSONPathSegment]) -> Path | None:
    """Return the way that segments lead, None if it is not made of keys, indices and wildcards alone."""
    steps: list[Step] = []
    for segment in segments:
        if not isinstance(segment, JSONPathChildSegment) or len(segment.selectors) != 1:
            return None
        match segment.selectors[0]:
            case NameSelector(name=str() as name):
                steps.append(name)
            case IndexSelector(index=index):
                steps.append(index)
            case WildcardSelector():
                steps.append(None)
            case _:
                return None
    return tuple(steps)


def is_singular(path: Path) -> bool:
    """Say whether the way leads to one value at most."""
    return bool(path) and None not in path


def value_at(item: object, path: Path) -> object:
    """Return what a singular path leads to in an item, MISSING if to nothing."""
    for step in path:
        item = _child(item, step)
    return item


def values_at(item: object, path: Path) -> Iterator[object]:
    """Return everything that a path leads to in an item, in its order."""
    if not path:
        yield item
    elif path[0] is not None:
        child = _child(item, path[0])
        if child is not MISSING:
            yield from values_at(child, path[1:])
    else:
        for child in _children(item):
            yield from values_at(child, path[1:])


def _child(thing: object, step: Step) -> object:
    """Return a child as filters find it: a key is taken for the one with `beckn:`, too."""
    if isinstance(step, str):
        if not isinstance(thing, dict):
            return MISSING
        if step in thing or ":" in step:
            return thing.get(step, MISSING)
        return thing.get(_PREFIX + step, MISSING)
    if not isinstance(thing, list) or step is None or not -len(thing) <= step < len(thing):
        return MISSING
    return thing[step]


def _children(thing: object) -> Iterable[object]:
    if isinstance(thing, Mapping):
        return thing.values()
    return thing if isinstance(thing, Sequence) and not isinstance(thing, str) else ()
