"""The official documents beside the project, as validators for outside tests.

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
_TRANSPORT: Final = {
    "v1_1": ("urn:official:v1_1", "v1.1/transaction.yaml", ""),
    "v2_rc": ("urn:official:v2_rc", "rc/beckn.yaml", "/beckn"),
    "v2_lts": ("urn:official:v2_lts", "lts/beckn.yaml", ""),
}
"""Identifier, file and path prefix of the transport document of each profile."""

_CATALOG_PATHS: Final = {"catalog_publish": "catalog/publish", "catalog_on_publish": "catalog/on_publish"}

_CORE: Final = f"{_GITHUB}/protocol-specifications-new/refs/heads/main/schema/core/v2/attributes.yaml"
_CONTEXT: Final = (
    f"{_GITHUB}/protocol-specifications/refs/heads/master/api/transaction/build/transaction.yaml"
)
_BUNDLES: Final = {
    "energy": ("EnergyResource", "EnergyTradeOffer", "EnergyTradeContract", "EnergyTradeDelivery"),
    "ev": (
        "EvChargingOffer",
        "EvChargingPointOperator",
        "EvChargingService",
        "EvChargingSession",
        "PaymentSettlement",
    ),
    "p2p": (
        "EnergyCustomer",
        "EnergyEnrollment",
        "EnergyOrderItem",
        "EnergyResource",
        "EnergyTradeDelivery",
        "EnergyTradeOffer",
        "EnergyTradeOrder",
    ),
}
"""The bundles of each family; a name can stand for another shape in another family."""


def official_order_errors(order: Mapping[str, Any]) -> list[str]:
    """Return what the official schema says against an order, nothing if it accepts it."""
    return _errors(f"{_CORE}#/components/schemas/Order", order)


def official_message_errors(action: str, document: object, *, profile: str = "v2_rc") -> list[str]:
    """Return what the official schema says against a message, nothing if it accepts it."""
    return _errors(official_reference(profile, action), document)


def official_answer_errors(answer: object) -> list[str]:
    """Return what the official schema says against an ACK or NACK, nothing if it accepts it."""
    return _errors(f"{_CORE}#/components/schemas/AckResponse", answer)


def official_accepts(action: str, document: object, *, profile: str = "v2_rc") -> bool:
    """Say whether the official schema accepts a message; fast enough for thousands."""
    return _fast_validator(official_reference(profile, action)).is_valid(document)


def official_bundle_accepts(
    name: str, bag: object, *, family: str = "energy", kind: str | None = None
) -> bool:
    """Say whether the official bundle accepts a bag; its own JSON-LD keys are left out of the question.

    `kind` is the bag's type, where that is not the bundle's name.
    """
    reference = f"urn:official:{family}/{name}#/components/schemas/{kind or name}"
    return _fast_validator(reference).is_valid(_without_keywords(bag))


def _errors(reference: str, document: Any) -> list[str]:
    errors = _validator(reference).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def official_reference(profile: str, action: str) -> str:
    """Return the reference of the official schema of a message."""
    identifier, _, prefix = _TRANSPORT[profile]
    path = f"{prefix}/{_CATALOG_PATHS.get(action, action)}"
    method = "get" if path == "/beckn/discover" else "post"
    place = "requestBody/content/application~1json/schema"
    return f"{identifier}#/paths/{path.replace('/', '~1')}/{method}/{place}"


def _without_keywords(bag: object) -> object:
    return (
        {key: value for key, value in bag.items() if not key.startswith("@")}
        if isinstance(bag, dict)
        else bag
    )


@cache
def official_documents() -> dict[str, dict[str, Any]]:
    """Return the official documents by identifier."""
    if not _SPECIFICATIONS.is_dir():
        pytest.skip(f"no official documents: {_SPECIFICATIONS} is not here")
    files = {identifier: file for identifier, file, _ in _TRANSPORT.values()}
    files |= {_CORE: "rc/core-attributes.yaml", _CONTEXT: "v1.1/transaction.yaml"}
    files |= {
        f"urn:official:{family}/{name}": f"rc/{family}/{name}/attributes.yaml"
        for family, names in _BUNDLES.items()
        for name in names
    }
    return {
        iri: yaml.load((_SPECIFICATIONS / file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for iri, file in files.items()
    }


@cache
def _validator(reference: str) -> Draft202012Validator:
    resources = (
        (iri, DRAFT202012.create_resource(document)) for iri, document in official_documents().items()
    )
    registry: SchemaRegistry = Registry().with_resources(resources)
    return Draft202012Validator({"$ref": reference}, registry=registry)


@cache
def _fast_validator(reference: str) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry(list(official_documents().items()), draft=jsonschema_rs.Draft202012)
    return jsonschema_rs.Draft202012Validator({"$ref": reference}, registry=registry, validate_formats=False)
