"""The 2.0.0 LTS schemas: what they take, what they refuse, and what they say about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas.validation import Rules, SchemaSet, schema_set
from tests.support.lts_examples import ACTIONS, CONTRACT, REVENUE_FLOWS, example


@pytest.fixture
def schemas() -> SchemaSet:
    """The schemas as a participant has them."""
    return schema_set("v2_lts")


def _told(schemas: SchemaSet, action: str, document: Any) -> list[tuple[str, str | None]]:
    return [(violation.path, violation.hint) for violation in schemas.violations(action, document)]


@pytest.mark.parametrize("rules", Rules)
@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_of_every_action_is_valid(action: str, rules: Rules) -> None:
    schemas = schema_set("v2_lts", rules)
    document = example(action)
    assert schemas.violations(action, document) == schemas.reference_violations(action, document) == []


def test_the_revenue_flows_of_the_example_come_to_nothing() -> None:
    assert sum(Decimal(str(flow["value"])) for flow in REVENUE_FLOWS["revenueFlows"]) == 0


def test_a_contract_takes_no_key_of_another_generation(schemas: SchemaSet) -> None:
    confirm = example("confirm")
    confirm["message"]["contract"]["participant"] = {}
    assert _told(schemas, "confirm", confirm) == [
        ("$.message.contract.participant", "Did you mean participants?")
    ]


def test_a_contract_needs_a_commitment(schemas: SchemaSet) -> None:
    confirm = example("confirm")
    confirm["message"]["contract"]["commitments"] = []
    assert [path for path, _ in _told(schemas, "confirm", confirm)] == ["$.message.contract.commitments"]


def test_an_accepted_offer_names_its_resources(schemas: SchemaSet) -> None:
    select = example("select")
    del select["message"]["contract"]["commitments"][0]["offer"]["resourceIds"]
    assert [path for path, _ in _told(schemas, "select", select)] == [
        "$.message.contract.commitments[0].offer.resourceIds"
    ]


@pytest.mark.parametrize("action", ["status", "cancel"])
def test_what_is_asked_about_a_contract_names_it(schemas: SchemaSet, action: str) -> None:
    document = example(action)
    del document["message"]["contract"]["id"]
    assert _told(schemas, action, document) == [("$.message.contract.id", None)]


def test_the_bags_of_a_contract_are_checked_by_their_packs() -> None:
    init = example("init")
    init["message"]["contract"]["contractAttributes"]["contractStatus"] = "ROUGHLY"
    assert schema_set("v2_lts", Rules.TRANSPORT).is_valid("init", init)
    assert [path for path, _ in _told(schema_set("v2_lts"), "init", init)] == [
        "$.message.contract.contractAttributes.contractStatus"
    ]


def test_the_publishing_of_catalogues_goes_by_either_name(schemas: SchemaSet) -> None:
    names = {"catalog_publish": "catalog/publish", "catalog_on_publish": "catalog/on_publish"}
    for action, other in names.items():
        document = example(action)
        document["context"]["action"] = other
        assert schemas.is_valid(action, document)


@pytest.mark.parametrize("message", [None, 7, "contract", [CONTRACT]])
def test_only_the_transport_takes_a_message_that_is_no_object(schemas: SchemaSet, message: object) -> None:
    document = {**example("init"), "message": message}
    assert schema_set("v2_lts", Rules.TRANSPORT).is_valid("init", document)
    assert [path for path, _ in _told(schemas, "init", document)] == ["$.message"]
