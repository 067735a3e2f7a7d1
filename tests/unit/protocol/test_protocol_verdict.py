"""What is to be said of a message by itself."""

from __future__ import annotations

import orjson
import pytest

from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from protocol.verdict import Fault, code_of_rule, judge
from schemas.library import Rules
from tests.support.rc_examples import example
from tests.support.wire_examples import wire_example


def _raw(name: str, **context: object) -> bytes:
    document = example(name)
    document["context"] |= context
    return orjson.dumps(document)


def test_a_good_message_has_no_faults() -> None:
    verdict = judge(_raw("confirm"))
    assert (verdict.profile, verdict.action, verdict.faults) == ("v2_rc", "confirm", ())
    assert verdict.is_valid


def test_a_broken_rule_has_a_place_a_code_and_the_rule() -> None:
    document = example("confirm")
    del document["message"]["order"]["beckn:seller"]
    verdict = judge(orjson.dumps(document))
    (fault,) = verdict.faults
    assert fault.path == "$.message.order['beckn:seller']"
    assert (fault.code, fault.rule) == ("SCH_REQUIRED_FIELD_MISSING", "required")


def test_the_transport_takes_what_a_participant_cannot_use() -> None:
    raw = _raw("confirm", timestamp="yesterday")
    assert judge(raw, rules=Rules.TRANSPORT).is_valid
    assert not judge(raw, rules=Rules.PARTICIPANT).is_valid


def test_a_profile_may_be_given() -> None:
    verdict = judge(_raw("confirm"), profile=V2_LTS)
    assert verdict.profile == "v2_lts"
    assert not verdict.is_valid


@pytest.mark.parametrize(
    ("raw", "profile", "code", "path"),
    [
        (b"{", None, "SCH_INVALID_JSON", "$"),
        (b"[]", "v2_rc", "SCH_INVALID_JSON", "$"),
        (b'{"context": {}}', None, "CTX_MISSING_FIELD", "$.context.action"),
        (b'{"context": 1}', None, "CTX_MISSING_FIELD", "$.context.action"),
        (_raw("confirm", action="sell"), None, "NET_NOT_IMPLEMENTED", "$.context.action"),
    ],
)
def test_what_is_no_message_is_told_so(raw: bytes, profile: str | None, code: str, path: str) -> None:
    verdict = judge(raw, profile=V2_RC if profile else None)
    (fault,) = verdict.faults
    assert (fault.code, fault.path, verdict.action) == (code, path, None)


def test_an_action_may_be_written_with_a_slash() -> None:
    raw = b'{"context": {"action": "catalog/publish", "bapId": "x"}, "message": {}}'
    assert judge(raw).action == "catalog_publish"


def test_every_rule_has_a_code() -> None:
    assert code_of_rule("enum") == "SCH_INVALID_ENUM"
    assert code_of_rule("minItems") == "SCH_SCHEMA_VALIDATION_FAILED"


def test_an_error_without_a_path_is_about_the_whole() -> None:
    from kernel.errors import NodeError

    assert Fault.of_error(NodeError("no")).path == "$"


def test_a_message_need_not_say_its_action_where_the_path_does() -> None:
    document = example("confirm")
    del document["context"]["action"]
    verdict = judge(orjson.dumps(document), rules=Rules.TRANSPORT)
    assert (verdict.action, verdict.is_valid) == (None, True)
    assert not judge(orjson.dumps(document), rules=Rules.PARTICIPANT).is_valid


@pytest.mark.parametrize(
    ("profile", "action"), [(V1_1, Action.CONFIRM), (V1_1, Action.STATUS), (V2_RC, Action.CONFIRM)]
)
def test_a_nameless_message_is_held_to_what_it_is_about(profile: Profile, action: Action) -> None:
    document = wire_example(profile, action)
    del document["context"]["action"]
    document["message"] |= {"order": {}}
    assert not judge(orjson.dumps(document), rules=Rules.TRANSPORT).is_valid


def test_a_nameless_message_about_nothing_may_be_any() -> None:
    document = wire_example(V1_1, Action.DISCOVER)
    del document["context"]["action"]
    assert judge(orjson.dumps(document | {"message": {}}), rules=Rules.TRANSPORT).is_valid
    assert not judge(orjson.dumps(document | {"message": 7}), rules=Rules.TRANSPORT).is_valid
