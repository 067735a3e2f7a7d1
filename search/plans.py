"""Filters that columns can answer: comparisons of plain paths with values, joined by `&&`, `||` and `!`.

What a filter is made of is asked of the library's own reading of it, so both understand it alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from jsonpath import JSONPath
from jsonpath.filter import (
    BaseExpression,
    CurrentKey,
    FilterContextPath,
    FilterExpressionLiteral,
    InfixExpression,
    Nil,
    PrefixExpression,
    RegexLiteral,
    RelativeFilterQuery,
    RootFilterQuery,
    walk,
)
from jsonpath.segments import JSONPathRecursiveDescentSegment
from jsonpath.selectors import Filter as FilterSelector
from jsonpath.selectors import NameSelector, WildcardSelector

from search.columns import Column, Mask
from search.paths import Path, is_singular, plain_path

_MIRRORED: Final[Mapping[str, str]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""What an operator becomes when its sides are changed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What stands at a path compares so with a value."""

    path: Path
    operator: str
    value: object


@dataclass(frozen=True, slots=True)
class Existing:
    """Something stands at a path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Denied:
    """The contrary."""

    what: Condition


@dataclass(frozen=True, slots=True)
class Joined:
    """Both hold, or one of both: `&&` or `||`."""

    left: Condition
    operator: str
    right: Condition


Condition: TypeAlias = Compared | Existing | Denied | Joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a filter is answered.

    `condition` is what columns can say of it, None if nothing; `is_whole` says whether that is all of it.
    `is_by_row` says whether the rest looks at each item by itself, so that it can be asked of few.
    """

    condition: Condition | None = None
    is_whole: bool = False
    is_by_row: bool = False


def plan_of(query: JSONPath) -> Plan:
    """Return how the expression is answered over a list of items."""
    is_by_row = _is_by_row(query)
    segments = query.segments
    if not is_by_row or len(segments) != 1 or isinstance(segments[0], JSONPathRecursiveDescentSegment):
        return Plan(is_by_row=is_by_row)
    match segments[0].selectors:
        case (FilterSelector() as selector,):
            condition, is_whole = _understood(selector.expression.expression)
            return Plan(condition=condition, is_whole=is_whole, is_by_row=True)
        case _:
            return Plan(is_by_row=True)


def paths_of(condition: Condition) -> Iterator[Path]:
    """Return the paths whose columns the condition needs."""
    match condition:
        case Joined(left=left, right=right):
            yield from paths_of(left)
            yield from paths_of(right)
        case Denied(what=what):
            yield from paths_of(what)
        case Compared(path=path) | Existing(path=path):
            yield path


def holds_of(condition: Condition, columns: Mapping[Path, Column]) -> Mask:
    """Say of each row whether the condition holds of it."""
    match condition:
        case Joined(left=left, operator="&&", right=right):
            return holds_of(left, columns) & holds_of(right, columns)
        case Joined(left=left, right=right):
            return holds_of(left, columns) | holds_of(right, columns)
        case Denied(what=what):
            return ~holds_of(what, columns)
        case Existing(path=path):
            return columns[path].existing()
        case Compared(path=path, operator=operator, value=value):
            return columns[path].matching(operator, value)


def _understood(expression: BaseExpression) -> tuple[Condition | None, bool]:
    """Return what of an expression columns can answer, and whether that is all of it."""
    match expression:
        case InfixExpression(operator="&&" | "||"):
            return _joined(expression)
        case PrefixExpression(operator="!", right=right):
            what, is_whole = _understood(right)
            return (Denied(what), True) if what is not None and is_whole else (None, False)
        case RelativeFilterQuery():
            path = _path_of(expression)
            return (None, False) if path is None else (Existing(path), True)
        case InfixExpression():
            compared = _comparison(expression)
            return compared, compared is not None
        case _:
            return None, False


def _joined(expression: InfixExpression) -> tuple[Condition | None, bool]:
    """Return what of two joined conditions columns can answer: of `&&` also one leaves less to look at."""
    (one, is_one_whole), (other, is_other_whole) = _understood(expression.left), _understood(expression.right)
    if one is not None and other is not None:
        return Joined(one, expression.operator, other), is_one_whole and is_other_whole
    return (one or other if expression.operator == "&&" else None), False


def _comparison(expression: InfixExpression) -> Compared | None:
    left, right, operator = expression.left, expression.right, expression.operator
    if operator not in _MIRRORED:
        return None
    if isinstance(left, RelativeFilterQuery) and _is_value(right):
        path, literal = _path_of(left), right
    elif isinstance(right, RelativeFilterQuery) and _is_value(left):
        path, literal, operator = _path_of(right), left, _MIRRORED[operator]
    else:
        return None
    value = literal.value if isinstance(literal, FilterExpressionLiteral) else None
    return None if path is None else Compared(path, operator, value)


def _is_value(expression: BaseExpression) -> bool:
    return isinstance(expression, FilterExpressionLiteral | Nil) and not isinstance(expression, RegexLiteral)


def _path_of(query: RelativeFilterQuery) -> Path | None:
    path = plain_path(query.path.segments)
    return path if path is not None and is_singular(path) else None


def _is_by_row(query: JSONPath) -> bool:
    """Say whether what is found of an item does not depend on the others, nor on its place."""
    if not query.segments:
        return False
    first = query.segments[0]
    named = (NameSelector,) if isinstance(first, JSONPathRecursiveDescentSegment) else ()
    if not all(
        isinstance(selector, (FilterSelector, WildcardSelector, *named)) for selector in first.selectors
    ):
        return False
    return not any(
        isinstance(part, RootFilterQuery | FilterContextPath | CurrentKey)
        for segment in query.segments
        for selector in segment.selectors
        if isinstance(selector, FilterSelector)
        for part in walk(selector.expression)
    )
