"""Where a resource of the catalogue file is: a position, or a shape in GeoJSON, with its address."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from bpp.catalog_file.entry import Entry, Identifier
from search.shapes import require_narrow, shape_of
from trading.geometry import Geometry, point_at
from trading.mapping.geojson import LARGEST_LATITUDE, LARGEST_LONGITUDE, read_geometry
from trading.place import Address, Place
from trading.refusals import FieldInvalid

MOST_POSITIONS: Final = 200
"""In the shape of one location: every search by place looks at all of them."""


def _one_line(value: object) -> object:
    """Let an address stand in one line."""
    return {"street": value} if isinstance(value, str) else value


Latitude = Annotated[Decimal, Field(ge=-LARGEST_LATITUDE, le=LARGEST_LATITUDE)]
Longitude = Annotated[Decimal, Field(ge=-LARGEST_LONGITUDE, le=LARGEST_LONGITUDE)]


class AddressEntry(Entry):
    """A postal address, of which one part at least is told."""

    street: Identifier | None = None
    locality: Identifier | None = None
    region: Identifier | None = None
    postal_code: Identifier | None = None
    country: Identifier | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("an address has one part at least")
        return self


class LocationEntry(Entry):
    """A spot by `lat` and `lon`, or a spot, a line or an area by `geometry`."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    geometry: dict[str, Any] | None = None
    address: Annotated[AddressEntry | None, BeforeValidator(_one_line)] = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        has_position = self.lat is not None and self.lon is not None
        half = (self.lat is None) != (self.lon is None)
        if half or has_position == (self.geometry is not None):
            raise ValueError("a location has either lat and lon, or a geometry")
        self.to_domain()
        return self

    def to_domain(self) -> Place:
        """Return the place. Raises: ValueError, if its geometry is wrong."""
        address = Address(**self.address.model_dump()) if self.address else None
        return Place(geometry=self._geometry(), address=address)

    def _geometry(self) -> Geometry:
        if self.lat is not None and self.lon is not None:
            return point_at(longitude=self.lon, latitude=self.lat)
        try:
            geometry = read_geometry(self.geometry, path="geometry", most=MOST_POSITIONS)
            require_narrow(shape_of(geometry, path="geometry"), path="geometry")
        except FieldInvalid as error:
            raise ValueError(f"{error.path}: {error.message}") from error
        return geometry
