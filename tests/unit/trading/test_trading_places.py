"""Shapes, places and conditions on them, as each wire has them; what is wrong is refused with its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.errors import NodeError
from kernel.interval import Interval
from trading.geometry import Geometry, GeometryKind, point_at
from trading.mapping import v1_1, v2_lts, v2_rc
from trading.mapping.geojson import MOST_POSITIONS, read_geometry, write_geometry
from trading.mapping.v1_1.location import read_location, write_location
from trading.mapping.v1_1.search import NEAR
from trading.mapping.wire import Wire
from trading.place import Address, Place
from trading.refusals import FieldInvalid, FieldMissing, SearchUnsupported
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

Json = dict[str, Any]

SQUARE: Json = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
TARGET = "$['availableAt'][*]['geo']"


def test_a_geometry_comes_back_as_it_was_sent_but_for_altitudes() -> None:
    sent = {
        "type": "GeometryCollection",
        "geometries": [{"type": "Point", "coordinates": [Decimal("4.90"), Decimal("52.37")]}, SQUARE],
    }
    assert write_geometry(read_geometry(sent, path="")) == sent
    high = read_geometry({"type": "Point", "coordinates": [1, 2, 300]}, path="")
    assert high == point_at(longitude=Decimal(1), latitude=Decimal(2))


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (None, ""),
        ({}, ""),
        ({"type": "Circle", "coordinates": [1, 2]}, ""),
        ({"type": ["Point"], "coordinates": [1, 2]}, ""),
        ({"type": "Point"}, ".coordinates"),
        ({"type": "Point", "coordinates": []}, ".coordinates"),
        ({"type": "Point", "coordinates": [1]}, ".coordinates"),
        ({"type": "Point", "coordinates": [[[[[[1, 2]]]]]]}, ".coordinates"),
        ({"type": "Point", "coordinates": ["1", 2]}, ".coordinates[0]"),
        ({"type": "Point", "coordinates": [1, True]}, ".coordinates[1]"),
        ({"type": "Point", "coordinates": [1, Decimal("NaN")]}, ".coordinates[1]"),
        ({"type": "Point", "coordinates": [1, Decimal("Infinity")]}, ".coordinates[1]"),
        ({"type": "Point", "coordinates": [1, float("nan")]}, ".coordinates[1]"),
        (
            {"type": "Point", "coordinates": [Decimal("52.37"), Decimal("104.9")]},
            ".coordinates[1]",
        ),  # swapped
        ({"type": "Point", "coordinates": [Decimal("180.1"), 0]}, ".coordinates[0]"),
        ({"type": "LineString", "coordinates": [[1, 2]]}, ".coordinates"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}, ".coordinates[0]"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, ".coordinates[0]"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, ".coordinates[0]"),
        ({"type": "GeometryCollection", "geometries": []}, ".geometries"),
        (
            {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]},
            ".geometries[0].geometries",
        ),
        (
            {"type": "MultiPoint", "coordinates": [[0, 0]] * 1_000_000},
            f".coordinates[{MOST_POSITIONS}]",
        ),
    ],
)
def test_a_geometry_that_is_none_is_refused_where_it_is_wrong(sent: object, path: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_geometry(sent, path="geometry")
    assert refused.value.path == f"geometry{path}"


def condition(**changes: Any) -> Json:
    whole = {"op": "s_within", "targets": TARGET, "geometry": SQUARE}
    return {key: value for key, value in (whole | changes).items() if value is not None}


def rc(*conditions: Json) -> tuple[SpatialFilter, ...]:
    return v2_rc.read_criteria({"spatial": list(conditions)}).places


def lts(*conditions: Json) -> tuple[SpatialFilter, ...]:
    return v2_lts.read_criteria({"intent": {"spatial": list(conditions)}}).places


@pytest.mark.parametrize("operator", list(SpatialOperator))
def test_all_nine_operators_are_read_in_letters_of_either_size(operator: SpatialOperator) -> None:
    for name in (f"s_{operator.value.lower()}", f"S_{operator.value}"):
        [read], [also] = (wire(condition(op=name, distanceMeters=Decimal("2.5"))) for wire in (rc, lts))
        assert read == also
        assert read.operator is operator
        assert read.distance == (Decimal("2.5") if operator is SpatialOperator.DWITHIN else None)


def test_targets_are_one_or_many_and_quantifiers_any_all_or_none() -> None:
    [read] = rc(condition(targets=["$.a", "$.b"], quantifier="none", srid="EPSG:4326"))
    assert (read.targets, read.quantifier) == (("$.a", "$.b"), Quantifier.NONE)
    assert rc(condition())[0].quantifier is Quantifier.ANY
    assert rc() == lts() == ()
    assert lts(condition(), condition())[1].path == "$.message.intent.spatial[1]"


@pytest.mark.parametrize(
    "srid",
    [
        "EPSG:4326",
        "epsg:4326",
        "CRS84",
        "OGC:CRS84",
        "urn:ogc:def:crs:OGC:1.3:CRS84",
        "urn:ogc:def:crs:EPSG::4326",
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        "http://www.opengis.net/def/crs/EPSG/0/4326",
    ],
)
def test_the_reference_system_of_geojson_is_known_by_its_names(srid: str) -> None:
    assert len(rc(condition(srid=srid))) == 1


@pytest.mark.parametrize(
    ("sent", "error", "path"),
    [
        (condition(op=None), FieldMissing, ".op"),
        (condition(op="s_near"), FieldInvalid, ".op"),
        (condition(op="within"), FieldInvalid, ".op"),
        (condition(quantifier="most"), FieldInvalid, ".quantifier"),
        (condition(geometry=None), FieldMissing, ".geometry"),
        (
            condition(geometry={"type": "Point", "coordinates": [0, 91]}),
            FieldInvalid,
            ".geometry.coordinates[1]",
        ),
        (condition(targets=[]), FieldInvalid, ".targets"),
        (condition(targets=None), FieldInvalid, ".targets"),
        (condition(targets=["$.a"] * 5), FieldInvalid, ".targets"),
        (condition(targets=[1]), FieldInvalid, ".targets"),
        (condition(op="s_dwithin"), FieldMissing, ".distanceMeters"),
        (condition(op="s_dwithin", distanceMeters=-1), FieldInvalid, ".distanceMeters"),
        (condition(op="s_dwithin", distanceMeters=10_000_001), FieldInvalid, ".distanceMeters"),
        (condition(op="s_dwithin", distanceMeters=Decimal("NaN")), FieldInvalid, ".distanceMeters"),
        (condition(srid="EPSG:3857"), SearchUnsupported, ".srid"),
        (condition(srid="EPSG:43260"), SearchUnsupported, ".srid"),
        (condition(srid="urn:ogc:def:crs:EPSG::3857"), SearchUnsupported, ".srid"),
    ],
)
def test_a_condition_that_cannot_be_kept_is_refused_with_its_place(
    sent: Json, error: type[NodeError], path: str
) -> None:
    with pytest.raises(error) as refused:
        rc(condition(), sent)
    assert refused.value.path == f"$.message.spatial[1]{path}"


def test_too_many_conditions_are_refused() -> None:
    with pytest.raises(FieldInvalid):
        rc(*[condition()] * 5)
    with pytest.raises(FieldInvalid):
        v2_rc.read_criteria({"spatial": {"op": "s_within"}})


# v1.1


def intent(*stops: Json) -> Json:
    return {"intent": {"fulfillment": {"stops": list(stops)}}}


def circle(value: str, unit: str | None = "km", gps: str = "12.94, 77.59") -> Json:
    return {
        "location": {"circle": {"gps": gps, "radius": {"value": value} | ({"unit": unit} if unit else {})}}
    }


@pytest.mark.parametrize(
    ("value", "unit", "metres"),
    [("5", "km", "5000"), ("2.5", "Kilometers", "2500"), ("900", "m", "900"), ("1", "mi", "1609.344")],
)
def test_a_circle_is_a_reach_around_a_latitude_and_a_longitude(value: str, unit: str, metres: str) -> None:
    [place] = v1_1.read_criteria(intent(circle(value, unit))).places
    assert place.geometry == point_at(longitude=Decimal("77.59"), latitude=Decimal("12.94"))
    assert (place.operator, place.distance) == (SpatialOperator.DWITHIN, Decimal(metres))


def test_a_position_alone_asks_for_what_is_near_and_providers_have_places_too() -> None:
    sent = intent({"location": {"gps": "1.5,2.5"}})
    sent["intent"]["provider"] = {"locations": [{"gps": "3,4"}]}
    at_the_stop, at_the_provider = v1_1.read_criteria(sent).places
    assert (at_the_stop.distance, at_the_provider.distance) == (NEAR, NEAR)
    assert at_the_stop.geometry == point_at(longitude=Decimal("2.5"), latitude=Decimal("1.5"))
    assert at_the_provider.path == "$.message.intent.provider.locations[0]"


@pytest.mark.parametrize(
    ("stop", "error", "path"),
    [
        (circle("5", None), FieldInvalid, ".location.circle.radius.unit"),
        (circle("5", "leagues"), FieldInvalid, ".location.circle.radius.unit"),
        (circle("far"), FieldInvalid, ".location.circle.radius.value"),
        (circle("-1"), FieldInvalid, ".location.circle.radius.value"),
        (circle("10001"), FieldInvalid, ".location.circle.radius.value"),
        (circle("1", gps="91,0"), FieldInvalid, ".location.circle.gps"),
        (circle("1", gps="12.9"), FieldInvalid, ".location.circle.gps"),
        (circle("1", gps="NaN,1"), FieldInvalid, ".location.circle.gps"),
        (circle("1", gps="a,b"), FieldInvalid, ".location.circle.gps"),
        ({"location": {"polygon": "0,0 1,0 1,1 0,0"}}, SearchUnsupported, ".location"),
        ({"location": {"city": {"code": "std:080"}}}, SearchUnsupported, ".location"),
        ({"time": {"range": {"start": "yesterday"}}}, FieldInvalid, ".time.range.start"),
        ({"time": {"timestamp": "2026-01-09T10:00:00"}}, FieldInvalid, ".time.timestamp"),
        (
            {"time": {"range": {"start": "2026-01-09T10:00:00Z", "end": "2026-01-09T09:00:00Z"}}},
            FieldInvalid,
            ".time.range.end",
        ),
    ],
)
def test_an_intent_that_cannot_be_kept_is_refused_with_its_place(
    stop: Json, error: type[NodeError], path: str
) -> None:
    with pytest.raises(error) as refused:
        v1_1.read_criteria(intent({}, stop))
    assert refused.value.path == f"$.message.intent.fulfillment.stops[1]{path}"


def test_five_places_are_too_many() -> None:
    with pytest.raises(FieldInvalid):
        v1_1.read_criteria(intent(*[circle("1")] * 5))


def test_the_time_is_from_the_first_to_the_last_moment_of_the_stops() -> None:
    ten, noon = datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 9, 12, tzinfo=UTC)
    as_range = {"time": {"range": {"start": "2026-01-09T10:00:00Z", "end": "2026-01-09T17:30:00+05:30"}}}
    as_stops = [
        {"type": "start", "time": {"timestamp": "2026-01-09T10:00:00Z"}},
        {"type": "end", "time": {"timestamp": "2026-01-09T12:00:00Z"}},
    ]
    for sent in (intent(as_range), intent(*as_stops)):
        assert v1_1.read_criteria(sent).window == Interval(ten, noon)
    moment = v1_1.read_criteria(intent(as_stops[0])).window
    assert moment == Interval(ten, ten + timedelta(milliseconds=1))
    assert v1_1.read_criteria(intent({"location": {"gps": "1,2"}})).window is None


def test_what_a_generation_has_no_words_for_is_not_written() -> None:
    noon = datetime(2026, 1, 9, 12, tzinfo=UTC)
    timed = Criteria(window=Interval(noon, noon + timedelta(hours=1)))
    for wire in (v2_rc, v2_lts):
        with pytest.raises(SearchUnsupported):
            wire.write_criteria(timed)
    for changes in ({"operator": SpatialOperator.WITHIN}, {"targets": ("$.a",)}, {"distance": None}):
        whole: Json = {"operator": SpatialOperator.DWITHIN, "distance": Decimal(1)}
        place = point_at(longitude=Decimal(0), latitude=Decimal(0))
        with pytest.raises(SearchUnsupported):
            v1_1.write_criteria(Criteria(places=(SpatialFilter(geometry=place, **(whole | changes)),)))


@pytest.mark.parametrize(
    ("wire", "path"),
    [(v2_rc, "$['beckn:availableAt'][*]['geo']"), (v2_lts, "$['availableAt'][*]['geo']")],
    ids=["v2_rc", "v2_lts"],
)
def test_a_condition_without_targets_is_about_the_items_own_place(wire: Wire, path: str) -> None:
    place = point_at(longitude=Decimal(0), latitude=Decimal(0))
    own = SpatialFilter(operator=SpatialOperator.WITHIN, geometry=place)
    (condition,) = wire.read_criteria(wire.write_criteria(Criteria(places=(own,)))).places
    assert (condition.operator, condition.targets) == (SpatialOperator.WITHIN, (path,))


def test_an_area_has_its_middle_as_position_in_v1_1() -> None:
    area = read_geometry(SQUARE, path="")
    address = Address(street="Mill Lane 1", locality="Valley", country="IN")
    written = write_location(Place(geometry=area, address=address), "roof")
    assert (written["gps"], written["address"]) == ("0.5,0.5", "Mill Lane 1")
    assert (written["city"], written["country"]) == ({"name": "Valley"}, {"code": "IN"})
    assert read_location({"locations": [written]}, ["roof"]) == Place(geometry=area, address=address)
    assert read_location({"locations": [{"id": "roof", "address": "x"}]}, ["roof"]) is None
    assert read_location({"locations": [written]}, ["shed"]) is None


def test_an_address_in_one_line_is_its_street_and_one_of_another_kind_is_none() -> None:
    from trading.mapping.bags.location import read_place

    geo = {"type": "Point", "coordinates": [1, 2]}
    found = Geometry(kind=GeometryKind.POINT, coordinates=(Decimal(1), Decimal(2)))
    for address, read in (("Mill Lane 1", Address(street="Mill Lane 1")), (None, None), (3, None)):
        assert read_place({"at": [{"geo": geo, "address": address}]}, "at") == Place(
            geometry=found, address=read
        )
    assert read_place({}, "at") is None
