"""Reach in metres against Vincenty's formulae, and filters of strangers against their bounds."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from functools import cache
from types import FrameType
from typing import Any, Final

import numpy as np
import pytest
import shapely
import simplejson
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from search.filters import Filters
from search.shapes import ask
from tests.support.geodesy import Spot, distance_between, spot_beyond
from tests.support.seller_world import catalogue
from trading.geometry import Geometry, GeometryKind, point_at
from trading.listing import list_catalogue
from trading.mapping import WIRES
from trading.refusals import FilterUnreadable
from trading.spatial import SpatialFilter, SpatialOperator

ACCURACY: Final = 0.005
CENTIMETRES: Final = 0.02
ITEMS: Final = 200
MOST_CALLS: Final = 1_500_000
"""Of functions, for so many items: what takes a busy machine no more than a quiet one."""

spots = st.tuples(st.floats(-180, 180, width=32), st.floats(-90, 90, width=32)) | st.sampled_from(
    [(179.999, 0.0), (-180.0, 65.0), (0.0, 90.0), (33.0, -90.0), (10.0, 89.99)]
)


def asked_around(geometry: Geometry, metres: float) -> SpatialFilter:
    return SpatialFilter(
        operator=SpatialOperator.DWITHIN, geometry=geometry, distance=Decimal(repr(metres)), path="$"
    )


def point(spot: Spot) -> Geometry:
    return point_at(longitude=Decimal(repr(spot[0])), latitude=Decimal(repr(spot[1])))


def near(items: list[Any], geometry: Geometry, metres: float) -> bool:
    return bool(ask(asked_around(geometry, metres)).holds(np.array(items, dtype=object))[0])


@settings(max_examples=60, deadline=None)
@given(
    centre=spots,
    bearing=st.floats(0, 360),
    metres=st.floats(1, 100_000),
)
def test_a_reach_agrees_with_vincenty(centre: Spot, bearing: float, metres: float) -> None:
    other = spot_beyond(centre, bearing=bearing, metres=metres)
    true = distance_between(centre, other)
    for item, asked in ((centre, other), (other, centre)):
        place = shapely.Point(item)
        assert near([place], point(asked), true * (1 + ACCURACY) + CENTIMETRES)
        assert not near([place], point(asked), max(0.0, true * (1 - ACCURACY) - CENTIMETRES))


@settings(max_examples=100, deadline=None)
@given(
    start=st.tuples(st.floats(-170, 170), st.floats(-84, 84)),
    along=st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    bearing=st.floats(0, 360),
    metres=st.floats(100, 100_000),
)
@example(start=(0.0, 0.0), along=(2.9e-170, 0.0), bearing=180.0, metres=101.0)
def test_a_reach_from_a_line_is_that_from_the_nearest_of_its_positions(
    start: Spot, along: Spot, bearing: float, metres: float
) -> None:
    end = (start[0] + along[0], start[1] + along[1])
    spot = spot_beyond(start, bearing=bearing, metres=metres)
    assume(start != end)
    true = min(distance_between(spot, between) for between in _between(start, end, parts=2_000))
    assume(100 <= true <= 100_000)
    drawn = Geometry(
        kind=GeometryKind.LINE,
        coordinates=tuple((Decimal(repr(x)), Decimal(repr(y))) for x, y in (start, end)),
    )
    for item, asked in ((shapely.Point(spot), drawn), (shapely.LineString([start, end]), point(spot))):
        assert near([item], asked, true * (1 + ACCURACY))
        assert not near([item], asked, true * (1 - ACCURACY) - 50)  # metres between two of the positions


def _between(start: Spot, end: Spot, *, parts: int) -> Iterator[Spot]:
    for number in range(parts + 1):
        share = number / parts
        yield (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))


@cache
def thousand_items(generation: str) -> list[Any]:
    """Return what a thousand resources look like on a wire, as any reader of JSON has them."""
    shop = catalogue()
    [resource], [offer] = shop.resources, shop.offers
    many = replace(
        shop,
        resources=tuple(replace(resource, id=f"i-{number}") for number in range(1_000)),
        offers=tuple(replace(offer, id=f"o-{n}", resource_id=f"i-{n}") for n in range(1_000)),
    )
    items = WIRES[generation].write_items(list_catalogue(many, left={}))
    found: list[Any] = json.loads(simplejson.dumps(items, use_decimal=True))
    return found


names = st.sampled_from(["*", "'beckn:id'", "'beckn:itemAttributes'", "'meterId'", "0", "-1", "::1", "'x'"])
selectors = st.lists(names, min_size=1, max_size=200).map(lambda found: f"[{','.join(found)}]")
paths = st.tuples(st.sampled_from(["@", "$"]), st.booleans(), st.lists(selectors, max_size=6)).map(
    lambda found: found[0] + (".." if found[1] and found[2] else "") + "".join(found[2])
)
values = st.sampled_from(["1", "'SOLAR'", "null", "true", "1e300"])
singular = st.sampled_from(
    ["@", "@['beckn:id']", "$[0]", "@['beckn:itemAttributes'].meterId", "@.x", "$[999]['beckn:id']"]
)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.sampled_from(["&&", "||"])
    repeated = st.tuples(inner, joined, st.integers(1, 150)).map(lambda f: f[1].join([f[0]] * f[2]))
    return (
        st.tuples(inner, joined, inner).map(lambda f: f"({f[0]}{f[1]}{f[2]})")
        | inner.map(lambda found: f"!({found})")
        | inner.map(lambda found: f"@[?{found}]")
        | inner.map(lambda found: f"count($[*][?{found}])>0")
        | repeated
    )


conditions = st.recursive(
    paths
    | st.tuples(singular, st.sampled_from(["==", "<", ">=", "!="]), singular | values).map("".join)
    | paths.map(lambda found: f"count({found})>2"),
    _deeper,
    max_leaves=6,
)
expressions = st.one_of(
    conditions.map(lambda found: f"$[?{found}]"),
    conditions.map(lambda found: f"$[*][?{found}]"),
    conditions.map(lambda found: f"$..[?{found}]"),
    st.lists(selectors, min_size=1, max_size=8).map(lambda found: "$" + "".join(found)),
    paths.map(lambda found: "$" + found[1:]),
)


@pytest.mark.timeout(600)
@settings(max_examples=60, deadline=None)
@given(expression=expressions)
def test_no_filter_of_a_stranger_works_for_long(expression: str) -> None:
    items = thousand_items("v2_rc")[:ITEMS]
    with suppress(FilterUnreadable), counted_calls() as calls:
        compiled = Filters(items=len(items)).compile(expression, example="$", path="$.filter")
        for _match in compiled.matches(items):
            pass
    assert calls.total() < MOST_CALLS


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count what is called inside, of Python and of the interpreter."""
    counted: Counter[str] = Counter()

    def note(_frame: FrameType, event: str, _called: object) -> None:
        counted[event] += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield counted
    finally:
        sys.setprofile(before)
