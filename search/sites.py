"""The geometries of all items, in a tree: what lies somewhere is found without looking at the rest.

They may be of strangers. One that crosses itself, or has no extent where it should have one, is taken as
its hull: it is found where it says that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import shapely

from search.columns import Mask
from search.shapes import Asked, Shapes
from trading.geometry import GeometryKind
from trading.mapping.find import find_text
from trading.spatial import Quantifier

MOST_SHAPES: Final = 50
"""The geometries of one item that one condition looks at."""

_DEEPEST: Final = 8
"""How deeply GeoJSON is nested: a collection, its members, their coordinates down to a number."""

Counts = npt.NDArray[np.int64]

_KINDS: Final = frozenset(kind.value for kind in GeometryKind)
_QUANTIFIED: Final[Mapping[Quantifier, Callable[[Counts, Counts], Mask]]] = {
    Quantifier.ANY: lambda held, _all: held > 0,
    Quantifier.ALL: lambda held, there: (there > 0) & (held == there),
    Quantifier.NONE: lambda held, _all: held == 0,
}
"""What an item's number of geometries that a condition holds of, and that there are, comes to."""


class Sites:
    """Where items are: of each row the geometries that a path leads to, as GeoJSON."""

    def __init__(self, by_row: Iterable[Iterable[str]]) -> None:
        numbers: dict[str, int] = {}
        rows: list[int] = []
        places: list[int] = []
        count = 0
        for row, written in enumerate(by_row):
            count = row + 1
            for shape in written:
                rows.append(row)
                places.append(numbers.setdefault(shape, len(numbers)))
        shapes: Shapes = shapely.from_geojson(
            np.array([*numbers, None], dtype=object)[:-1], on_invalid="ignore"
        )
        usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        senseless = usable & ~shapely.is_valid(shapes)
        shapes[senseless] = shapely.convex_hull(shapes[senseless])
        place_of = np.array(places, dtype=np.int64)
        kept = usable[place_of] if len(place_of) else np.zeros(0, dtype=np.bool_)
        self._shapes = shapes
        self._rows: Counts = np.array(rows, dtype=np.int64)[kept]
        self._places: Counts = place_of[kept]
        self._there: Counts = np.bincount(self._rows, minlength=count)
        order = np.argsort(self._places, kind="stable")
        self._rows_by_place: Counts = self._rows[order]
        self._starts: Counts = np.searchsorted(self._places[order], np.arange(len(shapes) + 1))
        self._tree = shapely.STRtree(_where(usable, shapes))
        bounds = shapely.bounds(shapes)
        low, high = np.array([-180.0, -90.0]), np.array([180.0, 90.0])
        beyond = (bounds[:, :2] < low).any(axis=1) | (bounds[:, 2:] > high).any(axis=1)
        self._beyond = np.flatnonzero(beyond & usable)

    def holding(self, asked: Asked, quantifier: Quantifier, *, among: Mask) -> Mask:
        """Say of the rows of `among` whether the condition holds of their geometries; of others nothing."""
        candidates = np.unique(np.concatenate([self._beyond, *map(self._tree.query, asked.reach())]))
        if quantifier is Quantifier.ANY and not asked.holds_far_away:
            return self._having_one(asked, candidates, among)
        looked_at = np.zeros(len(self._shapes), dtype=np.bool_)
        looked_at[self._places[among[self._rows]]] = True
        candidates = candidates[looked_at[candidates]]
        held = np.full(len(self._shapes), asked.holds_far_away)
        held[candidates] = asked.holds(self._shapes[candidates])
        counts = np.bincount(self._rows[held[self._places]], minlength=len(self._there))
        return _QUANTIFIED[quantifier](counts, self._there)

    def _having_one(self, asked: Asked, candidates: Counts, among: Mask) -> Mask:
        """Say of the rows of `among` whether the condition holds of a candidate of theirs."""
        starts = self._starts[candidates]
        lengths = self._starts[candidates + 1] - starts
        rows = self._rows_by_place[_within(starts, lengths)]
        owners = np.repeat(np.arange(len(candidates)), lengths)
        wanted = among[rows]
        looked_at = np.unique(owners[wanted])
        held = np.zeros(len(candidates), dtype=np.bool_)
        held[looked_at] = asked.holds(self._shapes[candidates[looked_at]])
        says = np.zeros(len(self._there), dtype=np.bool_)
        says[rows[wanted & held[owners]]] = True
        return says


def _where(usable: Mask, shapes: Shapes) -> Shapes:
    """Return the shapes with none in place of those that are not usable, which the tree leaves out."""
    kept = shapes.copy()
    kept[~usable] = None
    return kept


def _within(starts: Counts, lengths: Counts) -> Counts:
    """Return the numbers of several ranges, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + lengths, lengths)


def shapes_among(values: Iterable[object]) -> list[str]:
    """Return the GeoJSON among `values`, as much of it as one condition looks at."""
    shapes = (value for value in values if find_text(value, "type") in _KINDS)
    return [written for shape in islice(shapes, MOST_SHAPES) if (written := write_shape(shape)) is not None]


def write_shape(shape: object) -> str | None:
    """Return GeoJSON of a stranger as text, None if a list in it is empty or it is nested too deeply.

    GEOS ends the whole process over lines and rings without positions.
    """
    if not _is_full(shape, depth=_DEEPEST):
        return None
    try:
        return orjson.dumps(shape, default=float).decode()  # orjson's own bytes keep kilobytes of room
    except orjson.JSONEncodeError:  # an integer that no computer has
        return None


def _is_full(value: object, *, depth: int) -> bool:
    """Say whether no list within is empty."""
    if not isinstance(value, dict | list):
        return True
    if depth == 0 or value == []:
        return False
    return all(
        _is_full(each, depth=depth - 1) for each in (value.values() if isinstance(value, dict) else value)
    )
