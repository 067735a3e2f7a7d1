"""Our packs beside the official bundles, on bags of our own and on every damage done to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson
import pytest

from schemas.attributes import UnknownPacks, unknown_bags
from schemas.library import participant_library
from schemas.packs import bundled_packs
from schemas.reference import reference_findings
from schemas.validation import schema_set
from tests.support.bag_examples import BagExample, bag_examples
from tests.support.mutations import Mutation, misspellings, mutations
from tests.support.official import official_bundle_accepts
from tests.support.rc_examples import example

_EXAMPLES: Final = bag_examples()
_PUBLISHED: Final = [found for found in _EXAMPLES if found.is_published]

_MISWRITTEN: Final = r"(str instead|other case|longer|spaced|emptied|broken date .*)"
DIFFERENCES: Final = {
    "instants and hours must be readable": re.compile(
        rf".*(start|end|startTime|endTime|Time|timestamp|Date|lastUpdated|[a-z]At) {_MISWRITTEN}"
    ),
}
"""What we refuse though it is officially accepted; formats are only remarks officially."""

each = pytest.mark.parametrize("found", _EXAMPLES, ids=lambda found: found.label)
each_published = pytest.mark.parametrize("found", _PUBLISHED, ids=lambda found: found.label)


def test_every_pack_has_an_example_with_every_key() -> None:
    for found in _EXAMPLES:
        known = set(found.pack.schema["properties"])
        assert known <= set(found.bag), found.label
        assert len(known) + 2 == len(found.bag), found.label


@each
def test_the_example_is_taken(found: BagExample) -> None:
    assert schema_set("v2_rc").violations("confirm", _with_bag(found.bag)) == []


@each_published
def test_damaged_bags_get_the_official_verdict_but_for_the_listed_differences(found: BagExample) -> None:
    schemas = schema_set("v2_rc")
    assert _official(found, found.bag)
    for mutation in _damage(found.bag):
        ours = schemas.is_valid("confirm", _with_bag(mutation.document))
        officially = _official(found, mutation.document)
        label = f"{mutation.place} {mutation.kind}"
        if ours != officially:
            assert officially, f"{label}: we accept what is officially refused"
            assert any(pattern.fullmatch(label) for pattern in DIFFERENCES.values()), label


@each
def test_the_fast_and_the_reference_validator_agree_on_damaged_bags(found: BagExample) -> None:
    schemas = participant_library("v2_rc", bundled_packs(), UnknownPacks.WARN)
    identifier = found.pack.schema["$id"]
    fast = jsonschema_rs.Draft202012Validator(
        {"$ref": identifier},
        registry=jsonschema_rs.Registry(list(schemas.documents.items())),
        validate_formats=True,
    )
    for mutation in _damage(found.bag):
        slow = next(iter(reference_findings(schemas, identifier, mutation.document)), None)
        assert fast.is_valid(mutation.document) == (slow is None), f"{mutation.place} {mutation.kind}"


def test_an_order_between_utilities_names_both_of_them() -> None:
    (found,) = (found for found in _EXAMPLES if found.pack.name == "EnergyTradeOrder")
    kind = "EnergyTradeOrderInterUtility"
    whole = {**found.bag, "@type": kind, "utilityIdBuyer": "TOWN", "utilityIdSeller": "HILLS"}
    for bag in [whole, *(mutation.document for mutation in _damage(whole))]:
        ours = schema_set("v2_rc").is_valid("confirm", _with_bag(bag))
        assert ours == official_bundle_accepts(found.pack.name, bag, family="p2p", kind=kind)


@pytest.mark.parametrize(
    "answer",
    [
        {"authMethod": "OTP", "verified": True, "verifiedAt": "2026-03-02T09:00:00Z", "message": "right"},
        {"authMethod": "OIDC", "accessToken": "t", "idToken": "i", "refreshToken": "r"},
        {"authMethod": "OAUTH2", "verified": True, "subject": "s", "issuer": "https://town.example"},
    ],
)
def test_every_way_to_show_who_one_is_gets_the_official_verdict(answer: dict[str, Any]) -> None:
    (found,) = (found for found in _EXAMPLES if found.pack.name == "EnergyEnrollment")
    start = {"@context": found.bag["@context"], "@type": found.bag["@type"], "userAuth": answer}
    assert schema_set("v2_rc").is_valid("confirm", _with_bag(start))
    for mutation in _damage(start):
        ours = schema_set("v2_rc").is_valid("confirm", _with_bag(mutation.document))
        officially = official_bundle_accepts(found.pack.name, mutation.document, family="p2p")
        label = f"{mutation.place} {mutation.kind}"
        assert ours == officially or any(pattern.fullmatch(label) for pattern in DIFFERENCES.values()), label


def test_the_bags_of_real_messages_are_known_but_for_a_few_of_other_publishers(shared: Path) -> None:
    entries = orjson.loads((shared / "corpus" / "manifest.json").read_bytes())
    unknown = set()
    for entry in entries:
        document = orjson.loads((shared / "corpus" / entry["file"]).read_bytes())
        unknown |= {bag.type for bag in unknown_bags(document, bundled_packs())}
    assert unknown == {
        "ChargingSession",
        "Consumer",
        "PriceSpecification",
        "Provider",
        "SupportInfo",
        "UBCPaymentAttributes",
    }


def _official(found: BagExample, bag: object) -> bool:
    kind = found.pack.types[0]
    return official_bundle_accepts(found.pack.name, bag, family=found.family, kind=kind)


def _damage(bag: dict[str, Any]) -> Iterator[Mutation]:
    found = chain(mutations(bag), misspellings(bag))
    return (mutation for mutation in found if not str(mutation.path[0]).startswith("@"))


def _with_bag(bag: object) -> object:
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    return confirm
