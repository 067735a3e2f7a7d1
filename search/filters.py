"""JSONPath (RFC 9535) from strangers: its length, its depth, its functions and its work are limited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.match import JSONPathMatch, NodeList
from jsonpath.parse import Parser
from jsonpath.segments import (
    JSONPathChildSegment,
    JSONPathRecursiveDescentSegment,
    JSONPathSegment,
)
from jsonpath.selectors import Filter as FilterSelector
from jsonpath.stream import TokenStream

from trading.refusals import FilterUnreadable

MOST_CHARACTERS: Final = 1_000
MOST_FILTERS: Final = 4
MOST_DESCENTS: Final = 1

FEWEST_STEPS: Final = 5_000
STEPS_AN_ITEM: Final = 40
"""How much work one item may be for a filter: one of four comparisons takes about thirty steps."""
MOST_STEPS: Final = 600_000
"""The work of one search over however many items: some three seconds of a processor."""
_A_FILTER: Final = 5
"""Steps that it takes to make a filter ready for the children of one node."""

STEPS_A_TARGET: Final = 12
MOST_TARGETS: Final = 4
"""How much more work one item may be for each path to its geometries, and for how many of them."""

# Live networks write @.beckn:id, which RFC 9535 has no room for: it wants @['beckn:id'].
_QUOTED_OR_PREFIXED: Final = re.compile(
    r"""(?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\.(?P<name>[A-Za-z_]\w*:[A-Za-z_]\w*)"""
)
_QUOTED: Final = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")

_UNAPPLICABLE: Final = (JSONPathError, RecursionError, TypeError, ValueError, LookupError, AttributeError)
"""What the library raises when a filter meets what it was not written for, as in count(@) of a number."""


class TooMuchWork(Exception):
    """An expression took more steps than it may."""


class Filters:
    """The expressions of one search, which share one allowance of `steps`."""

    def __init__(self, *, items: int, targets: int = 0) -> None:
        each = STEPS_AN_ITEM + STEPS_A_TARGET * min(targets, MOST_TARGETS)
        self._environment = _Environment(min(FEWEST_STEPS + items * each, MOST_STEPS))

    def compile(self, expression: str, *, example: str, path: str) -> Filter:
        """Return the expression, which stands at `path`, ready for use. Raises: FilterUnreadable."""
        _require_bounded(expression, path)
        try:
            compiled = self._environment.compile(_QUOTED_OR_PREFIXED.sub(_bracketed, expression))
        except (JSONPathError, ValueError, OverflowError, RecursionError) as error:  # 1e999 overflows
            first_line = str(error).partition("\n")[0][:200]
            raise FilterUnreadable(
                f"the filter is no JSONPath: {first_line}", path=path, hint=f"Write it like {example}."
            ) from error
        if not isinstance(compiled, JSONPath):  # pragma: no cover  strict mode joins no paths
            raise FilterUnreadable("the filter joins several paths", path=path)
        return Filter(compiled, path=path)


class Filter:
    """An expression that can be applied."""

    def __init__(self, compiled: JSONPath, *, path: str) -> None:
        self._compiled = compiled
        self._path = path

    @property
    def query(self) -> JSONPath:
        """The expression as the library understood it."""
        return self._compiled

    def matches(self, document: Sequence[Any] | Mapping[str, Any]) -> Iterator[JSONPathMatch]:
        """Return what the expression finds in JSON. Raises: FilterUnreadable, if that is too much work."""
        try:
            yield from self._compiled.finditer(document)
        except TooMuchWork as error:
            raise FilterUnreadable(
                "the filter is too much work", path=self._path, hint="Name the keys; compare each item once."
            ) from error
        except _UNAPPLICABLE as error:
            raise FilterUnreadable(f"the filter cannot be applied: {error}", path=self._path) from error


class _Environment(JSONPathEnvironment):
    """RFC 9535 without regular expressions, which may run for hours; every step is counted.

    Two things are taken as published examples mean them: a key without its `beckn:`, and a text that is
    compared (==) with a list, which equals it if it is one of its entries.
    """

    def __init__(self, steps: int) -> None:
        self.parser_class = _Parser
        super().__init__(strict=True)
        for function in ("match", "search"):
            del self.function_extensions[function]
        self._steps = steps

    def spend(self, steps: int) -> None:
        """Count steps. Raises: TooMuchWork, when the last is taken."""
        self._steps -= steps
        if self._steps < 0:
            raise TooMuchWork

    def compare(self, left: object, operator: str, right: object) -> bool:
        """Compare within a filter, as one step."""
        self.spend(1)
        if operator == "==" and (_is_one_of(left, right) or _is_one_of(right, left)):
            return True
        return super().compare(left, operator, right)

    def getitem(self, obj: Any, key: Any) -> Any:  # noqa: ANN401  any JSON
        """Return what stands under a key or an index. Raises: LookupError."""
        if isinstance(key, str) and key not in obj and ":" not in key:
            return super().getitem(obj, f"beckn:{key}")
        return super().getitem(obj, key)

    def is_truthy(self, obj: object) -> bool:
        """Decide on what a filter says of one child, or a part of it, as one step."""
        self.spend(1)
        return super().is_truthy(obj)


def compare(left: object, operator: str, right: object) -> bool:
    """Compare two values as filters do, without counting; an empty NodeList is what is not there."""
    return _UNCOUNTED.compare(left, operator, right)


class _Parser(Parser):
    """Makes segments that count their steps, in paths and in the paths within their filters."""

    def parse_query(self, stream: TokenStream) -> Iterable[JSONPathSegment]:
        for segment in super().parse_query(stream):
            is_descent = isinstance(segment, JSONPathRecursiveDescentSegment)
            kind = _CountedDescent if is_descent else _CountedChild
            yield kind(env=segment.env, token=segment.token, selectors=segment.selectors)


class _Node(JSONPathMatch):
    """A match that knows what it holds and where, and neither its children nor its path as text."""

    __slots__ = ()

    def new_child(self, obj: object, key: int | str) -> JSONPathMatch:
        return _Node(
            filter_context={}, obj=obj, parent=None, path="", parts=(*self.parts, key), root=self.root
        )

    def add_child(self, *children: JSONPathMatch) -> None:
        """Forget them: nobody asks for them here."""


class _CountedChild(JSONPathChildSegment):
    """Counts each node that comes in, once for every selector, and each that goes out."""

    def resolve(self, nodes: Iterable[JSONPathMatch]) -> Iterable[JSONPathMatch]:
        return _counted(self, super().resolve(_counted(self, nodes, steps=_weight(self))))


class _CountedDescent(JSONPathRecursiveDescentSegment):
    """Counts each node that it visits, once for every selector, and each that goes out."""

    def resolve(self, nodes: Iterable[JSONPathMatch]) -> Iterable[JSONPathMatch]:
        return _counted(self, super().resolve(nodes))

    def _visit(self, node: JSONPathMatch, depth: int = 1) -> Iterable[JSONPathMatch]:
        visited = super()._visit(_lean(node), depth)
        return _counted(self, visited, steps=_weight(self)) if depth == 1 else visited


def _counted(
    segment: JSONPathSegment, nodes: Iterable[JSONPathMatch], *, steps: int = 1
) -> Iterator[JSONPathMatch]:
    for node in nodes:
        _spend(segment, steps)
        yield _lean(node)


def _weight(segment: JSONPathSegment) -> int:
    """Return how much work it is to apply the segment to one node, whatever comes out."""
    return sum(_A_FILTER if isinstance(selector, FilterSelector) else 1 for selector in segment.selectors)


def _lean(node: JSONPathMatch) -> JSONPathMatch:
    if isinstance(node, _Node):
        return node
    return _Node(filter_context={}, obj=node.obj, parent=None, path="", parts=node.parts, root=node.root)


def _spend(segment: JSONPathSegment, steps: int) -> None:
    if isinstance(segment.env, _Environment):
        segment.env.spend(steps)


def _is_one_of(text: object, entries: object) -> bool:
    if not isinstance(text, str) or not isinstance(entries, list) or isinstance(entries, NodeList):
        return False
    return text in entries


def _require_bounded(expression: str, path: str) -> None:
    if not expression:  # the library's own error for it cannot be put into words
        raise FilterUnreadable("the filter is empty", path=path, hint="Leave it out to find everything.")
    if not _is_bounded(expression):
        raise FilterUnreadable(
            "the filter asks for too much",
            path=path,
            hint=f"At most {MOST_CHARACTERS} characters, {MOST_FILTERS} filters and one descent (..).",
        )


def _is_bounded(expression: str) -> bool:
    if len(expression) > MOST_CHARACTERS:  # first: what follows takes the square of the length
        return False
    bare = _QUOTED.sub("''", expression)
    return bare.count("?") <= MOST_FILTERS and bare.count("..") <= MOST_DESCENTS


def _bracketed(match: re.Match[str]) -> str:
    name = match["name"]
    return match[0] if name is None else f"['{name}']"


class _Uncounted(_Environment):
    def spend(self, steps: int) -> None:
        """Count nothing: this compares what an index holds, each value once."""


_UNCOUNTED: Final = _Uncounted(0)
