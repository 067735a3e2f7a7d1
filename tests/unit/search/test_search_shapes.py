"""The nine operators: shapes that lie to each other as drawn by hand, and distances as surveyed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import numpy as np
import pytest
import shapely

from search.shapes import ask
from tests.support.geodesy import Spot, distance_between
from trading.mapping.geojson import read_geometry
from trading.refusals import FieldInvalid
from trading.spatial import SpatialFilter, SpatialOperator

Json = dict[str, Any]


def point(x: float, y: float) -> Json:
    return {"type": "Point", "coordinates": [x, y]}


def line(*spots: Spot) -> Json:
    return {"type": "LineString", "coordinates": [list(spot) for spot in spots]}


def square(west: float, south: float, side: float) -> Json:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def says(operator: SpatialOperator, item: Json, asked: Json, *, metres: float | None = None) -> bool:
    """Say whether the operator holds of one item's geometry."""
    exact = _exact(asked)
    condition = SpatialFilter(
        operator=operator,
        geometry=read_geometry(exact, path="asked"),
        distance=None if metres is None else Decimal(repr(metres)),
        path="$.here",
    )
    answers = ask(condition).holds(np.array([shapely.geometry.shape(item)], dtype=object))
    return bool(answers[0])


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _exact(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_exact(entry) for entry in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


BIG, SMALL = square(0, 0, 4), square(1, 1, 1)
CASES: Final[list[tuple[Json, Json, str]]] = [
    (SMALL, BIG, "WITHIN INTERSECTS"),
    (BIG, SMALL, "CONTAINS INTERSECTS"),
    (point(2, 2), BIG, "WITHIN INTERSECTS"),
    (point(0, 2), BIG, "TOUCHES INTERSECTS"),  # on the edge is not inside
    (BIG, point(2, 2), "CONTAINS INTERSECTS"),
    (square(10, 10, 1), BIG, "DISJOINT"),
    (square(3, 3, 4), BIG, "OVERLAPS INTERSECTS"),
    (square(4, 0, 4), BIG, "TOUCHES INTERSECTS"),
    (line((-1, 2), (5, 2)), BIG, "CROSSES INTERSECTS"),
    (BIG, line((-1, 2), (5, 2)), "CROSSES INTERSECTS"),
    (line((0, 0), (2, 2)), line((0, 2), (2, 0)), "CROSSES INTERSECTS"),
    (line((0, 0), (2, 0)), line((1, 0), (3, 0)), "OVERLAPS INTERSECTS"),
    (BIG, {**BIG, "coordinates": [BIG["coordinates"][0][::-1]]}, "EQUALS WITHIN CONTAINS INTERSECTS"),
    (point(1, 1), point(1, 1), "EQUALS WITHIN CONTAINS INTERSECTS"),
    (point(1, 1), point(1, 2), "DISJOINT"),
    (
        line((1, 1), (2, 2)),
        {"type": "GeometryCollection", "geometries": [BIG, point(9, 9)]},
        "WITHIN INTERSECTS",
    ),
]


@pytest.mark.parametrize(("item", "asked", "held"), CASES)
def test_shapes_lie_to_each_other_as_they_are_drawn(item: Json, asked: Json, held: str) -> None:
    found = {
        operator.value
        for operator in SpatialOperator
        if operator is not SpatialOperator.DWITHIN and says(operator, item, asked)
    }
    assert found == set(held.split())


def test_the_oracle_knows_a_surveyed_line() -> None:
    flinders_peak, buninyong = (144.42486789, -37.95103342), (143.92649553, -37.65282114)
    assert distance_between(flinders_peak, buninyong) == pytest.approx(54_972.271, abs=0.01)
    assert distance_between((0, 0), (0, 1)) == pytest.approx(110_574.389, abs=0.01)
    assert distance_between((0, 0), (1, 0)) == pytest.approx(111_319.491, abs=0.01)


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        ((77.5946, 12.9716), (77.59, 12.94)),
        ((25.0, 71.0), (26.5, 71.2)),
        ((15.6, 78.2), (18.0, 78.6)),
        ((179.9, -16.5), (-179.8, -16.6)),
        ((0.0, 89.9), (180.0, 89.7)),
        ((0.0, 90.0), (45.0, 89.5)),
        ((12.0, -90.0), (-100.0, -89.6)),
        ((0.0, 0.0), (0.0, 0.8)),
        ((0.0, 0.0), (0.8, 0.0)),
    ],
)
def test_a_reach_is_in_true_metres(item: Spot, asked: Spot) -> None:
    true = distance_between(item, asked)
    assert says(SpatialOperator.DWITHIN, point(*item), point(*asked), metres=true * 1.001)
    assert not says(SpatialOperator.DWITHIN, point(*item), point(*asked), metres=true * 0.999)


