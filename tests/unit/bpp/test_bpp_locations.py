"""Where the catalogue file says that a resource is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from tests.support.seller_world import CATALOGUE_FILE
from trading.geometry import GeometryKind, point_at
from trading.place import Address, Place

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")


def placed(location: str) -> str:
    """Return the catalogue with a location of the one resource, in YAML's flow style."""
    return TEXT.replace("    available_kwh: 30.5", f"    location: {location}\n    available_kwh: 30.5")


def place_of(location: str) -> Place:
    place = read_catalogue(placed(location), name="x").resources[0].place
    assert place is not None
    return place


def test_a_spot_is_read_exactly_with_its_address() -> None:
    found = place_of("{lat: 12.9716, lon: 77.5946, address: {street: Mill Lane 1, country: IN}}")
    assert found.geometry == point_at(longitude=Decimal("77.5946"), latitude=Decimal("12.9716"))
    assert found.address == Address(street="Mill Lane 1", country="IN")
    assert place_of("{lat: 1, lon: 2, address: Mill Lane 1}").address == Address(street="Mill Lane 1")
    assert read_catalogue(TEXT, name="x").resources[0].place is None


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        ("{type: Point, coordinates: [77.5, 12.9]}", GeometryKind.POINT),
        ("{type: LineString, coordinates: [[77.5, 12.9], [77.6, 12.9]]}", GeometryKind.LINE),
        (
            "{type: Polygon, coordinates: [[[77, 12], [78, 12], [78, 13], [77, 12]]]}",
            GeometryKind.POLYGON,
        ),
    ],
)
def test_a_line_or_an_area_is_geojson(geometry: str, kind: GeometryKind) -> None:
    assert place_of(f"{{geometry: {geometry}}}").geometry.kind is kind


MANY = ", ".join(f"[{number / 1000}, 0]" for number in range(201))


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("{lat: 12.9}", "location: a location has either lat and lon, or a geometry"),
        ("{address: Mill Lane 1}", "either lat and lon, or a geometry"),
        ("{lat: 1, lon: 2, geometry: {type: Point, coordinates: [1, 2]}}", "either"),
        ("{lat: 1, geometry: {type: Point, coordinates: [1, 2]}}", "either"),
        ("{lat: 104.9, lon: 52.4}", "resources.0.location.lat: .*at most 90"),
        ("{lat: 1, lon: -181}", "resources.0.location.lon"),
        ("{lat: 1, lon: 2, address: {}}", "resources.0.location.address: an address has one part"),
        ("{lat: 1, lon: 2, address: {planet: Earth}}", "location.address.planet: .*not known here"),
        ("{lat: 1, lon: 2, altitude: 3}", "location.altitude: .*not known here"),
        ("{geometry: {type: Circle}}", "resources.0.location: geometry: that is no GeoJSON"),
        ("{geometry: {type: Point, coordinates: [1, 91]}}", r"geometry.coordinates\[1\]: 91 lies outside"),
        (
            "{geometry: {type: Polygon, coordinates: [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}",
            "geometry: the geometry is invalid: Self-intersection",
        ),
        ("{geometry: {type: LineString, coordinates: [[0, 0], [30, 0]]}}", "farther than 1000 km"),
        (f"{{geometry: {{type: LineString, coordinates: [{MANY}]}}}}", "more than 200 positions"),
    ],
)
def test_a_location_that_is_none_stops_the_start_with_place_and_reason(location: str, message: str) -> None:
    with pytest.raises(CatalogueInvalid, match=message) as refused:
        read_catalogue(placed(location), name="x")
    assert str(refused.value.path).startswith("resources.0.location")
