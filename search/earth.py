"""Distances on the earth: positions of WGS 84 laid out flat around a centre, in metres.

What is laid out lies at its true distance and in its true direction from the centre (azimuthal
equidistant). Distances between others are too long the farther out they lie: by less than 0.5 per cent
up to 1,000 km from the centre.
"""

from __future__ import annotations

from collections.abc import Callable
from math import asin, atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]
Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east and north in degrees."""

EQUATOR: Final = 6_378_137.0
"""Metres from the earth's axis to the equator."""

_FLATTENING: Final = 1 / 298.257223563
_TIGHTEST: Final = 6_335_000.0
"""A little less than the least radius that the ellipsoid is curved with, in metres."""
_SLACK: Final = 1_000.0
"""Metres by which an edge that is straight in degrees bends away between the corners of its steps."""
_ECCENTRICITY_SQUARED: Final = _FLATTENING * (2 - _FLATTENING)


def middle_of(positions: Numbers) -> Numbers:
    """Return the longitude and latitude in degrees of the middle of positions, also across a meridian."""
    east, north = np.radians(positions[:, 0]), np.radians(positions[:, 1])
    x, y, z = (
        float(np.mean(axis))
        for axis in (np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north))
    )
    return np.array([degrees(atan2(y, x)), degrees(atan2(z, hypot(x, y)))])


def around(centre: Numbers) -> Callable[[Numbers], Numbers]:
    """Return what lays positions in degrees out in metres east and north of the `centre`."""
    longitude, latitude = np.radians(centre)
    origin = _in_space(centre.reshape(1, 2))
    to_east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    to_north = np.array(
        [
            -np.sin(latitude) * np.cos(longitude),
            -np.sin(latitude) * np.sin(longitude),
            np.cos(latitude),
        ]
    )
    radius = _mean_radius(float(latitude))

    def lay_out(positions: Numbers) -> Numbers:
        chords = _in_space(positions) - origin
        lengths = np.linalg.norm(chords, axis=1)
        distances = 2 * radius * np.arcsin(np.clip(lengths / (2 * radius), 0.0, 1.0))
        directions = np.arctan2(chords @ to_east, chords @ to_north)
        return np.column_stack((distances * np.sin(directions), distances * np.cos(directions)))

    return lay_out


def boxes_within(bounds: Numbers, *, metres: float) -> list[Box]:
    """Return boxes that hold every position within so many metres of one in `bounds`, and some more."""
    west, south, east, north = (float(bound) for bound in bounds)
    angle = (metres * 1.01 + _SLACK) / _TIGHTEST
    south, north = south - degrees(angle), north + degrees(angle)
    if south <= -90 or north >= 90:  # a pole is in reach, and there all meridians are
        return [(-180.0, south, 180.0, north)]
    widest = radians(max(abs(float(bounds[1])), abs(float(bounds[3]))))
    sideways = degrees(asin(min(1.0, sin(angle) / cos(widest))))
    west, east = west - sideways, east + sideways
    if east - west >= 360:
        return [(-180.0, south, 180.0, north)]
    boxes = [(max(west, -180.0), south, min(east, 180.0), north)]
    if west < -180:
        boxes.append((west + 360, south, 180.0, north))
    if east > 180:
        boxes.append((-180.0, south, east - 360, north))
    return boxes


def _in_space(positions: Numbers) -> Numbers:
    """Return positions on the ellipsoid as metres from the earth's middle."""
    east, north = np.radians(positions[:, 0]), np.radians(positions[:, 1])
    curvature = EQUATOR / np.sqrt(1 - _ECCENTRICITY_SQUARED * np.sin(north) ** 2)
    return np.column_stack(
        (
            curvature * np.cos(north) * np.cos(east),
            curvature * np.cos(north) * np.sin(east),
            curvature * (1 - _ECCENTRICITY_SQUARED) * np.sin(north),
        )
    )


def _mean_radius(latitude: float) -> float:
    """Return the mean radius of curvature at a latitude in radians."""
    return EQUATOR * sqrt(1 - _ECCENTRICITY_SQUARED) / (1 - _ECCENTRICITY_SQUARED * sin(latitude) ** 2)
