"""A place as 2.0 has it: GeoJSON, and the parts of its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.find import Json, find_objects, without_none
from trading.mapping.geojson import read_geometry, write_geometry
from trading.place import Address, Place

_PARTS: Final = (
    ("streetAddress", "street"),
    ("addressLocality", "locality"),
    ("addressRegion", "region"),
    ("postalCode", "postal_code"),
    ("addressCountry", "country"),
)


def write_location(place: Place) -> Json:
    """Return a place as a Location."""
    location: Json = {"geo": write_geometry(place.geometry)}
    if place.address is not None:
        parts = {key: getattr(place.address, name) for key, name in _PARTS}
        location["address"] = without_none(parts)
    return location


def read_place(bearer: Mapping[str, Any], key: str) -> Place | None:
    """Return the first of the Locations under `key`, None if there are none. Raises: FieldInvalid."""
    locations = find_objects(bearer, key)
    if not locations:
        return None
    geometry = read_geometry(locations[0].get("geo"), path=f"{key}[0].geo")
    return Place(geometry=geometry, address=_read_address(locations[0].get("address")))


def _read_address(address: object) -> Address | None:
    if isinstance(address, str):  # one line of it is taken in RC
        return Address(street=address)
    if not isinstance(address, dict):
        return None
    return Address(**{name: address.get(key) for key, name in _PARTS})
