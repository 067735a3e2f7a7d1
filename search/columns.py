"""What stands at one path in every item, each different value once: a comparison is made once for each.

Numbers and texts are kept in their order, so that most comparisons are two bisections.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from search.filters import compare
from search.paths import MISSING

Mask: TypeAlias = npt.NDArray[np.bool_]
"""Which rows, or which values, it is true of."""
Codes: TypeAlias = npt.NDArray[np.int32]

_RANGES: Final[Mapping[str, Callable[[int, int, int], tuple[int, int]]]] = {
    "<": lambda low, _high, _all: (0, low),
    "<=": lambda _low, high, _all: (0, high),
    ">": lambda _low, high, end: (high, end),
    ">=": lambda low, _high, end: (low, end),
    "==": lambda low, high, _all: (low, high),
}
"""Which part of values in order an operator holds of, by where the one that is asked for lies among them."""


class Column:
    """The values at one path, by row."""

    def __init__(self, values: Iterable[object]) -> None:
        self._values: list[object] = []
        self._code_of: dict[object, int] = {}
        self._codes: Codes = np.fromiter((self._code(value) for value in values), dtype=np.int32)
        self._numbers, self._texts = _Ordered(), _Ordered()
        self._others: list[int] = []
        self._sort()

    def matching(self, operator: str, literal: object) -> Mask:
        """Say of each row whether its value compares so with `literal`, as a filter would."""
        says = np.zeros(len(self._values), dtype=np.bool_)
        for block, is_kin, is_strange in (
            (self._numbers, _is_number(literal), isinstance(literal, str) or literal is None),
            (self._texts, isinstance(literal, str), not isinstance(literal, str)),
        ):
            if is_kin:
                says[block.codes] = block.compared(operator, literal)
            elif is_strange and block.values:  # what differs in kind compares alike, whatever the value
                says[block.codes] = compare(block.values[0], operator, literal)
            else:
                says[block.codes] = [compare(value, operator, literal) for value in block.values]
        for code in self._others:
            says[code] = compare(self._values[code], operator, literal)
        return says[self._codes]

    def existing(self) -> Mask:
        """Say of each row whether anything stands there."""
        there = np.ones(len(self._values), dtype=np.bool_)
        if (missing := self._code_of.get(_key(MISSING))) is not None:
            there[missing] = False
        return there[self._codes]

    def put(self, row: int, value: object) -> None:
        """Let a row have another value."""
        known = len(self._values)
        self._codes[row] = self._code(value)
        if len(self._values) > known:
            self._sort_in(known)

    def _code(self, value: object) -> int:
        key = _key(value)
        code = self._code_of.get(key)
        if code is None:
            code = self._code_of[key] = len(self._values)
            self._values.append(value)
        return code

    def _sort(self) -> None:
        kinds: tuple[list[int], list[int], list[int]] = ([], [], [])
        for code, value in enumerate(self._values):
            kinds[0 if _is_number(value) else 1 if isinstance(value, str) else 2].append(code)
        self._numbers.fill(self._values, kinds[0])
        self._texts.fill(self._values, kinds[1])
        self._others = kinds[2]

    def _sort_in(self, code: int) -> None:
        value: Any = self._values[code]
        if _is_number(value):
            self._numbers.insert(value, code)
        elif isinstance(value, str):
            self._texts.insert(value, code)
        else:
            self._others.append(code)


class _Ordered:
    """Values of one kind in their order, with their codes."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.codes: Codes = np.empty(0, dtype=np.int32)

    def fill(self, values: Sequence[Any], codes: list[int]) -> None:
        codes.sort(key=lambda code: values[code])
        self.values = [values[code] for code in codes]
        self.codes = np.array(codes, dtype=np.int32)

    def insert(self, value: Any, code: int) -> None:  # noqa: ANN401  a number or a text, as all of them
        place = bisect_left(self.values, value)
        self.values.insert(place, value)
        self.codes = np.insert(self.codes, place, code)

    def compared(self, operator: str, literal: Any) -> Mask:  # noqa: ANN401
        low, high, end = (
            bisect_left(self.values, literal),
            bisect_right(self.values, literal),
            len(self.values),
        )
        says = np.zeros(end, dtype=np.bool_)
        first, last = _RANGES["==" if operator == "!=" else operator](low, high, end)
        says[first:last] = True
        return ~says if operator == "!=" else says


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _key(value: object) -> object:
    """Return what tells values apart: 1 and true are two, 1 and 1.0 are one."""
    if isinstance(value, str) or _is_number(value):
        return value
    try:
        return None if value is MISSING else ("json", orjson.dumps(value).decode())
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return ("by itself", id(value))
