"""Hypothesis strategies for places, and for searching by them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tests.support.term_strategies import (
    words,
)
from trading.geometry import Geometry, GeometryKind, point_at
from trading.place import Address, Place
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator


def degrees(most: int) -> st.SearchStrategy[Decimal]:
    """Angles between −`most` and `most`, to the tenth of a metre."""
    return st.decimals(min_value=-most, max_value=most, places=6)


positions = st.tuples(degrees(180), degrees(90))
points = positions.map(lambda found: point_at(longitude=found[0], latitude=found[1]))
lines = st.lists(positions, min_size=2, max_size=4).map(
    lambda found: Geometry(kind=GeometryKind.LINE, coordinates=tuple(found))
)
triangles = st.tuples(positions, positions, positions).map(
    lambda found: Geometry(kind=GeometryKind.POLYGON, coordinates=((*found, found[0]),))
)
pairs = st.tuples(positions, positions).map(
    lambda found: Geometry(kind=GeometryKind.POINTS, coordinates=found)
)
collections = st.lists(points | lines | triangles, min_size=1, max_size=3).map(
    lambda found: Geometry(kind=GeometryKind.COLLECTION, members=tuple(found))
)
geometries = points | lines | triangles | pairs | collections
addresses = st.builds(
    Address,
    street=st.none() | words,
    locality=st.none() | words,
    region=st.none() | words,
    postal_code=st.none() | words,
    country=st.none() | words,
).filter(lambda address: address != Address())
places = st.builds(Place, geometry=geometries, address=st.none() | addresses)
metres = st.decimals(min_value=0, max_value=10**7, places=2)
spatial_filters = st.sampled_from(SpatialOperator).flatmap(
    lambda operator: st.builds(
        SpatialFilter,
        operator=st.just(operator),
        geometry=geometries,
        targets=st.lists(words, min_size=1, max_size=2).map(tuple),
        quantifier=st.sampled_from(Quantifier),
        distance=metres if operator is SpatialOperator.DWITHIN else st.none(),
    )
)
circles = st.builds(
    SpatialFilter, operator=st.just(SpatialOperator.DWITHIN), geometry=points, distance=metres
)
