"""The schemas that a node holds messages to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocol.actions import Action
from protocol.errors import SchemaViolated
from protocol.profile import V2_LTS, V2_RC, Profile
from protocol.rulebook import make_rulebook
from schemas.attributes import UnknownPacks
from schemas.official import official_schema_set
from tests.support.wire_examples import ALL, wire_example

STRICTER = {
    "openapi": "3.1.0",
    "info": {"title": "A network's own rules", "version": "1"},
    "paths": {
        "/confirm": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "required": ["context", "message", "stamp"]}
                        }
                    }
                },
                "responses": {},
            }
        }
    },
}


@pytest.mark.parametrize("profile", ALL, ids=[profile.name for profile in ALL])
def test_good_messages_of_every_generation_pass(profile: Profile) -> None:
    rulebook = make_rulebook()
    rulebook.check(wire_example(profile, Action.CONFIRM), action=Action.CONFIRM, profile=profile)


def test_a_broken_message_is_refused_with_place_rule_and_number() -> None:
    document = wire_example(V2_RC, Action.CONFIRM)
    del document["message"]["order"]["beckn:seller"]
    document["message"]["order"]["beckn:orderStatus"] = "SOLD"
    with pytest.raises(SchemaViolated, match=r"\(rule \w+\) \(and 1 more\)") as caught:
        make_rulebook().check(document, action=Action.CONFIRM, profile=V2_RC)
    assert str(caught.value.path).startswith("$.message.order")


def test_a_networks_own_document_is_asked_too(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(json.dumps(STRICTER))
    rulebook = make_rulebook(official={"v2_lts": official_schema_set(file)})
    document = wire_example(V2_LTS, Action.CONFIRM)
    with pytest.raises(SchemaViolated, match="stamp"):
        rulebook.check(document, action=Action.CONFIRM, profile=V2_LTS)
    rulebook.check(document | {"stamp": 1}, action=Action.CONFIRM, profile=V2_LTS)
    rulebook.check(wire_example(V2_LTS, Action.INIT), action=Action.INIT, profile=V2_LTS)
    broken = wire_example(V2_LTS, Action.CONFIRM) | {"message": {}}
    assert rulebook.violations(broken, action=Action.CONFIRM, profile=V2_LTS)


def test_bags_that_no_pack_knows_are_told_of_or_refused() -> None:
    document = wire_example(V2_RC, Action.CONFIRM)
    document["message"]["order"]["beckn:orderAttributes"] = {
        "@context": "https://else.example/1",
        "@type": "Else",
    }
    warning = make_rulebook()
    warning.check(document, action=Action.CONFIRM, profile=V2_RC)
    (bag,) = warning.unknown_bags(document)
    assert bag.path == "$.message.order['beckn:orderAttributes']"
    strict = make_rulebook(unknown_packs=UnknownPacks.REFUSE)
    with pytest.raises(SchemaViolated):
        strict.check(document, action=Action.CONFIRM, profile=V2_RC)
    assert strict.unknown_bags(document) == ()
