"""Our JSON-LD contexts mean by a key what the official ones mean, for every key a bundle has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from pyld import jsonld

from schemas import iris
from schemas.jsonld import bundled_contexts, expand
from tests.support.rc_examples import BAGS

_OFFICIALLY_NAMELESS = {
    "rate",
    "start",
    "end",
    "timeRange",
    "title",
    "utilityName",
    "tradeStartTime",
    "tradeEndTime",
}
"""Keys that the official contexts leave out, though the bundles have them."""

_OFFICIALLY_NAMELESS_IN = {"EnergyTradeDelivery": {"timestamp"}}


@pytest.mark.parametrize("name", BAGS)
def test_every_key_of_a_bundle_expands_to_the_official_iri(shared: Path, name: str) -> None:
    official = _official_context(shared / "spec" / "rc" / "energy" / name / "context.jsonld")
    nameless = _OFFICIALLY_NAMELESS | _OFFICIALLY_NAMELESS_IN.get(name, set())
    for key in _keys(shared / "spec" / "rc" / "energy" / name / "attributes.yaml", name):
        ours = _iris(expand({"@context": BAGS[name]["@context"], key: "x"}))
        theirs = _iris(jsonld.expand({"@context": official, key: "x"}))
        assert ours, f"{key} has no meaning"
        assert key in nameless or ours == theirs, key


def test_our_core_context_knows_the_official_types(shared: Path) -> None:
    official = _official_context(shared / "spec" / "rc" / "core-context.jsonld")
    ours = bundled_contexts()[iris.CORE_PATH]["@context"]
    missing = {term for term in official if term[0].isupper()} - set(ours)
    assert missing == {"Eligibility"}


def _official_context(file: Path) -> dict[str, Any]:
    context: dict[str, Any] = orjson.loads(file.read_bytes())["@context"]
    return {**context, "beckn": iris.BECKN}


def _keys(file: Path, name: str) -> set[str]:
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))["components"]["schemas"][name]
    return set(schema["properties"])


def _iris(expanded: list[Any]) -> set[str]:
    return {iri for node in expanded for iri in node}
