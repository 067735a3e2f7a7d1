"""A place as v1.1 has it: a position as text, and an address in one line and some names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from trading.geometry import Geometry, GeometryKind, Position, point_at
from trading.mapping.bags.amounts import plain
from trading.mapping.find import Json, find_objects, find_text, without_none
from trading.mapping.geojson import (
    LARGEST_LATITUDE,
    LARGEST_LONGITUDE,
    read_degrees,
    read_geometry,
    write_geometry,
)
from trading.place import Address, Place
from trading.refusals import FieldInvalid

_SHAPE: Final = "geo"
"""Beside v1.1's own keys: the GeoJSON of a line or an area, for whose text v1.1 has no form."""

_LONGEST_CODE: Final = 3
"""Letters of an ISO 3166 code; a longer country is a name."""


def write_location(place: Place, location_id: str) -> Json:
    """Return a place by its id; the position of a line or an area is the middle of what it spans."""
    address = place.address or Address()
    country = address.country
    is_code = country is not None and len(country) <= _LONGEST_CODE
    location = without_none(
        {
            "id": location_id,
            "gps": write_position(_middle(place.geometry)),
            "address": address.street,
            "city": _named("name", address.locality),
            "state": _named("name", address.region),
            "country": _named("code" if is_code else "name", country),
            "area_code": address.postal_code,
        }
    )
    if place.geometry.kind is not GeometryKind.POINT:
        location[_SHAPE] = write_geometry(place.geometry)
    return location


def read_location(provider: Mapping[str, Any], ids: Collection[str]) -> Place | None:
    """Return the first of a provider's places that is among `ids`, None if none is. Raises: FieldInvalid."""
    found = [entry for entry in find_objects(provider, "locations") if entry.get("id") in ids]
    if not found:
        return None
    location = found[0]
    if _SHAPE in location:
        geometry = read_geometry(location[_SHAPE], path=f"locations.{_SHAPE}")
    elif "gps" in location:
        geometry = read_position(location["gps"], path="locations.gps")
    else:
        return None
    address = Address(
        street=find_text(location, "address"),
        locality=find_text(location, "city", "name"),
        region=find_text(location, "state", "name"),
        postal_code=find_text(location, "area_code"),
        country=find_text(location, "country", "code") or find_text(location, "country", "name"),
    )
    return Place(geometry=geometry, address=None if address == Address() else address)


def read_position(gps: object, *, path: str) -> Geometry:
    """Return the place of a latitude and a longitude in one text. Raises: FieldInvalid."""
    parts = gps.split(",") if isinstance(gps, str) else []
    if len(parts) != 2:
        raise FieldInvalid("a position is latitude, comma, longitude here", path=path)
    latitude, longitude = (
        read_degrees(_number(part, path), most=most, path=path)
        for part, most in zip(parts, (LARGEST_LATITUDE, LARGEST_LONGITUDE), strict=True)
    )
    return point_at(longitude=longitude, latitude=latitude)


def write_position(position: Position) -> str:
    """Return latitude and longitude in one text."""
    longitude, latitude = position
    return f"{plain(latitude)},{plain(longitude)}"


def _named(key: str, name: str | None) -> Json | None:
    return None if name is None else {key: name}


def _number(text: str, path: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except ArithmeticError as error:
        raise FieldInvalid("a position is latitude, comma, longitude here", path=path) from error


def _middle(geometry: Geometry) -> Position:
    longitudes, latitudes = zip(*geometry.positions(), strict=True)
    return ((min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2)
