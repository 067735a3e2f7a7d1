"""Packs of an operator's own: found in a folder, used like ours, and refused with the file and the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import iris
from schemas.attributes import unknown_bags
from schemas.jsonld import JsonLd
from schemas.pack_folder import PackInvalid, load_packs
from schemas.packs import CORE_CONTEXTS, bundled_packs
from schemas.validation import schema_set
from tests.support.rc_examples import example

ROOFTOP = "https://town.example/Rooftop/v1.0/context.jsonld"
ABOUT = {
    "name": "Rooftop",
    "version": "1.0",
    "contexts": [ROOFTOP],
    "types": ["Rooftop"],
    "schema": "schema.json",
    "context": "context.jsonld",
}
SCHEMA = {
    "$id": "https://town.example/Rooftop/v1.0/schema.json",
    "type": "object",
    "required": ["area"],
    "properties": {
        "area": {"type": "number"},
        "since": {"$ref": "https://degnode.org/schemas/core/instant.json"},
    },
}
CONTEXT = {"@context": {"area": "https://town.example/area"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path / "rooftops")
    return tmp_path


def _write(folder: Path, about: object = ABOUT, schema: object = SCHEMA, context: object = CONTEXT) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pack.json").write_text(json.dumps(about))
    (folder / "schema.json").write_text(json.dumps(schema))
    (folder / "context.jsonld").write_text(json.dumps(context))


def _with_bag(bag: object) -> dict[str, Any]:
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    return confirm


def test_a_pack_from_a_folder_checks_and_reads_bags(folder: Path) -> None:
    packs = (*bundled_packs(), *load_packs(folder))
    bag = {"@context": ROOFTOP, "@type": "Rooftop", "area": 12, "since": "2026-03-02T09:00:00Z"}
    schemas = schema_set("v2_rc", packs=packs)
    assert schemas.is_valid("confirm", _with_bag(bag))
    assert not schemas.is_valid("confirm", _with_bag({**bag, "area": "large"}))
    assert not schemas.is_valid("confirm", _with_bag({**bag, "since": "yesterday"}))
    assert unknown_bags(bag, packs) == []
    assert JsonLd(packs).expand(bag)[0]["https://town.example/area"] == [{"@value": 12}]


def test_packs_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b", "a"):
        about = {**ABOUT, "name": name, "contexts": [f"https://town.example/{name}"]}
        _write(tmp_path / name, about, {**SCHEMA, "$id": f"https://town.example/{name}/schema"})
    assert [pack.name for pack in load_packs(tmp_path)] == ["a", "b"]


def test_a_folder_without_a_pack_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackInvalid, match="there is no pack here") as refused:
        load_packs(tmp_path)
    assert refused.value.path == str(tmp_path)
    assert refused.value.hint is not None


@pytest.mark.parametrize(
    ("about", "what", "where"),
    [
        ({**ABOUT, "name": 5}, "name must be a string", "pack.json: $.name"),
        ({**ABOUT, "types": []}, "types must be a list of strings", "pack.json: $.types"),
        ({**ABOUT, "types": "Rooftop"}, "types must be a list of strings", "pack.json: $.types"),
        ({**ABOUT, "contexts": [1]}, "contexts must be a list of strings", "pack.json: $.contexts"),
        ({"name": "x"}, "context must be a string", "pack.json: $.context"),
        ({**ABOUT, "schema": "none.json"}, "cannot be read", "none.json"),
        (["a"], "a JSON object must stand here", "pack.json"),
        (
            {**ABOUT, "contexts": [iris.ENERGY_TRADE_CONTRACT_CONTEXT]},
            "belongs to another pack already",
            "pack.json: $.contexts",
        ),
        ({**ABOUT, "contexts": [ROOFTOP, ROOFTOP]}, "belongs to another pack", "pack.json: $.contexts"),
    ],
)
def test_a_wrong_description_is_told_with_its_place(
    tmp_path: Path, about: object, what: str, where: str
) -> None:
    _write(tmp_path / "rooftops", about)
    with pytest.raises(PackInvalid, match=what) as refused:
        load_packs(tmp_path)
    assert refused.value.path is not None
    assert refused.value.path.endswith(where)


@pytest.mark.parametrize(
    ("schema", "what", "where"),
    [
        ({"type": "object"}, 'needs an "[$]id"', "schema.json: $['$id']"),
        ({**SCHEMA, "$id": "rooftop"}, 'needs an "[$]id"', "schema.json: $['$id']"),
        ({**SCHEMA, "$id": "https://degnode.org/schemas/core/instant.json"}, "this package's", "$['$id']"),
        ({**SCHEMA, "type": "thing"}, "no JSON Schema", "schema.json: $.type"),
        ({**SCHEMA, "$ref": "https://town.example/none"}, "cannot be used", "schema.json"),
    ],
)
def test_a_wrong_schema_is_told_with_its_place(tmp_path: Path, schema: object, what: str, where: str) -> None:
    _write(tmp_path / "rooftops", schema=schema)
    with pytest.raises(PackInvalid, match=what) as refused:
        load_packs(tmp_path)
    assert refused.value.path is not None
    assert refused.value.path.endswith(where)


def test_two_packs_with_one_schema_are_told(tmp_path: Path) -> None:
    _write(tmp_path / "a")
    _write(tmp_path / "b", {**ABOUT, "contexts": ["https://town.example/other"]})
    with pytest.raises(PackInvalid, match="belongs to another pack already") as refused:
        load_packs(tmp_path)
    assert refused.value.hint is not None


def test_a_wrong_context_and_a_file_that_is_no_json_are_told(folder: Path) -> None:
    file = folder / "rooftops" / "context.jsonld"
    file.write_text("{}")
    with pytest.raises(PackInvalid, match='no "@context" in it'):
        load_packs(folder)
    file.write_text("{")
    with pytest.raises(PackInvalid, match="this is no JSON") as refused:
        load_packs(folder)
    assert refused.value.path == str(file)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({**SCHEMA, "$id": "https://town.example/schema.json#part"}, r"\$\['\$id'\]"),
        ({**SCHEMA, "properties": {"area": {"pattern": "^(?!x)"}}}, r"\$\.properties\.area\.pattern"),
    ],
)
def test_a_schema_that_messages_cannot_be_checked_by_is_refused(
    tmp_path: Path, schema: object, where: str
) -> None:
    _write(tmp_path / "rooftops", schema=schema)
    with pytest.raises(PackInvalid, match=rf"schema\.json: {where}"):
        load_packs(tmp_path)


def test_the_context_of_the_core_is_nobodys(tmp_path: Path) -> None:
    _write(tmp_path / "rooftops", about={**ABOUT, "contexts": [CORE_CONTEXTS[0]]})
    with pytest.raises(PackInvalid, match="belongs to another pack already"):
        load_packs(tmp_path)
