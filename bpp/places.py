"""Which items lie where a buyer looks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import shapely
import simplejson

from bpp.filters import Filter, Filters
from bpp.shapes import holds
from trading.geometry import GeometryKind
from trading.listing import Listing
from trading.mapping.find import find_text
from trading.mapping.geojson import write_geometry
from trading.spatial import Quantifier, SpatialFilter

MOST_SHAPES: Final = 50
"""The geometries of one item that one condition looks at."""

TARGET_EXAMPLE: Final = "$['availableAt'][*]['geo']"

Item = Mapping[str, Any]

# A published example names a way through the item as one key, $['a.b.c']; IRIs are keys, too.
_DOTTED: Final = re.compile(r"\['(?P<names>[^'\\/.]+(?:\.[^'\\/.]+)+)'\]")

_KINDS: Final = frozenset(kind.value for kind in GeometryKind)
_QUANTIFIED: Final[Mapping[Quantifier, Callable[[Sequence[bool]], bool]]] = {
    Quantifier.ANY: any,
    Quantifier.ALL: lambda answers: bool(answers) and all(answers),
    Quantifier.NONE: lambda answers: not any(answers),
}


def lie_there(
    listing: Listing, items: Sequence[Item], condition: SpatialFilter, *, filters: Filters
) -> set[int]:
    """Return which resources of the listing, by their number, the condition holds of.

    `items` are the resources as the condition's wire writes them. Raises: FilterUnreadable, FieldInvalid.
    """
    found = _targeted(items, condition, filters) if condition.targets else _own(listing)
    written = list(dict.fromkeys(shape for shapes in found for shape in shapes))  # each site once
    shapes = shapely.from_geojson(np.array(written, dtype=object), on_invalid="ignore")
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    held = holds(condition, shapes[usable]).tolist()
    answers = dict(zip(np.array(written, dtype=object)[usable].tolist(), held, strict=True))
    says = _QUANTIFIED[condition.quantifier]
    return {
        number
        for number, shapes in enumerate(found)
        if says([answers[shape] for shape in shapes if shape in answers])
    }


def _own(listing: Listing) -> list[list[str]]:
    """Return the GeoJSON of where each resource is, none where that is not told."""
    return [
        [simplejson.dumps(write_geometry(resource.place.geometry), use_decimal=True)]
        if resource.place is not None
        else []
        for resource in listing.resources
    ]


def _targeted(items: Sequence[Item], condition: SpatialFilter, filters: Filters) -> list[list[str]]:
    """Return the GeoJSON of what the condition's paths lead to in each item."""
    paths = [
        filters.compile(
            _DOTTED.sub(_each_by_itself, target), example=TARGET_EXAMPLE, path=f"{condition.path}.targets"
        )
        for target in condition.targets
    ]
    return [[json.dumps(shape) for shape in _shapes_in(item, paths)] for item in items]


def _shapes_in(item: Item, paths: Sequence[Filter]) -> list[object]:
    led_to = (match.obj for path in paths for match in path.matches(item))
    return list(islice((value for value in led_to if find_text(value, "type") in _KINDS), MOST_SHAPES))


def _each_by_itself(match: re.Match[str]) -> str:
    return "".join(f"['{name}']" for name in match["names"].split("."))
