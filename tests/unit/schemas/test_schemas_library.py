"""The schema files themselves: named by their place, sound, and within what the code relies on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.findings import MOST_ENTRIES_ASKED
from schemas.library import (
    BASE,
    GENERATIONS,
    GenerationUnknown,
    documents,
    get_generation,
    messages,
    schema_around,
)


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for entry in value.values():
            yield from _nodes(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _nodes(entry)


def test_every_schema_is_named_by_its_place_in_the_package() -> None:
    root = Path(str(files("schemas")))
    places = {f"{BASE}{file.relative_to(root).as_posix()}" for file in root.rglob("*.json")}
    assert places == set(documents())


@pytest.mark.parametrize("identifier", documents())
def test_every_schema_is_sound_and_says_what_it_is(identifier: str) -> None:
    document = documents()[identifier]
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["title"]
    assert document["description"]


def test_the_only_format_that_is_a_rule_is_the_instant() -> None:
    named = {node["format"] for d in documents().values() for node in _nodes(d) if "format" in node}
    assert named == {"date-time"}


def test_no_array_is_asked_for_more_entries_than_a_listing_looks_at() -> None:
    asked = [node["minItems"] for d in documents().values() for node in _nodes(d) if "minItems" in node]
    assert max(asked) <= MOST_ENTRIES_ASKED


def test_a_generation_has_a_schema_for_every_message() -> None:
    for generation in GENERATIONS.values():
        assert len(messages(generation)) == 20


def test_a_generation_is_found_by_its_name_or_refused() -> None:
    assert get_generation("v2_rc").asserts_formats
    with pytest.raises(GenerationUnknown):
        get_generation("v1_1")


def test_the_schema_around_a_keyword_is_found_through_keys_that_pointers_escape() -> None:
    order = f"{BASE}v2_rc/parts/order.json"
    assert schema_around(f"{order}#/required") is documents()[order]
    assert schema_around(f"{order}#/properties/%40type/enum") == {"enum": ["beckn:Order"]}
    period = f"{BASE}v2_rc/parts/time_period.json"
    assert schema_around(f"{period}#/anyOf/0/required") == {"required": ["schema:startDate"]}