def test_a_reach_is_measured_to_the_nearest_part_of_a_line_or_an_area() -> None:
    area = square(10, 69.8, 0.4)
    assert says(SpatialOperator.DWITHIN, area, point(10.2, 70), metres=0)  # inside
    eastward = distance_between((10.4, 70.0), (10.7, 70.0))
    assert says(SpatialOperator.DWITHIN, area, point(10.7, 70), metres=eastward * 1.001)
    assert not says(SpatialOperator.DWITHIN, area, point(10.7, 70), metres=eastward * 0.99)
    parallel = line((0, 80), (5, 80))  # straight in degrees: it does not take the short cut over the north
    assert not says(SpatialOperator.DWITHIN, point(2.5, 80.03), parallel, metres=3_000)
    assert says(SpatialOperator.DWITHIN, point(2.5, 80.03), parallel, metres=3_400)
    assert says(SpatialOperator.DWITHIN, parallel, point(2.5, 80.03), metres=3_400)
    assert not says(SpatialOperator.DWITHIN, parallel, point(2.5, 80.03), metres=3_000)


def test_a_shape_cut_at_the_180th_meridian_is_near_on_both_sides() -> None:
    cut = {
        "type": "MultiPolygon",
        "coordinates": [square(179, 0, 1)["coordinates"], square(-180, 0, 1)["coordinates"]],
    }
    for east in (178.9, -178.9):
        assert says(SpatialOperator.DWITHIN, point(east, 0.5), cut, metres=11_200)
        assert not says(SpatialOperator.DWITHIN, point(east, 0.5), cut, metres=11_000)


def test_the_far_side_of_the_earth_is_not_near() -> None:
    around_the_antipode = square(179.5 - 180, -0.5, 1)
    assert not says(SpatialOperator.DWITHIN, around_the_antipode, point(180, 0), metres=9_000_000)
    assert not says(SpatialOperator.DWITHIN, point(0, 0), point(180, 0), metres=10_000_000)


def test_no_items_are_no_answers() -> None:
    for operator in SpatialOperator:
        condition = SpatialFilter(
            operator=operator, geometry=read_geometry(point(1, 1), path=""), distance=Decimal(1)
        )
        assert ask(condition).holds(np.array([], dtype=object)).tolist() == []


@pytest.mark.parametrize(
    ("asked", "operator", "words"),
    [
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
            SpatialOperator.WITHIN,
            "Self-intersection",
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [square(0, 0, 1)["coordinates"][0], square(5, 5, 1)["coordinates"][0]],
            },
            SpatialOperator.INTERSECTS,
            "Hole lies outside",
        ),
        (line((170, 0), (-170, 0)), SpatialOperator.DWITHIN, "farther than 1000 km"),
        ({"type": "MultiPoint", "coordinates": [[0, 0], [180, 0]]}, SpatialOperator.DWITHIN, "farther"),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused_with_its_place(
    asked: Json, operator: SpatialOperator, words: str
) -> None:
    with pytest.raises(FieldInvalid, match=words) as refused:
        says(operator, point(0, 0), asked, metres=1)
    assert refused.value.path == "$.here.geometry"
