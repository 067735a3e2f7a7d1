"""GeoJSON: shapes from and to documents, held to its rules and to bounds of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from trading.geometry import Coordinates, Geometry, GeometryKind
from trading.mapping.find import Json, find, read_decimal
from trading.refusals import FieldInvalid

MOST_POSITIONS: Final = 1_000
"""In one geometry; more are refused."""

LARGEST_LONGITUDE: Final = Decimal(180)
LARGEST_LATITUDE: Final = Decimal(90)
_RING: Final = 4
"""The positions of the shortest ring: a triangle, closed."""


def write_geometry(geometry: Geometry) -> Json:
    """Return a geometry as GeoJSON."""
    if geometry.kind is GeometryKind.COLLECTION:
        members = [write_geometry(member) for member in geometry.members]
        return {"type": geometry.kind.value, "geometries": members}
    return {"type": geometry.kind.value, "coordinates": _listed(geometry.coordinates)}


def read_geometry(document: object, *, path: str, most: int = MOST_POSITIONS) -> Geometry:
    """Return the geometry that GeoJSON describes, of `most` positions; altitudes are left out.

    Raises: FieldInvalid, naming the place below `path` at which it is wrong.
    """
    return _Reader(most=most).read(document, path)


def _listed(coordinates: Coordinates) -> list[Any]:
    return [_listed(entry) if isinstance(entry, tuple) else entry for entry in coordinates]


@dataclass(slots=True)
class _Reader:
    """Reads one geometry; counts its positions as they come, so that no huge one is read to its end."""

    most: int
    positions: int = 0

    def read(self, document: object, path: str, *, inside: bool = False) -> Geometry:
        found = find(document, "type")
        if not isinstance(found, str) or found not in {kind.value for kind in GeometryKind}:
            raise FieldInvalid("that is no GeoJSON geometry", path=path, hint=_KINDS)
        kind = GeometryKind(found)
        if kind is GeometryKind.COLLECTION:
            return self._collection(find(document, "geometries"), f"{path}.geometries", inside=inside)
        coordinates = find(document, "coordinates")
        return Geometry(kind=kind, coordinates=_SHAPES[kind](self, coordinates, f"{path}.coordinates"))

    def _collection(self, members: object, path: str, *, inside: bool) -> Geometry:
        if inside:
            raise FieldInvalid("a collection stands in a collection", path=path, hint="Name the members.")
        read = [
            self.read(member, f"{path}[{index}]", inside=True)
            for index, member in enumerate(self._entries(members, path, "geometries"))
        ]
        return Geometry(kind=GeometryKind.COLLECTION, members=tuple(read))

    def position(self, value: object, path: str) -> Coordinates:
        """Return longitude and latitude."""
        self.positions += 1
        if self.positions > self.most:
            raise FieldInvalid(
                f"the geometry has more than {self.most} positions", path=path, hint="Simplify it."
            )
        if not isinstance(value, list | tuple) or len(value) not in (2, 3):
            raise FieldInvalid("a position is [longitude, latitude] here", path=path)
        longitude, latitude = (
            read_degrees(value[index], most=most, path=f"{path}[{index}]")
            for index, most in enumerate((LARGEST_LONGITUDE, LARGEST_LATITUDE))
        )
        return (longitude, latitude)

    def line(self, value: object, path: str) -> Coordinates:
        """Return the positions of a line, two or more."""
        positions = self.positions_of(value, path)
        if len(positions) < 2:
            raise FieldInvalid("a line has two positions or more", path=path)
        return positions

    def polygon(self, value: object, path: str) -> Coordinates:
        """Return the rings of a polygon: its outline, then its holes."""
        return self._each(value, path, "rings", _Reader._ring)

    def positions_of(self, value: object, path: str) -> Coordinates:
        """Return one position or more."""
        return self._each(value, path, "positions", _Reader.position)

    def lines(self, value: object, path: str) -> Coordinates:
        """Return one line or more."""
        return self._each(value, path, "lines", _Reader.line)

    def polygons(self, value: object, path: str) -> Coordinates:
        """Return one polygon or more."""
        return self._each(value, path, "polygons", _Reader.polygon)

    def _ring(self, value: object, path: str) -> Coordinates:
        positions = self.positions_of(value, path)
        if len(positions) < _RING or positions[0] != positions[-1]:
            raise FieldInvalid(
                "that ring is not closed",
                path=path,
                hint="A ring has four positions or more, and the last is the first again.",
            )
        return positions

    def _each(self, value: object, path: str, what: str, read: _Read) -> Coordinates:
        return tuple(
            read(self, entry, f"{path}[{index}]")
            for index, entry in enumerate(self._entries(value, path, what))
        )

    def _entries(self, value: object, path: str, what: str) -> Sequence[object]:
        if not isinstance(value, list | tuple) or not value:
            raise FieldInvalid(f"a list of {what} is needed here", path=path)
        return value


_Read: TypeAlias = Callable[[_Reader, object, str], Coordinates]

_KINDS: Final = f"Its type is one of {', '.join(kind.value for kind in GeometryKind)}."
_SHAPES: Final[dict[GeometryKind, _Read]] = {
    GeometryKind.POINT: _Reader.position,
    GeometryKind.LINE: _Reader.line,
    GeometryKind.POLYGON: _Reader.polygon,
    GeometryKind.POINTS: _Reader.positions_of,
    GeometryKind.LINES: _Reader.lines,
    GeometryKind.POLYGONS: _Reader.polygons,
}


def read_degrees(value: object, *, most: Decimal, path: str) -> Decimal:
    """Return an angle between −`most` and `most` degrees. Raises: FieldInvalid."""
    if isinstance(value, str):
        raise FieldInvalid("a number is needed here", path=path)
    degrees = read_decimal(value, path=path)
    if abs(degrees) > most:
        raise FieldInvalid(
            f"{degrees} lies outside −{most} to {most} degrees",
            path=path,
            hint="GeoJSON has longitude before latitude; what crosses the 180th meridian is cut there.",
        )
    return degrees
