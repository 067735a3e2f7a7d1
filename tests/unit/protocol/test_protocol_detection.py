"""Which generation a message is of, by what it holds."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.actions import Action
from protocol.detection import detect, detect_message
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, Profile
from tests.support.wire_examples import wire_example

ALL = tuple(PROFILES.values())


def _document(profile: Profile, action: str, message: dict[str, Any]) -> dict[str, Any]:
    keys = profile.keys
    context = {
        keys.action: action,
        keys.version: profile.version,
        keys.message_id: "m-1",
        keys.transaction_id: "t-1",
        keys.bap_id: "bap.example",
    }
    return {"context": context, "message": message}


MESSAGES = [
    (V1_1, "search", {"intent": {"item": {}}}),
    (V1_1, "status", {"order_id": "o-1"}),
    (V1_1, "confirm", {"order": {"items": [{"id": "i-1"}]}}),
    (V1_1, "rating", {"ratings": [{"rating_category": "Order", "id": "o-1", "value": "5"}]}),
    (V1_1, "support", {"support": {"ref_id": "o-1"}}),
    (V2_RC, "discover", {"text_search": "sun"}),
    (V2_RC, "confirm", {"order": {"@type": "beckn:Order", "beckn:seller": "s"}}),
    (V2_RC, "status", {"order": {"beckn:id": "o-1"}}),
    (V2_RC, "rating", {"ratings": [{"id": "o-1", "ratingValue": 5}]}),
    (V2_RC, "support", {"refId": "o-1", "refType": "ORDER"}),
    (V2_RC, "on_discover", {"catalogs": [{"beckn:id": "c-1"}]}),
    (V2_LTS, "discover", {"intent": {"textSearch": "sun"}}),
    (V2_LTS, "on_discover", {"catalogs": [{"id": "c-1"}]}),
    (V2_LTS, "confirm", {"contract": {"commitments": []}}),
    (V2_LTS, "track", {"tracking": {"url": "https://bpp.example/1"}}),
]


@pytest.mark.parametrize(
    ("profile", "action", "message"), MESSAGES, ids=lambda value: getattr(value, "name", "")
)
def test_a_message_tells_its_generation(profile: Profile, action: str, message: dict[str, Any]) -> None:
    assert detect(_document(profile, action, message), ALL) is profile


def test_the_version_decides_only_where_nothing_else_does() -> None:
    lie = _document(V2_RC, "confirm", {"order": {"@type": "beckn:Order"}})
    lie["context"]["version"] = "1.1.0"
    assert detect(lie, ALL) is V2_RC
    bare = _document(V2_RC, "track", {"tracking": {"id": "o-1"}})
    assert detect(bare, ALL) is V2_RC


@pytest.mark.parametrize("version", ["2.0.0", "x", None, {}, []])
@pytest.mark.parametrize("action", [Action.CONFIRM, Action.STATUS, Action.SUPPORT, Action.DISCOVER])
@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_a_wrong_version_hides_nothing(profile: Profile, action: Action, version: object) -> None:
    document = wire_example(profile, action)
    document["context"]["version"] = version
    assert detect(document, ALL) is profile


def test_keys_of_the_context_tell_too() -> None:
    bare = _document(V1_1, "track", {"tracking": {"id": "o-1"}})
    bare["context"] |= {"version": "?", "schema_context": []}
    assert detect(bare, ALL) is V2_RC


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"context": 1, "message": []},
        {"context": {"action": ["x"]}},
        {"context": {"action": {}, "version": {}}},
    ],
)
def test_of_what_says_nothing_the_first_candidate_is_taken(document: dict[str, Any]) -> None:
    assert detect(document, (V2_LTS, V1_1)) is V2_LTS
    assert detect(document, (V2_RC,)) is V2_RC


def test_a_bare_message_is_known_by_marks_that_only_one_generation_has() -> None:
    assert detect_message({"order": {"beckn:id": "o-1"}}, ALL) is V2_RC
    assert detect_message({"contract": {"id": "c-1"}}, ALL) is V2_LTS
    assert detect_message({"order_id": "o-1"}, ALL) is V1_1
    assert detect_message({"order": {"id": "o-1"}}, ALL) is None
    assert detect_message({"order_id": "o-1", "contract": {}}, ALL) is None
