"""Geometries of strangers are found where they say that they are, and end neither a search nor a process."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import shapely

from search.shapes import Asked
from search.sites import Sites, write_shape
from trading.spatial import Quantifier, SpatialOperator

X, Y = -108.55, 39.06
HERE, AWAY = [X, Y], [X + 0.01, Y]
NEAR = shapely.box(X - 0.1, Y - 0.1, X + 0.1, Y + 0.1)

Json = dict[str, Any]


def holding(shape: Json, operator: SpatialOperator, quantifier: Quantifier = Quantifier.ANY) -> bool:
    written = write_shape(shape)
    asked = Asked(operator=operator, shape=NEAR, metres=1_000.0)
    sites = Sites([[] if written is None else [written]])
    return bool(sites.holding(asked, quantifier, among=np.ones(1, dtype=np.bool_))[0])


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"type": "LineString", "coordinates": [HERE, HERE]}, id="line-of-no-length"),
        pytest.param({"type": "Polygon", "coordinates": [[HERE] * 4]}, id="area-of-one-position"),
        pytest.param({"type": "Polygon", "coordinates": [[HERE, AWAY, HERE]]}, id="area-of-a-line"),
        pytest.param(
            {"type": "MultiLineString", "coordinates": [[HERE, HERE], [HERE, AWAY]]}, id="one-of-two"
        ),
        pytest.param(
            {"type": "Polygon", "coordinates": [[HERE, [X + 0.01, Y + 0.01], AWAY, [X, Y + 0.01], HERE]]},
            id="crossing-itself",
        ),
        pytest.param(
            {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": HERE}]},
            id="collection",
        ),
        pytest.param(
            {"type": "Point", "coordinates": [Decimal(str(X)), Decimal(str(Y)), 12]}, id="with-altitude"
        ),
    ],
)
@pytest.mark.parametrize("operator", list(SpatialOperator))
def test_what_makes_little_sense_is_found_where_it_says_that_it_is(
    shape: Json, operator: SpatialOperator
) -> None:
    is_there = operator in {SpatialOperator.WITHIN, SpatialOperator.INTERSECTS, SpatialOperator.DWITHIN}
    assert holding(shape, operator) is is_there


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"type": "MultiLineString", "coordinates": [[], [HERE, AWAY]]}, id="line-without-any"),
        pytest.param({"type": "Polygon", "coordinates": [[HERE, AWAY, [X, Y + 0.01], HERE], []]}, id="hole"),
        pytest.param({"type": "Polygon", "coordinates": []}, id="no-ring"),
        pytest.param({"type": "Point", "coordinates": [10**400, 0]}, id="number-beyond-all"),
        pytest.param({"type": "Point", "coordinates": [float("nan"), 0]}, id="no-number"),
        pytest.param({"type": "Point", "coordinates": [str(X), str(Y)]}, id="numbers-as-text"),
        pytest.param({"type": "Polygon", "coordinates": [[[[[[[[[[HERE]]]]]]]]]]}, id="too-deep"),
        pytest.param({"type": "Polygon"}, id="nothing"),
    ],
)
def test_what_is_no_geometry_counts_as_none(shape: Json) -> None:
    assert holding(shape, SpatialOperator.DWITHIN, Quantifier.NONE)
    assert not holding(shape, SpatialOperator.DISJOINT)
