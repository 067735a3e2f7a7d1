"""A network's own OpenAPI document as the rules of messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.official import OfficialDocumentInvalid, official_schema_set

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "made": {"type": "string", "format": "date-time"}},
}


def _body(schema: object) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def _document(**changes: object) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "paths": {
            "/beckn/select": {"post": _body({"$ref": "#/components/schemas/Order"})},
            "/beckn/catalog/publish": {"post": {"requestBody": {"$ref": "#/components/requestBodies/A~1B"}}},
            "/beckn/discover": {"get": _body({"type": "array"})},
            "/beckn/catalog/{id}": {"post": _body({"type": "boolean"}), "get": {"responses": {}}},
            "/beckn/health": {"get": {}},
            "/other": {"post": _body({"type": "string"})},
        },
        "components": {
            "schemas": {"Order": ORDER},
            "requestBodies": {"A/B": _body({"type": "number"})["requestBody"]},
        },
        **changes,
    }


def _write(folder: Path, document: object, name: str = "network.yaml") -> Path:
    file = folder / name
    file.write_text(yaml.safe_dump(document) if name.endswith("yaml") else json.dumps(document))
    return file


@pytest.mark.parametrize("name", ["network.yaml", "network.json"])
def test_every_path_with_a_body_is_a_message_named_by_it(tmp_path: Path, name: str) -> None:
    schemas = official_schema_set(_write(tmp_path, _document(), name), path_prefix="/beckn")
    assert schemas.generation == name
    assert schemas.actions == {"select", "catalog_publish", "discover", "catalog_{id}"}
    assert schemas.is_valid("select", {"id": "1", "made": "yesterday"})
    assert schemas.is_valid("catalog_publish", 1.5)
    assert schemas.is_valid("discover", [])
    assert schemas.is_valid("catalog_{id}", True)
    assert official_schema_set(_write(tmp_path, _document(), name)).actions >= {"other", "beckn_select"}


def test_a_fault_is_told_as_with_our_own_schemas(tmp_path: Path) -> None:
    schemas = official_schema_set(_write(tmp_path, _document()), path_prefix="/beckn")
    (told,) = schemas.violations("select", {"id": 5})
    assert (told.path, told.rule) == ("$.id", "type")
    assert schemas.reference_violations("select", {"id": 5}) == [told]


def test_a_document_may_refer_to_others_that_lie_beside_it(tmp_path: Path) -> None:
    address = "https://town.example/core.yaml"
    other = _write(tmp_path, {"components": {"schemas": {"Order": ORDER}}}, "core.yaml")
    paths = {"/select": {"post": _body({"$ref": f"{address}#/components/schemas/Order"})}}
    file = _write(tmp_path, _document(paths=paths))
    assert not official_schema_set(file, references={address: other}).is_valid("select", {})
    with pytest.raises(OfficialDocumentInvalid, match=address) as refused:
        official_schema_set(file)
    assert refused.value.path == str(file)
    assert refused.value.hint is not None
    assert "copy" in refused.value.hint


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
        ({"properties": {"a": False}}, {"a": 1}),
        ({"required": ["a"], "properties": {"a": True}}, {}),
        ({"anyOf": [False, {"required": ["a"]}, {"$ref": "#/components/schemas/Order"}]}, {}),
        ({"oneOf": [{"type": "object"}, {"minProperties": 0}]}, {}),
        ({"not": {}}, {}),
        ({"propertyNames": {"maxLength": 1}}, {"aa": 1}),
        ({"contains": {"const": 1}, "uniqueItems": True}, [2, 2]),
        ({"exclusiveMinimum": 5, "multipleOf": 2}, 3),
        ({"minLength": 2, "pattern": "^a"}, "b"),
        ({"unevaluatedProperties": False}, {"a": 1}),
        ({"prefixItems": [{"const": 1}], "items": False}, [2, 2]),
    ],
)
def test_whatever_its_schemas_say_a_fault_can_be_told(tmp_path: Path, schema: object, value: object) -> None:
    schemas = official_schema_set(_write(tmp_path, _document(paths={"/select": {"post": _body(schema)}})))
    assert schemas.violations("select", value)
    assert schemas.reference_violations("select", value)


def test_dates_in_yaml_are_taken_as_text(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(
        "openapi: 3.1.1\npaths:\n  /select:\n    post:\n      requestBody:\n        content:\n"
        "          application/json:\n            schema: {const: 2026-03-02}\n"
    )
    assert official_schema_set(file).is_valid("select", "2026-03-02")


@pytest.mark.parametrize(
    ("document", "what", "where"),
    [
        ({"openapi": "3.0.3"}, "no OpenAPI 3.1", ": $.openapi"),
        ({"swagger": "2.0"}, "no OpenAPI 3.1", ": $.openapi"),
        ({"openapi": "3.1.0", "paths": []}, "no path below /beckn", ": $.paths"),
        (_document(paths={"/select": {"post": _body({})}}), "no path below /beckn", ": $.paths"),
        (_document(components={}), "cannot be used", "network.yaml"),
        ("text", "an object must stand here", "network.yaml"),
    ],
)
def test_a_document_that_lays_down_no_rules_is_refused(
    tmp_path: Path, document: object, what: str, where: str
) -> None:
    with pytest.raises(OfficialDocumentInvalid, match=what) as refused:
        official_schema_set(_write(tmp_path, document), path_prefix="/beckn")
    assert refused.value.path is not None
    assert refused.value.path.endswith(where)


def test_a_file_that_is_missing_or_no_yaml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    with pytest.raises(OfficialDocumentInvalid, match="cannot be read"):
        official_schema_set(file)
    file.write_text("a: [")
    with pytest.raises(OfficialDocumentInvalid, match="neither YAML nor JSON"):
        official_schema_set(file)
    file.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(OfficialDocumentInvalid, match="neither YAML nor JSON"):
        official_schema_set(file)


def test_keys_in_yaml_are_taken_as_text(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(
        "openapi: 3.1.0\n"
        "x: &shared {type: object}\n"
        "paths:\n"
        "  /x:\n"
        "    post:\n"
        "      responses: {200: {description: fine}}\n"
        "      requestBody: {content: {application/json: {schema: {<<: *shared, properties:"
        " {1: {type: boolean}, no: {type: boolean}}}}}}\n"
    )
    schemas = official_schema_set(file)
    assert schemas.is_valid("x", {"1": True, "no": True})
    assert not schemas.is_valid("x", {"1": True, "no": 7})


def test_a_document_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text("[" * 5_000)
    with pytest.raises(OfficialDocumentInvalid, match="neither YAML nor JSON"):
        official_schema_set(file)
