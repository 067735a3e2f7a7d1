"""What an index answers is what looking at every item answers, over items and filters of all sorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.facts import Fact, Facts
from search.filters import Filters
from search.finding import Index, find
from search.items import Items
from search.shapes import ask
from trading.geometry import point_at
from trading.mapping.geojson import read_geometry
from trading.refusals import FieldInvalid, FilterUnreadable
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

SLOWLY = [HealthCheck.too_slow]
"""Items of many layers are drawn slowly on a busy machine."""

KEYS = ("kind", "beckn:kind", "sum", "beckn:sum", "in", "list")

scalars = st.sampled_from([None, True, False, 0, 1, -1, 1.0, 2.5, 2**60, 1e300, "", "SOLAR", "a", "ä", "1"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
items = st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=4), max_size=8)

literals = st.sampled_from(
    ["null", "true", "false", "0", "1", "-1", "1.0", "2.5", "1e300", "''", "'SOLAR'", "'a'"]
)
steps = st.sampled_from(
    [".kind", "['beckn:kind']", ".beckn:sum", ".sum", ".in", ".list", "[0]", "[-1]", "[1]"]
)
paths = st.lists(steps, min_size=1, max_size=3).map(lambda found: "@" + "".join(found))
operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
comparisons = (
    st.tuples(paths, operators, literals).map(" ".join)
    | st.tuples(literals, operators, paths).map(" ".join)
    | st.tuples(paths, operators, paths).map(" ".join)
    | paths
    | paths.map(lambda path: f"count({path}[*]) > 1")
    | st.sampled_from(["@[?@ == 'a']", "$[0].kind == 'a'", "length(@.kind) == 1"])
)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda f: f"({f[0]} {f[1]} {f[2]})")
        | inner.map(lambda found: f"!({found})")
    ),
    max_leaves=5,
)
expressions = st.one_of(
    conditions.map(lambda found: f"$[?{found}]"),
    conditions.map(lambda found: f"$[?{found}].kind"),
    conditions.map(lambda found: f"$..[?{found}]"),
    conditions.map(lambda found: f"$[*][?{found}]"),
    st.sampled_from(["$[0]", "$[1:3]", "$.kind", "$..kind", "$[*].list[*]", "$"]),
)


def index_of(listed: list[Any]) -> Index:
    items = Items(map(orjson.dumps, listed))
    return Index(facts=Facts([Fact(text="")] * len(listed)), items=lambda: items)


def everything(listed: list[Any]) -> Any:
    return np.ones(len(listed), dtype=np.bool_)


def plainly(expression: str, listed: list[Any]) -> set[int] | str:
    """Return what the filter finds of, looking at every item; or that it is refused."""
    try:
        compiled = Filters(items=10_000).compile(expression, example="$", path="$")
        return {int(match.parts[0]) for match in compiled.matches(listed) if match.parts}
    except FilterUnreadable:
        return "refused"


def by_index(index: Index, expression: str, listed: list[Any]) -> set[int] | str:
    try:
        return set(find(index, Criteria(expression=expression), among=everything(listed)).tolist())
    except FilterUnreadable:
        return "refused"


@settings(max_examples=200, deadline=None, suppress_health_check=SLOWLY)
@given(listed=items, expression=expressions)
def test_an_index_finds_what_a_filter_finds(listed: list[Any], expression: str) -> None:
    answer = by_index(index_of(listed), expression, listed)
    expected = plainly(expression, listed)
    if expected != "refused":  # an index may leave out of sight what would have been refused
        assert answer == expected


@settings(max_examples=60, deadline=None, suppress_health_check=SLOWLY)
@given(
    listed=items.filter(bool),
    changes=st.lists(
        st.tuples(st.integers(0, 7), st.dictionaries(st.sampled_from(KEYS), values, max_size=4))
    ),
    expression=conditions.map(lambda found: f"$[?{found}]"),
)
def test_an_index_whose_items_change_finds_what_a_new_one_finds(
    listed: list[Any], changes: list[tuple[int, Any]], expression: str
) -> None:
    index = index_of(listed)
    by_index(index, expression, listed)
    changed = list(listed)
    for number, item in changes:
        row = number % len(listed)
        changed[row] = item
        index.items().replace(row, orjson.dumps(item))
    assert by_index(index, expression, changed) == by_index(index_of(changed), expression, changed)


degrees = st.sampled_from([-180.0, -179.99, -90.0, 0.0, 0.01, 12.5, 77.6, 89.9, 179.99, 180.0])
spots = st.tuples(degrees, st.sampled_from([-90.0, -89.99, -45.0, 0.0, 0.01, 12.9, 60.0, 89.9, 90.0])).map(
    list
)
lines = st.lists(spots, min_size=2, max_size=3)
areas = st.tuples(spots, st.floats(0.01, 30), st.floats(0.01, 30)).map(
    lambda f: [[f[0], [f[0][0] + f[1], f[0][1]], [f[0][0] + f[1], f[0][1] + f[2]], f[0]]]
)
geometries = (
    spots.map(lambda found: {"type": "Point", "coordinates": found})
    | lines.map(lambda found: {"type": "LineString", "coordinates": found})
    | areas.map(lambda found: {"type": "Polygon", "coordinates": found})
)
sites = st.lists(geometries, max_size=3)
asked = spots.map(lambda f: point_at(longitude=Decimal(str(f[0])), latitude=Decimal(str(f[1])))) | st.tuples(
    st.integers(-179, 170), st.integers(-89, 80), st.integers(1, 6)
).map(
    lambda f: read_geometry(
        {
            "type": "Polygon",
            "coordinates": [
                [
                    [Decimal(x), Decimal(y)]
                    for x, y in (
                        (f[0], f[1]),
                        (f[0] + f[2], f[1]),
                        (f[0] + f[2], f[1] + f[2]),
                        (f[0], f[1]),
                    )
                ]
            ],
        },
        path="",
    )
)
SAYS: dict[Quantifier, Callable[[list[bool]], bool]] = {
    Quantifier.ANY: any,
    Quantifier.ALL: lambda answers: bool(answers) and all(answers),
    Quantifier.NONE: lambda answers: not any(answers),
}


@settings(max_examples=150, deadline=None, suppress_health_check=SLOWLY)
@given(
    places=st.lists(sites, min_size=1, max_size=6),
    geometry=asked,
    operator=st.sampled_from(SpatialOperator),
    quantifier=st.sampled_from(Quantifier),
    metres=st.sampled_from([0, 1, 5_000, 150_000, 2_000_000, 10_000_000]),
)
def test_a_tree_of_sites_finds_what_measuring_each_site_finds(
    places: list[list[Any]], geometry: Any, operator: Any, quantifier: Any, metres: int
) -> None:
    condition = SpatialFilter(
        operator=operator, geometry=geometry, quantifier=quantifier, distance=Decimal(metres), path="$"
    )
    listed = [{"at": found} for found in places]
    found = []
    for path in ("$.at[*]", "$..at[*]"):
        aimed = replace(condition, targets=(path,))
        try:
            rows = find(index_of(listed), Criteria(places=(aimed,)), among=everything(listed)).tolist()
        except FieldInvalid:
            return
        found.append(rows)
    expected = []
    for row, shapes in enumerate(places):
        drawn: list[Any] = [shapely.from_geojson(orjson.dumps(shape)) for shape in shapes]
        answers = [bool(ask(condition).holds(np.array([shape], dtype=object))[0]) for shape in drawn]
        if SAYS[quantifier](answers):
            expected.append(row)
    assert found == [expected, expected]
