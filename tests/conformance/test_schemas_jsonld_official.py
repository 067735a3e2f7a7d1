"""Our JSON-LD contexts mean what the official ones mean: key by key, and over all real messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import yaml
from pyld import jsonld

from schemas import iris
from schemas.contexts import bundled_contexts
from schemas.jsonld import JsonLd, expand, lost_terms
from schemas.packs import CORE_CONTEXTS, Packs, bundled_packs
from tests.support.bag_examples import BagExample, bag_examples

_PUBLISHED: Final = [
    found for found in bag_examples() if found.is_published and found.pack.name != "EnergyEnrollment"
]
"""All but the one whose official context refers to contexts that are not at hand."""

_AS_WRITTEN: Final = {f"{iris.BECKN}geo", "https://schema.org/geo", f"{iris.BECKN}operatorContact"}
"""Ours keep these as the JSON that they are: otherwise coordinates lose their order and nesting."""


@pytest.mark.parametrize("found", _PUBLISHED, ids=lambda found: found.label)
def test_every_key_of_a_bundle_expands_to_the_official_iri(shared: Path, found: BagExample) -> None:
    official = _official_context(_file(shared, found, "context.jsonld"))
    schema = yaml.safe_load(_file(shared, found, "attributes.yaml").read_text(encoding="utf-8"))
    for key in schema["components"]["schemas"][found.pack.types[0]]["properties"]:
        ours = _iris(expand({"@context": found.pack.contexts[0], key: "x"}))
        theirs = _iris(jsonld.expand({"@context": official, key: "x"}))
        assert ours or key == "items", f"{key} has no meaning"
        assert ours >= theirs, key


@pytest.mark.parametrize("found", bag_examples(), ids=lambda found: found.label)
def test_no_key_of_a_bag_is_lost_but_for_the_official_slip(found: BagExample) -> None:
    assert lost_terms(found.bag) == (["$.items"] if found.pack.name == "EvChargingService" else [])


def test_our_core_context_knows_every_official_term(shared: Path) -> None:
    official = _official_context(shared / "spec" / "rc" / "core-context.jsonld")
    ours = bundled_contexts()[iris.CORE_CONTEXT]["@context"]
    assert set(official) - set(ours) == {"rdf", "rdfs"}
    for term in official.keys() & ours.keys():
        assert _iri_of(official[term]) == _iri_of(ours[term]), term


def test_real_messages_expand_to_the_official_iris(shared: Path) -> None:
    official = JsonLd(_official_packs(shared))
    documents = list(_json_ld_of_messages(shared))
    assert len(documents) > 30
    for document in documents:
        _assert_covers(expand(document), official.expand(document), "$")


def test_what_our_contexts_lose_of_real_messages_the_official_ones_lose_too(shared: Path) -> None:
    official = JsonLd(_official_packs(shared))
    found = 0
    for document in _json_ld_of_messages(shared):
        ours, theirs = set(lost_terms(document)), set(official.lost_terms(document))
        found += len(theirs - ours)
        assert not any(path for path in ours if not path.startswith(tuple(theirs))), ours - theirs
    assert found


def _assert_covers(ours: Any, theirs: Any, place: str) -> None:
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            _assert_covers(mine, other, f"{place}[{number}]")
    elif isinstance(theirs, dict) and "@value" not in theirs and "@id" not in theirs:
        for key in theirs:
            assert key in ours, f"{place} {key}"
            if key == "@type":
                assert ours[key] == theirs[key], place
            elif key not in _AS_WRITTEN:
                _assert_covers(ours[key], theirs[key], f"{place}.{key}")


def _json_ld_of_messages(shared: Path) -> Iterator[dict[str, Any]]:
    folder = shared / "corpus"
    for entry in orjson.loads((folder / "manifest.json").read_bytes()):
        if entry["profile"] == "rc":
            yield from _outermost(orjson.loads((folder / entry["file"]).read_bytes()))


def _outermost(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects that bring a context of their own and stand in no other such object."""
    if isinstance(node, dict) and "@context" in node:
        yield node
    elif isinstance(node, dict | list):
        for entry in node.values() if isinstance(node, dict) else node:
            yield from _outermost(entry)


def _official_packs(shared: Path) -> Packs:
    """Return our packs with the official contexts; ours stands for the one that is not at hand."""
    contexts = {found.pack.schema["$id"]: _file(shared, found, "context.jsonld") for found in _PUBLISHED}
    packs = [
        replace(pack, context={"@context": _official_context(contexts[pack.schema["$id"]])})
        if pack.schema["$id"] in contexts
        else pack
        for pack in bundled_packs()
    ]
    core = {"@context": _official_context(shared / "spec" / "rc" / "core-context.jsonld")}
    return (*packs, replace(packs[0], contexts=CORE_CONTEXTS, context=core))


def _file(shared: Path, found: BagExample, name: str) -> Path:
    return shared / "spec" / "rc" / found.family / found.pack.name / name


def _official_context(file: Path) -> dict[str, Any]:
    """Return a context with its prefix in full, and without terms that JSON-LD forbids it to have."""
    context: dict[str, Any] = orjson.loads(file.read_bytes())["@context"]
    allowed = {term: iri for term, iri in context.items() if not {":", "/"} & set(term)}
    return {**allowed, "beckn": iris.BECKN}


def _iri_of(definition: Any) -> object:
    return definition["@id"] if isinstance(definition, dict) else definition


def _iris(expanded: list[Any]) -> set[str]:
    return {iri for node in expanded for iri in node}
