"""How shapes lie to each other: the nine operators of CQL2.

Edges are straight in longitude and latitude, as GeoJSON has them. All operators but DWITHIN compare
shapes so; DWITHIN measures metres on the earth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
import simplejson
from shapely.geometry.base import BaseGeometry

from search.earth import around, boxes_within, middle_of
from trading.geometry import Geometry
from trading.mapping.geojson import write_geometry
from trading.refusals import FieldInvalid
from trading.spatial import SpatialFilter, SpatialOperator

WIDEST: Final = 1_000_000.0
"""Metres from the middle of a shape to its farthest corner, for distances from it to be true."""

_STEP: Final = 0.02
"""Degrees: longer edges are drawn in steps no longer than this, or than a part of all edges."""
_PARTS: Final = 400
_MICROMETRES: Final = 6
"""Decimals of a metre."""
_POINT: Final = 0  # GEOS's number of the kind

Shapes: TypeAlias = npt.NDArray[np.object_]
Answers: TypeAlias = npt.NDArray[np.bool_]

_SEEN_FROM_THE_OTHER: Final[Mapping[SpatialOperator, Callable[..., Any]]] = {
    SpatialOperator.WITHIN: shapely.contains,
    SpatialOperator.CONTAINS: shapely.within,
    SpatialOperator.INTERSECTS: shapely.intersects,
    SpatialOperator.DISJOINT: shapely.disjoint,
    SpatialOperator.OVERLAPS: shapely.overlaps,
    SpatialOperator.CROSSES: shapely.crosses,
    SpatialOperator.TOUCHES: shapely.touches,
    SpatialOperator.EQUALS: shapely.equals,
}
"""What holds of the shape that is asked for when the operator holds of an item's: it is prepared once."""


def shape_of(geometry: Geometry, *, path: str) -> BaseGeometry:
    """Return the shape of a geometry. Raises: FieldInvalid, if its edges make no sense together."""
    shape: BaseGeometry = shapely.from_geojson(simplejson.dumps(write_geometry(geometry), use_decimal=True))
    if not shapely.is_valid(shape):
        raise FieldInvalid(
            f"the geometry is invalid: {shapely.is_valid_reason(shape)}",
            path=path,
            hint="Rings neither cross themselves nor each other, and holes lie inside.",
        )
    return shape


def require_narrow(shape: BaseGeometry, *, path: str) -> None:
    """Raises: FieldInvalid, if a shape is too wide for distances from it to be true."""
    positions = shapely.get_coordinates(shape)
    flat = around(middle_of(positions))(positions)
    if float(np.hypot(flat[:, 0], flat[:, 1]).max()) > WIDEST:
        raise FieldInvalid(
            f"the geometry reaches farther than {WIDEST / 1000:.0f} km from its middle",
            path=path,
            hint="Use several smaller ones; cut what crosses the 180th meridian there.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A condition whose geometry makes sense, ready to be held against shapes."""

    operator: SpatialOperator
    shape: BaseGeometry
    metres: float = 0.0

    @property
    def holds_far_away(self) -> bool:
        """Say what holds of shapes that no box of `reach` touches."""
        return self.operator is SpatialOperator.DISJOINT

    def reach(self) -> list[BaseGeometry]:
        """Return boxes that touch the box of every shape which is not merely far away."""
        bounds = shapely.bounds(self.shape)
        if self.operator is not SpatialOperator.DWITHIN:
            return [shapely.box(*bounds)]
        return [shapely.box(*box) for box in boxes_within(bounds, metres=self.metres)]

    def holds(self, shapes: Shapes) -> Answers:
        """Say of each of the shapes whether the condition's operator holds of it."""
        if self.operator is SpatialOperator.DWITHIN:
            return _near(shapes, self.shape, metres=self.metres)
        answers: Answers = _SEEN_FROM_THE_OTHER[self.operator](self.shape, shapes)
        return answers


def ask(condition: SpatialFilter) -> Asked:
    """Return the condition, ready for use. Raises: FieldInvalid."""
    path = f"{condition.path}.geometry"
    shape = shape_of(condition.geometry, path=path)
    if condition.operator is SpatialOperator.DWITHIN:
        require_narrow(shape, path=path)
    shapely.prepare(shape)
    return Asked(operator=condition.operator, shape=shape, metres=float(condition.distance or 0))


def _near(shapes: Shapes, asked: BaseGeometry, *, metres: float) -> Answers:
    """Say of each shape whether it comes within so many metres of the one that is asked for."""
    lay_out = around(middle_of(shapely.get_coordinates(asked)))
    if shapely.get_type_id(asked) == _POINT and (shapely.get_type_id(shapes) == _POINT).all():
        flat = lay_out(shapely.get_coordinates(shapes))
        return np.asarray(np.hypot(flat[:, 0], flat[:, 1]) <= metres)
    answers = np.zeros(len(shapes), dtype=bool)
    # On the far side of the earth the flat picture is inside out.
    candidates = np.flatnonzero(_may_reach(shapes, lay_out, metres + 4 * WIDEST))

    def draw(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return positions to the micrometre: GEOS knows edges of no length, but not of next to none."""
        return np.round(lay_out(positions), _MICROMETRES)

    place = shapely.transform(_in_steps(np.array([asked]))[0], draw)
    drawn = shapely.transform(_in_steps(shapes[candidates]), draw)
    answers[candidates] = shapely.dwithin(drawn, place, metres)
    return answers


def _may_reach(
    shapes: Shapes, lay_out: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], metres: float
) -> Answers:
    """Say of each shape whether a corner of it lies within so many metres of the centre."""
    positions, owners = shapely.get_coordinates(shapes, return_index=True)
    flat = lay_out(positions)
    nearest = np.full(len(shapes), np.inf)
    np.minimum.at(nearest, owners, np.hypot(flat[:, 0], flat[:, 1]))
    return nearest <= metres


def _in_steps(shapes: Shapes) -> Shapes:
    """Return the shapes with positions along their edges, which are bent once they lie flat."""
    stepped: Shapes = shapely.segmentize(shapes, np.maximum(_STEP, shapely.length(shapes) / _PARTS))
    return stepped
