"""Small damage to a JSON document, one place at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

Path = tuple[str | int, ...]

_OTHERS: Final[tuple[object, ...]] = ("never heard of", -7, True, None, {}, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A document with one thing wrong, or at least other, in it."""

    kind: str
    path: Path
    document: Any

    @property
    def place(self) -> str:
        """The path without the numbers of array entries."""
        return "/".join("*" if isinstance(step, int) else step for step in self.path)


def mutations(document: dict[str, Any]) -> Iterator[Mutation]:
    """Yield `document` with each key dropped, added, of another type or of a value never heard of."""
    for path, value in _places(document, ()):
        if path and isinstance(path[-1], str):
            yield Mutation(kind="dropped", path=path, document=_changed(document, path, drop=True))
        if path:
            for other in _OTHERS:
                if _differs(other, value):
                    kind = f"{type(other).__name__} instead"
                    yield Mutation(kind=kind, path=path, document=_changed(document, path, value=other))
        if isinstance(value, dict):
            added = (*path, "neverHeardOf")
            yield Mutation(kind="added", path=added, document=_changed(document, added, value=1))


def _places(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    yield path, value
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _places(entry, (*path, key))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _places(entry, (*path, number))


def _differs(other: object, value: object) -> bool:
    return type(other) is not type(value) or not isinstance(value, dict | list)


def _changed(document: object, path: Sequence[str | int], *, value: object = None, drop: bool = False) -> Any:
    copy = orjson.loads(orjson.dumps(document))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copy
