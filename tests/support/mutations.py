"""Small damage to a JSON document, one place at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[str | int, ...]

_BROKEN_DATES: Final = (
    "2026-02-30T09:00:00Z",
    "2026-03-02T25:00:00Z",
    "2026-03-02T09:00:00",
    "2026-03-02",
    "yesterday",
    "1772442000",
    "",
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")

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


def misspellings(document: dict[str, Any]) -> Iterator[Mutation]:
    """Yield `document` with each text in it turned into one that no list holds, or into no date."""
    for path, value in _places(document, ()):
        if isinstance(value, str):
            for kind, other in _misspelt(value):
                if other != value:
                    yield Mutation(kind=kind, path=path, document=_changed(document, path, value=other))


def _misspelt(text: str) -> Iterator[tuple[str, str]]:
    yield "other case", text.swapcase()
    yield "longer", f"{text}X"
    yield "spaced", f" {text}"
    yield "emptied", ""
    if _DATE.fullmatch(text):
        yield from ((f"broken date {other!r}", other) for other in _BROKEN_DATES)


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


def _changed(document: Any, path: Sequence[str | int], *, value: object = None, drop: bool = False) -> Any:
    """Return a copy that shares with `document` all that does not lie on the path."""
    step, rest = path[0], path[1:]
    copy = document.copy()
    if rest:
        copy[step] = _changed(document[step], rest, value=value, drop=drop)
    elif drop:
        del copy[step]
    else:
        copy[step] = value
    return copy
