"""Geodesics of WGS 84 by Vincenty's formulae: what distances are measured against in tests."""

from __future__ import annotations

from math import asin, atan, atan2, cos, degrees, isclose, pi, radians, sin, sqrt, tan

SEMI_MAJOR = 6_378_137.0
FLATTENING = 1 / 298.257223563
SEMI_MINOR = SEMI_MAJOR * (1 - FLATTENING)

Spot = tuple[float, float]
"""Longitude and latitude in degrees."""


def distance_between(one: Spot, other: Spot) -> float:
    """Return the metres of the shortest way; not for places on opposite sides of the earth."""
    if one == other:
        return 0.0
    reduced_one, reduced_other = (atan((1 - FLATTENING) * tan(radians(spot[1]))) for spot in (one, other))
    apart = radians(other[0] - one[0])
    angle = apart
    for _ in range(200):
        across = cos(reduced_other) * sin(angle)
        along = cos(reduced_one) * sin(reduced_other) - sin(reduced_one) * cos(reduced_other) * cos(angle)
        sin_sigma = sqrt(across**2 + along**2)
        if sin_sigma == 0:
            return 0.0
        cos_sigma = sin(reduced_one) * sin(reduced_other) + cos(reduced_one) * cos(reduced_other) * cos(angle)
        sigma = atan2(sin_sigma, cos_sigma)
        sin_alpha = cos(reduced_one) * cos(reduced_other) * sin(angle) / sin_sigma
        cos_squared = 1 - sin_alpha**2
        middle = cos_sigma - 2 * sin(reduced_one) * sin(reduced_other) / cos_squared if cos_squared else 0.0
        c = FLATTENING / 16 * cos_squared * (4 + FLATTENING * (4 - 3 * cos_squared))
        inner = sigma + c * sin_sigma * (middle + c * cos_sigma * (2 * middle**2 - 1))
        before, angle = angle, apart + (1 - c) * FLATTENING * sin_alpha * inner
        if isclose(angle, before, abs_tol=1e-13):
            break
    u_squared = cos_squared * (SEMI_MAJOR**2 - SEMI_MINOR**2) / SEMI_MINOR**2
    a = 1 + u_squared / 16384 * (4096 + u_squared * (-768 + u_squared * (320 - 175 * u_squared)))
    b = u_squared / 1024 * (256 + u_squared * (-128 + u_squared * (74 - 47 * u_squared)))
    last = b / 6 * middle * (4 * sin_sigma**2 - 3) * (4 * middle**2 - 3)
    correction = b * sin_sigma * (middle + b / 4 * (cos_sigma * (2 * middle**2 - 1) - last))
    return SEMI_MINOR * a * (sigma - correction)


def spot_beyond(start: Spot, *, bearing: float, metres: float) -> Spot:
    """Return about where one is after so many metres on a sphere; the bearing is in degrees."""
    latitude, longitude, direction = radians(start[1]), radians(start[0]), radians(bearing)
    angle = metres / 6_371_000
    end = asin(sin(latitude) * cos(angle) + cos(latitude) * sin(angle) * cos(direction))
    turned = atan2(sin(direction) * sin(angle) * cos(latitude), cos(angle) - sin(latitude) * sin(end))
    return (degrees((longitude + turned + pi) % (2 * pi) - pi), degrees(end))
