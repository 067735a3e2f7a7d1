"""The official 2.0 RC documents beside the project, as validators for outside tests.

Structure only: formats are not asserted, as in the verdicts of `../shared/corpus/manifest.json`.
Every function skips the test, with its reason, where the documents are absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012, SchemaRegistry

_SPECIFICATIONS: Final = Path(__file__).resolve().parents[3] / "shared" / "spec"
_GITHUB: Final = "https://raw.githubusercontent.com/beckn"
_MESSAGES: Final = "urn:official:rc"
_CORE: Final = f"{_GITHUB}/protocol-specifications-new/refs/heads/main/schema/core/v2/attributes.yaml"
_CONTEXT: Final = (
    f"{_GITHUB}/protocol-specifications/refs/heads/master/api/transaction/build/transaction.yaml"
)
_BUNDLES: Final = ("EnergyResource", "EnergyTradeOffer", "EnergyTradeContract", "EnergyTradeDelivery")


def official_order_errors(order: Mapping[str, Any]) -> list[str]:
    """Return what the official schema says against an order, nothing if it accepts it."""
    return _errors(f"{_CORE}#/components/schemas/Order", order)


def official_message_errors(action: str, document: object) -> list[str]:
    """Return what the official schema says against a message, nothing if it accepts it."""
    return _errors(_message_schema(action), document)


def official_answer_errors(answer: object) -> list[str]:
    """Return what the official schema says against an ACK or NACK, nothing if it accepts it."""
    return _errors(f"{_CORE}#/components/schemas/AckResponse", answer)


def official_accepts(action: str, document: object) -> bool:
    """Say whether the official schema accepts a message; fast enough for thousands."""
    return _fast_validator(_message_schema(action)).is_valid(document)


def official_bundle_accepts(name: str, bag: object) -> bool:
    """Say whether the official bundle accepts a bag; JSON-LD keys are left out of the question."""
    return _fast_validator(f"urn:official:{name}#/components/schemas/{name}").is_valid(_without_keywords(bag))


def _errors(reference: str, document: Any) -> list[str]:
    errors = _validator(reference).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def _message_schema(action: str) -> str:
    method = "get" if action == "discover" else "post"
    place = "requestBody/content/application~1json/schema"
    return f"{_MESSAGES}#/paths/~1beckn~1{action}/{method}/{place}"


def _without_keywords(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_keywords(entry) for key, entry in value.items() if not key.startswith("@")}
    return [_without_keywords(entry) for entry in value] if isinstance(value, list) else value


@cache
def _documents() -> dict[str, dict[str, Any]]:
    if not _SPECIFICATIONS.is_dir():
        pytest.skip(f"no official documents: {_SPECIFICATIONS} is not here")
    files = {
        _MESSAGES: "rc/beckn.yaml",
        _CORE: "rc/core-attributes.yaml",
        _CONTEXT: "v1.1/transaction.yaml",
    } | {f"urn:official:{name}": f"rc/energy/{name}/attributes.yaml" for name in _BUNDLES}
    return {
        iri: yaml.safe_load((_SPECIFICATIONS / file).read_text(encoding="utf-8"))
        for iri, file in files.items()
    }


@cache
def _validator(reference: str) -> Draft202012Validator:
    resources = ((iri, DRAFT202012.create_resource(document)) for iri, document in _documents().items())
    registry: SchemaRegistry = Registry().with_resources(resources)
    return Draft202012Validator({"$ref": reference}, registry=registry)


@cache
def _fast_validator(reference: str) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry(list(_documents().items()), draft=jsonschema_rs.Draft202012)
    return jsonschema_rs.Draft202012Validator({"$ref": reference}, registry=registry, validate_formats=False)
