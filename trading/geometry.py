"""Shapes on the earth, as GeoJSON has them (RFC 7946): degrees of WGS 84, longitude before latitude."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias


class GeometryKind(StrEnum):
    """What a geometry is, in GeoJSON's words."""

    POINT = "Point"
    LINE = "LineString"
    POLYGON = "Polygon"
    POINTS = "MultiPoint"
    LINES = "MultiLineString"
    POLYGONS = "MultiPolygon"
    COLLECTION = "GeometryCollection"


Coordinates: TypeAlias = tuple["Coordinates | Decimal", ...]
Position: TypeAlias = tuple[Decimal, Decimal]
"""Longitude and latitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A shape: `coordinates` are nested as its kind asks for; a collection has `members` instead."""

    kind: GeometryKind
    coordinates: Coordinates = ()
    members: tuple[Geometry, ...] = ()

    def positions(self) -> Iterator[Position]:
        """Return every position that it is drawn through."""
        yield from _positions(self.coordinates)
        for member in self.members:
            yield from member.positions()


def point_at(*, longitude: Decimal, latitude: Decimal) -> Geometry:
    """Return the geometry of one place."""
    return Geometry(kind=GeometryKind.POINT, coordinates=(longitude, latitude))


def _positions(coordinates: Coordinates) -> Iterator[Position]:
    match coordinates:
        case (Decimal() as longitude, Decimal() as latitude):
            yield (longitude, latitude)
        case _:
            for entry in coordinates:
                if isinstance(entry, tuple):
                    yield from _positions(entry)
