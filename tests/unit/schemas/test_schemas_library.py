"""The schema files themselves: named by their place, sound, and within what the code relies on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.attributes import UnknownPacks
from schemas.findings import MOST_ENTRIES_ASKED
from schemas.library import (
    BASE,
    GENERATIONS,
    GenerationUnknown,
    Library,
    participant_library,
    transport_library,
)
from schemas.packs import bundled_packs

ROOT = Path(str(files("schemas")))


def _libraries(generation: str) -> tuple[Library, Library]:
    return transport_library(generation), participant_library(generation, bundled_packs(), UnknownPacks.WARN)


@pytest.fixture(params=[(g, n) for g in GENERATIONS for n in range(2)], ids=str)
def schemas(request: pytest.FixtureRequest) -> Library:
    """The schemas of each generation, as the transport and as a participant has them."""
    generation, number = request.param
    return _libraries(generation)[number]


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for entry in value.values():
            yield from _nodes(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _nodes(entry)


def _places(folder: Path) -> set[str]:
    return {f"{BASE}{file.relative_to(folder).as_posix()}" for file in folder.rglob("*.json")}


def test_every_schema_is_named_by_its_place_in_the_package() -> None:
    named = {identifier for generation in GENERATIONS for identifier in _identifiers(generation)}
    assert named == {place.replace("/participant/", "/") for place in _places(ROOT)}


def _identifiers(generation: str) -> set[str]:
    return {key for schemas in _libraries(generation) for key in schemas.documents}


def test_a_generation_comes_without_the_others(schemas: Library) -> None:
    others = tuple(f"{BASE}{name}/" for name in GENERATIONS if name != schemas.name)
    assert not any(identifier.startswith(others) for identifier in schemas.documents)


def test_a_schema_for_participants_stands_in_for_one_of_the_transport() -> None:
    instant = f"{BASE}core/instant.json"
    transport, participant = _libraries("v2_rc")
    assert "pattern" not in transport.documents[instant]
    assert "pattern" in participant.documents[instant]
    assert transport.messages == participant.messages


def test_every_schema_is_sound_and_says_what_it_is(schemas: Library) -> None:
    for identifier, document in schemas.documents.items():
        Draft202012Validator.check_schema(document)
        assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema", identifier
        assert document["title"], identifier
        assert document["description"], identifier


def test_the_only_format_that_is_a_rule_is_the_instant(schemas: Library) -> None:
    nodes = (node for document in schemas.documents.values() for node in _nodes(document))
    named = {node["format"] for node in nodes if isinstance(node.get("format"), str)}
    assert named == ({"date-time"} if schemas.asserts_formats else set())


def test_no_array_is_asked_for_more_entries_than_a_listing_looks_at(schemas: Library) -> None:
    asked = [node["minItems"] for d in schemas.documents.values() for node in _nodes(d) if "minItems" in node]
    assert max(asked, default=0) <= MOST_ENTRIES_ASKED


def test_a_generation_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(GenerationUnknown, match="no schemas for 'v9'; there are v1_1, v2_rc, v2_lts"):
        transport_library("v9")


def test_the_schema_around_a_keyword_is_found_through_keys_that_pointers_escape() -> None:
    schemas = _libraries("v2_rc")[1]
    order = f"{BASE}v2_rc/parts/order.json"
    assert schemas.schema_around(f"{order}#/required") is schemas.documents[order]
    assert schemas.schema_around(f"{order}#/properties/%40type/enum") == {"enum": ["beckn:Order"]}
    period = f"{BASE}core/time_period.json"
    assert schemas.schema_around(f"{period}#/anyOf/0/required") == {"required": ["schema:startDate"]}
