"""Bags and their packs: which pack checks a bag, and what becomes of those that none knows."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import pytest

from schemas import iris
from schemas.attributes import UnknownBag, unknown_bags
from schemas.packs import CORE_CONTEXTS, Pack, bundled_packs
from schemas.validation import Rules, SchemaSet, UnknownPacks, schema_set
from tests.support.bag_examples import BagExample, bag_examples
from tests.support.rc_examples import ENERGY_TRADE_CONTRACT, example

PEER = "https://peer.example/Thing/v1/context.jsonld"


@pytest.fixture
def strict() -> SchemaSet:
    return schema_set("v2_rc", unknown_packs=UnknownPacks.REFUSE)


def _with_bag(bag: object) -> dict[str, Any]:
    confirm = example("confirm")
    confirm["message"]["order"]["beckn:orderAttributes"] = bag
    return confirm


def _message(bag: object) -> dict[str, Any]:
    return {"message": {"order": {"beckn:orderAttributes": bag}}}


def test_a_context_belongs_to_one_pack_only() -> None:
    uses = Counter(iri for pack in bundled_packs() for iri in pack.contexts)
    assert max(uses.values()) == 1
    assert not set(uses) & set(CORE_CONTEXTS)


def test_the_addresses_that_we_write_are_the_usual_ones_of_their_packs() -> None:
    usual = {pack.contexts[0] for pack in bundled_packs()}
    named = {value for name, value in vars(iris).items() if name.endswith("_CONTEXT")}
    assert named <= usual | {CORE_CONTEXTS[0]}


@pytest.mark.parametrize("found", bag_examples(), ids=lambda found: found.label)
def test_every_pack_checks_its_bags_under_each_of_its_addresses_and_names(found: BagExample) -> None:
    schemas, key = schema_set("v2_rc"), next(iter(found.pack.schema["properties"]))
    names = [name for name in found.pack.types if not name.endswith("InterUtility")]
    for context, name in product(found.pack.contexts, names):
        bag = {**found.bag, "@context": context, "@type": name}
        assert schemas.is_valid("confirm", _with_bag(bag))
        assert not schemas.is_valid("confirm", _with_bag({**bag, key: -1}))


def test_the_transport_knows_of_no_pack() -> None:
    document = _with_bag({**ENERGY_TRADE_CONTRACT, "contractStatus": "SLEEPING"})
    assert schema_set("v2_rc", Rules.TRANSPORT).is_valid("confirm", document)
    assert not schema_set("v2_rc").is_valid("confirm", document)


def test_without_packs_every_bag_passes() -> None:
    document = _with_bag({**ENERGY_TRADE_CONTRACT, "contractStatus": "SLEEPING"})
    assert schema_set("v2_rc", packs=()).is_valid("confirm", document)


@pytest.mark.parametrize(
    ("context", "name", "path"),
    [
        (PEER, "Thing", "['@context']"),
        (PEER, iris.ENERGY_TRADE_CONTRACT, "['@context']"),
        (iris.ENERGY_TRADE_CONTRACT_CONTEXT, "Thing", "['@type']"),
        (iris.ENERGY_TRADE_CONTRACT_CONTEXT, iris.ENERGY_TRADE_OFFER, "['@type']"),
    ],
)
def test_a_bag_that_no_pack_knows_is_taken_or_refused_as_set(
    strict: SchemaSet, context: str, name: str, path: str
) -> None:
    document = _with_bag({"@context": context, "@type": name, "any": "thing"})
    assert schema_set("v2_rc").is_valid("confirm", document)
    (told,) = strict.violations("confirm", document)
    assert told.path == "$.message.order['beckn:orderAttributes']" + path
    assert told.rule == "enum"
    assert told.hint is not None
    assert told.hint.startswith("Write one of: ")
    assert len(told.hint) < 2_000
    assert strict.reference_violations("confirm", document) == [told]


@pytest.mark.parametrize("bag", [{"any": 1}, {"@type": "Thing", "any": 1}, {"@context": PEER, "any": 1}])
def test_a_bag_that_does_not_say_what_it_is_is_told_that_and_no_more(bag: dict[str, Any]) -> None:
    told = schema_set("v2_rc").violations("confirm", _with_bag(bag))
    assert {violation.rule for violation in told} == {"required"}


@pytest.mark.parametrize("found", bag_examples(), ids=lambda found: found.label)
def test_a_bag_that_a_pack_knows_is_taken_even_where_others_are_refused(
    strict: SchemaSet, found: BagExample
) -> None:
    document = _with_bag(found.bag)
    assert strict.violations("confirm", document) == strict.reference_violations("confirm", document) == []


def test_a_bag_that_a_pack_knows_is_checked_where_others_are_refused(strict: SchemaSet) -> None:
    document = _with_bag({**ENERGY_TRADE_CONTRACT, "contractStatus": "SLEEPING"})
    assert [v.path for v in strict.violations("confirm", document)] == [
        "$.message.order['beckn:orderAttributes'].contractStatus"
    ]


def test_unknown_bags_are_found_with_their_place_and_name() -> None:
    bag = {"@context": PEER, "@type": "Thing"}
    assert unknown_bags(_message(bag), bundled_packs()) == [
        UnknownBag(path="$.message.order['beckn:orderAttributes']", context=PEER, type="Thing")
    ]


def test_bags_that_packs_know_and_core_objects_are_no_unknown_bags() -> None:
    for found in bag_examples():
        assert unknown_bags(_message(found.bag), bundled_packs()) == []
    assert unknown_bags(example("on_discover"), bundled_packs()) == []
    assert unknown_bags({"@context": PEER, "list": [1, None, "x"]}, bundled_packs()) == []


def test_an_unknown_bag_is_told_once_and_not_very_many_are() -> None:
    bag = {"@context": PEER, "@type": "Thing"}
    assert len(unknown_bags([bag] * 100, bundled_packs())) == 1
    assert len(unknown_bags([{**bag, "@type": f"T{n}"} for n in range(100)], bundled_packs())) == 12


def test_a_very_deep_message_is_walked_through() -> None:
    document: dict[str, Any] = {"@context": PEER, "@type": "Thing"}
    for _ in range(5_000):
        document = {"a": document}
    assert [bag.type for bag in unknown_bags(document, bundled_packs())] == ["Thing"]


def test_very_many_packs_can_be_known() -> None:
    more = tuple(
        Pack(
            name=f"P{n}",
            version="1",
            contexts=(f"https://town.example/{n}",),
            types=("T",),
            schema={"$id": f"https://town.example/schemas/{n}", "required": ["area"]},
            context={"@context": {}},
        )
        for n in range(60)
    )
    schemas = schema_set("v2_rc", packs=(*bundled_packs(), *more))
    document = _with_bag({"@context": "https://town.example/59", "@type": "T"})
    (told,) = schemas.violations("confirm", document)
    assert told.path.endswith(".area")
    assert schemas.reference_violations("confirm", document) == [told]


@pytest.mark.parametrize("context", CORE_CONTEXTS)
def test_a_core_object_is_no_unknown_pack(strict: SchemaSet, context: str) -> None:
    document = _with_bag({"@context": context, "@type": "beckn:SupportInfo"})
    assert strict.violations("confirm", document) == strict.reference_violations("confirm", document) == []
