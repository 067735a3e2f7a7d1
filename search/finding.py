"""Finding what matches all criteria: what costs least goes first, and leaves less for what costs more."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from search.columns import Mask
from search.facts import Facts
from search.filters import Filter, Filters
from search.items import Items
from search.paths import Path, plain_path
from search.plans import Plan, holds_of, paths_of, plan_of
from search.shapes import Asked, ask
from search.sites import Sites, shapes_among
from trading.fields import Field
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter

MOST_PATHS: Final = 12
"""The paths of one filter that columns are made for."""

_REMEMBERED: Final = 512
"""How many filters, and targets, are kept as they were understood: apps ask the same again and again."""

TARGET_EXAMPLE: Final = "$['availableAt'][*]['geo']"

Rows = npt.NDArray[np.int64]

# A published example names a way through the item as one key, $['a.b.c']; IRIs are keys, too.
_DOTTED: Final = re.compile(r"\['(?P<names>[^'\\/.]+(?:\.[^'\\/.]+)+)'\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Things that can be searched: `items` are what filters are applied to, made when they are needed.

    `example` is a filter as this generation writes it.
    """

    facts: Facts
    items: Callable[[], Items]
    example: str = "$[?@.id == 'x']"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A condition on where things are, understood: by plain `paths`, none for a thing's own place.

    Where one takes the library to follow, `paths` is None and `targets` are all of them.
    """

    asked: Asked
    quantifier: Quantifier
    targets: tuple[Filter, ...]
    paths: tuple[Path, ...] | None


def filters_for(criteria: Criteria, *, items: int) -> Filters:
    """Return what counts the steps of one search of so many items."""
    return Filters(items=items, targets=sum(len(condition.targets) for condition in criteria.places))


def looks_at_each(criteria: Criteria, *, example: str) -> bool:
    """Say whether the criteria look at each item by itself, so that parts of a list can be searched.

    Raises: FilterUnreadable.
    """
    return criteria.expression is None or _planned(criteria.expression, example).is_by_row


def find(index: Index, criteria: Criteria, *, among: Mask, filters: Filters | None = None) -> Rows:
    """Return the rows of `among` that match all of the criteria, in their order.

    What the criteria say is understood before anything is looked for, so that what cannot be read is
    refused whatever there is. `filters` count the steps of a search of several indices.
    Raises: FilterUnreadable, FieldInvalid.
    """
    filters = filters or filters_for(criteria, items=len(index.facts))
    plan = Plan() if criteria.expression is None else _planned(criteria.expression, index.example)
    places = [_understood(condition, filters) for condition in criteria.places]
    found = _cheaply(index, criteria, among)
    if plan.condition is not None and found.any():
        found &= holds_of(plan.condition, index.items().columns(paths_of(plan.condition)))
    for place in sorted(places, key=lambda place: place.paths is None):
        found &= _lying(index, place, found)
    if criteria.expression is not None and not plan.is_whole:
        filter_ = filters.compile(criteria.expression, example=index.example, path=Field.FILTER)
        found &= _matching(index, filter_, found if plan.is_by_row else among)
    return np.flatnonzero(found)


@lru_cache(maxsize=_REMEMBERED)
def _planned(expression: str, example: str) -> Plan:
    """Return how a filter is answered. Raises: FilterUnreadable."""
    query = Filters(items=0).compile(expression, example=example, path=Field.FILTER).query
    plan = plan_of(query)
    is_modest = plan.condition is None or len(set(paths_of(plan.condition))) <= MOST_PATHS
    return plan if is_modest else Plan(is_by_row=plan.is_by_row)


@lru_cache(maxsize=_REMEMBERED)
def _plain(target: str, path: str) -> Path | None:
    """Return the way that a target leads, None if it takes the library to follow it.

    Raises: FilterUnreadable.
    """
    return plain_path(Filters(items=0).compile(target, example=TARGET_EXAMPLE, path=path).query.segments)


def _cheaply(index: Index, criteria: Criteria, among: Mask) -> Mask:
    found = among.copy()
    if criteria.window is not None:
        found &= index.facts.produced_in(criteria.window)
    for word in criteria.words:
        if found.any():
            found &= index.facts.words.holding(word)
    return found


def _understood(condition: SpatialFilter, filters: Filters) -> _Place:
    path = f"{condition.path}.targets"
    targets = [_DOTTED.sub(_each_by_itself, target) for target in condition.targets]
    paths = [_plain(target, path) for target in targets]
    plain = tuple(each for each in paths if each is not None)
    is_plain = len(plain) == len(paths)
    return _Place(
        asked=ask(condition),
        quantifier=condition.quantifier,
        targets=()
        if is_plain
        else tuple(filters.compile(target, example=TARGET_EXAMPLE, path=path) for target in targets),
        paths=plain if is_plain else None,
    )


def _lying(index: Index, place: _Place, among: Mask) -> Mask:
    """Say of the rows of `among` whether a condition on their place holds."""
    if not among.any():
        return among
    if place.paths == ():
        return index.facts.sites.holding(place.asked, place.quantifier, among=among)
    if place.paths is not None:
        return index.items().sites(place.paths).holding(place.asked, place.quantifier, among=among)
    items, rows = index.items(), np.flatnonzero(among)
    sites = Sites(
        shapes_among(match.obj for path in place.targets for match in path.matches(items.read(row)))
        for row in rows.tolist()
    )
    says = np.zeros(len(among), dtype=np.bool_)
    says[rows] = sites.holding(place.asked, place.quantifier, among=np.ones(len(rows), dtype=np.bool_))
    return says


def _matching(index: Index, filter_: Filter, among: Mask) -> Mask:
    """Say of the rows of `among`, taken for all that there are, which the filter finds something of."""
    rows = np.flatnonzero(among)
    says = np.zeros(len(among), dtype=np.bool_)
    if len(rows):
        chosen = _Chosen(index.items(), rows.tolist())
        found = {int(match.parts[0]) for match in filter_.matches(chosen) if match.parts}
        says[rows[list(found)]] = True
    return says


class _Chosen(Sequence[Any]):
    """Some of the items as a list, each read when it is looked at: a filter may give up before the last."""

    def __init__(self, items: Items, rows: Sequence[int]) -> None:
        self._items = items
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401  an index or a slice, an item or several
        if isinstance(place, slice):
            return [self._items.read(row) for row in self._rows[place]]
        return self._items.read(self._rows[place])


def _each_by_itself(match: re.Match[str]) -> str:
    return "".join(f"['{name}']" for name in match["names"].split("."))
