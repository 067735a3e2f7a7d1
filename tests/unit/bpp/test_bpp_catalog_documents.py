"""Catalogues as documents: from files, in CSV, changed, and told apart."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bpp.catalog.changes import (
    EntryUnclear,
    EntryUnknown,
    Kind,
    difference,
    entries_of,
    merge_entries,
    put_entry,
    touched_providers,
    withdraw,
)
from bpp.catalog.csv_table import load_csv, read_csv
from bpp.catalog.document import (
    Document,
    digest_of,
    load_document,
    parse_json,
    read_document,
    write_document,
)
from bpp.catalog_file.reader import CatalogueInvalid, catalogue_of, load_catalogue

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "catalog"
CATALOGUES = [
    "solar-rooftop.yaml",
    "by-the-hour.yaml",
    "morning-and-afternoon.yaml",
    "community-solar.yaml",
    "charging-station.yaml",
    "charging-stalls.yaml",
    "household-supply.yaml",
]

RESOURCES = """\
id,provider,name,source_type,meter,available_kwh,production_start,production_end,lat,lon
hill-wind,valley-solar-cooperative,Wind,RENEWABLE,100200400,50.5,2026-07-01T00:00Z,2026-07-02T00:00Z,39.1,-108.5

rooftop-solar-07,,Rooftop of the mill,,,,,,,
"""
OFFERS = """\
id,name,resource,currency,price_per_kwh,zone,minimum_kwh,validity_start,validity_end
hill-wind-night,Wind at night,hill-wind,USD,0.125,UTC,1,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z
"""


@pytest.fixture
def solar() -> Document:
    return load_document(EXAMPLES / "solar-rooftop.yaml")


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_document_says_what_its_file_says_and_needs_no_other(name: str) -> None:
    document = load_document(EXAMPLES / name)
    kept = read_document(write_document(document))
    assert catalogue_of(kept, name="kept") == load_catalogue(EXAMPLES / name)
    assert all("tariffs" not in offer for offer in entries_of(kept, Kind.OFFER))
    assert write_document(kept) == write_document(document)


def test_json_is_read_like_yaml_with_its_numbers_exact(solar: Document, tmp_path: Path) -> None:
    file = tmp_path / "solar.json"
    file.write_text(write_document(solar))
    again = load_document(file)
    assert again == solar
    assert again["offers"][0]["price_per_kwh"] == Decimal("0.15")
    file.write_text("{")
    with pytest.raises(CatalogueInvalid, match=r"solar\.json is no JSON"):
        load_document(file)
    with pytest.raises(CatalogueInvalid, match="the body is no JSON"):
        parse_json(b"\xff", "the body")


def test_documents_that_say_the_same_have_the_same_digest(solar: Document) -> None:
    turned = dict(reversed(list(solar.items())))
    assert digest_of(write_document(turned)) == digest_of(write_document(solar))
    assert digest_of(write_document(solar | {"name": "Other"})) != digest_of(write_document(solar))


def test_a_document_names_no_files(solar: Document) -> None:
    solar["offers"][0]["tariffs"] = ["/etc/passwd"]
    with pytest.raises(CatalogueInvalid) as caught:
        catalogue_of(solar, name="the body")
    assert caught.value.path == "offers.0.tariffs"


def test_a_document_may_sell_nothing_and_a_file_may_not(solar: Document, tmp_path: Path) -> None:
    nothing = solar | {"resources": [], "offers": []}
    assert catalogue_of(nothing, name="kept").resources == ()
    file = tmp_path / "nothing.json"
    file.write_text(json.dumps({"id": "x", "name": "x", "providers": [], "resources": [], "offers": []}))
    with pytest.raises(CatalogueInvalid, match="providers"):
        load_document(file)


# CSV


def test_tables_add_entries_and_change_those_that_are_there(solar: Document) -> None:
    for table in (read_csv(RESOURCES, name="r.csv"), read_csv(OFFERS, name="o.csv")):
        solar = merge_entries(solar, table.kind, table.entries)
    catalogue = catalogue_of(solar, name="merged")
    wind = catalogue.get_resource("hill-wind")
    assert (wind.available.watt_hours, wind.place is not None) == (50_500, True)
    roof = catalogue.get_resource("rooftop-solar-07")
    assert (roof.name, roof.available.watt_hours) == ("Rooftop of the mill", 500_000)
    assert roof.source.certification is not None
    offer = catalogue.get_offer("hill-wind", None)
    assert (offer.terms.price.per_kwh, offer.validity is not None) == (Decimal("0.125"), True)


def test_a_part_of_an_entry_keeps_what_a_table_does_not_say(solar: Document) -> None:
    table = read_csv("id,provider,production_end\nrooftop-solar-07,,2030-01-01T00:00:00Z\n", name="r.csv")
    merged = merge_entries(solar, table.kind, table.entries)
    assert merged["resources"][0]["production"] == {
        "start": "2026-01-01T00:00:00Z",
        "end": "2030-01-01T00:00:00Z",
    }


def test_a_table_says_where_a_thing_is_that_was_nowhere(solar: Document) -> None:
    nowhere = merge_entries(solar, Kind.RESOURCE, [{"id": "rooftop-solar-07", "location": None}])
    table = read_csv("id,provider,lat,lon\nrooftop-solar-07,,1,2\n", name="r.csv")
    merged = merge_entries(nowhere, table.kind, table.entries)
    assert merged["resources"][0]["location"] == {"lat": "1", "lon": "2"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the heading tells neither"),
        ("id,name\n", "the heading tells neither"),
        ("id,provider,resource\n", "the heading tells neither"),
        ("id,provider,colour\n", "the column 'colour' is unknown"),
        ("id,provider,provider\n", "the column 'provider' is unknown, or there twice"),
        ("provider,name\n", "there is no column id"),
        ("id,provider\na,b,c\n", r"line 2: there are 3 cells and 2 columns"),
        ("id,provider\n,b\n", "line 2: the id is empty"),
        ("id,provider\na,b\n\na,c\n", "line 4: the id 'a' is there twice, first in line 2"),
        ('id,provider\na,"b\n', "line 2: unexpected end of data"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(CatalogueInvalid, match=why):
        read_csv(text, name="t.csv")


@pytest.mark.parametrize("mark", [";", "\t"], ids=["semicolons", "tabs"])
def test_a_table_of_a_spreadsheet_may_have_other_marks_and_capitals(mark: str) -> None:
    text = RESOURCES.replace(",", mark).replace("id", "ID", 1).replace("\n", "\r\n")
    assert read_csv(text, name="t.csv") == read_csv(RESOURCES, name="t.csv")


def test_json_that_has_a_key_twice_is_refused() -> None:
    with pytest.raises(CatalogueInvalid, match="the key 'price' is there twice in one object"):
        parse_json('{"offers": [{"price": 1, "price": 2}]}', "shop.json")


def test_a_table_may_begin_with_a_mark_of_its_encoding(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(RESOURCES, encoding="utf-8-sig")
    assert [entry["id"] for entry in load_csv(file).entries] == ["hill-wind", "rooftop-solar-07"]


# changes


def test_with_a_provider_goes_all_that_it_sells(solar: Document) -> None:
    gone = withdraw(solar, ["valley-solar-cooperative"])
    assert [entries_of(gone, kind) for kind in Kind] == [[], [], []]
    without = withdraw(solar, ["rooftop-solar-07"])
    assert [len(entries_of(without, kind)) for kind in Kind] == [1, 0, 0]
    only = withdraw(solar, ["rooftop-solar-07-daytime"])
    assert [len(entries_of(only, kind)) for kind in Kind] == [1, 1, 0]


def test_as_many_as_there_are_are_checked_and_withdrawn(solar: Document) -> None:
    [roof] = entries_of(solar, Kind.RESOURCE)
    ids = [f"roof-{number}" for number in range(10_000)]
    many = solar | {"resources": [roof | {"id": each} for each in ids], "offers": []}
    assert len(catalogue_of(many, name="many").resources) == len(ids)
    assert entries_of(withdraw(many, ids), Kind.RESOURCE) == []


def test_what_is_withdrawn_must_be_there_and_be_one_thing(solar: Document) -> None:
    with pytest.raises(EntryUnknown, match="no entry 'moon'"):
        withdraw(solar, ["moon"])
    with pytest.raises(EntryUnknown, match="no offer 'rooftop-solar-07'"):
        withdraw(solar, ["rooftop-solar-07"], kind=Kind.OFFER)
    same = put_entry(solar, Kind.PROVIDER, {"id": "rooftop-solar-07", "name": "Namesake"})
    with pytest.raises(EntryUnclear, match="of the providers and of the resources"):
        withdraw(same, ["rooftop-solar-07"])
    assert len(entries_of(withdraw(same, ["rooftop-solar-07"], kind=Kind.PROVIDER), Kind.RESOURCE)) == 1


def test_an_entry_takes_the_place_of_the_one_of_its_id(solar: Document) -> None:
    (offer,) = entries_of(solar, Kind.OFFER)
    dearer = put_entry(solar, Kind.OFFER, offer | {"price_per_kwh": Decimal("0.20")})
    another = put_entry(dearer, Kind.OFFER, offer | {"id": "second"})
    assert [entry["id"] for entry in another["offers"]] == ["rooftop-solar-07-daytime", "second"]
    differs = difference(solar, another)
    assert (differs.added[Kind.OFFER], differs.changed[Kind.OFFER]) == (
        ("second",),
        ("rooftop-solar-07-daytime",),
    )
    assert difference(another, solar).removed[Kind.OFFER] == ("second",)
    assert difference(solar, solar).is_nothing
    assert difference(None, solar).added[Kind.RESOURCE] == ("rooftop-solar-07",)


def test_only_the_providers_of_what_changed_are_touched(solar: Document) -> None:
    two = put_entry(solar, Kind.PROVIDER, {"id": "hill", "name": "Hill"})
    roof = entries_of(two, Kind.RESOURCE)[0]
    more = put_entry(two, Kind.RESOURCE, roof | {"id": "hill-wind", "provider": "hill"})
    assert touched_providers(solar, two) == frozenset({"hill"})
    assert touched_providers(two, more) == touched_providers(more, two) == frozenset({"hill"})
    moved = put_entry(more, Kind.RESOURCE, roof | {"id": "hill-wind", "provider": roof["provider"]})
    assert touched_providers(more, moved) == frozenset({"hill", roof["provider"]})
    without = withdraw(solar, ["rooftop-solar-07-daytime"])
    assert touched_providers(solar, without) == frozenset({roof["provider"]})
    assert touched_providers(solar, solar) == frozenset()
    assert touched_providers(solar, solar | {"name": "Other"}) is None
