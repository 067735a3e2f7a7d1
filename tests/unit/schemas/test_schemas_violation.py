"""The words for what is wrong with a message."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.violation import Finding, Violation, explain, json_path


def _told(
    rule: str, value: Any, schema: dict[str, Any], *, path: tuple[str | int, ...] = ("x",)
) -> list[Violation]:
    return explain([Finding(rule=rule, path=path, value=value, schema=schema)], limit=9)


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("message", "order", "beckn:id"), "$.message.order['beckn:id']"),
        (("catalogs", 0, "@type"), "$.catalogs[0]['@type']"),
        (("it's", "back\\slash", ""), "$['it\\'s']['back\\\\slash']['']"),
        (("3dspace",), "$['3dspace']"),
    ],
)
def test_a_path_is_written_as_json_path(steps: tuple[str | int, ...], path: str) -> None:
    assert json_path(steps) == path


def test_a_missing_key_is_named_and_described() -> None:
    schema = {
        "required": ["there", "gone", "kind", "odd"],
        "properties": {"gone": {"description": "What it is for."}, "kind": {"enum": ["A", "B"]}},
    }
    assert _told("required", {"there": 1}, schema) == [
        Violation("$.x.gone", "required", "gone is missing", "What it is for."),
        Violation("$.x.kind", "required", "kind is missing", "Write one of: A, B."),
        Violation("$.x.odd", "required", "odd is missing", None),
    ]


def test_an_unknown_key_is_answered_with_the_nearest_known_one() -> None:
    schema = {"properties": {"beckn:seller": {}, "beckn:buyer": {}}, "patternProperties": {"^@": True}}
    assert _told(
        "additionalProperties", {"beckn:sellers": 1, "@id": 2, "colour": 3, "beckn:buyer": 4}, schema
    ) == [
        Violation(
            "$.x['beckn:sellers']",
            "additionalProperties",
            "beckn:sellers is not known here",
            "Did you mean beckn:seller?",
        ),
        Violation(
            "$.x.colour",
            "additionalProperties",
            "colour is not known here",
            "Known here: beckn:buyer, beckn:seller.",
        ),
    ]


def test_of_many_known_keys_only_some_are_listed() -> None:
    schema: dict[str, Any] = {"properties": {f"k{n:02}": {} for n in range(30)}}
    hint = _told("additionalProperties", {"colour": 1}, schema)[0].hint
    assert hint is not None
    assert hint.startswith("Known here: k00, k01")
    assert hint.endswith("k11, ….")


@pytest.mark.parametrize(
    ("rule", "value", "schema", "message", "hint"),
    [
        ("enum", "C", {"enum": ["A", "B"]}, '"C" is no value that is allowed here', "Write one of: A, B."),
        ("enum", {"a": 1}, {"enum": ["A"]}, "an object is no value that is allowed here", "Write A."),
        ("const", "b", {"const": "a"}, '"b" stands where "a" must', None),
        (
            "type",
            5,
            {"type": "string", "description": "A name."},
            "a number stands where a string must",
            "A name.",
        ),
        ("type", None, {"type": ["string", "array"]}, "null stands where a string or an array must", None),
        ("type", True, {"type": "integer"}, "a boolean stands where an integer must", None),
        ("type", [], {"type": "null"}, "an array stands where null must", None),
        (
            "pattern",
            "9",
            {"title": "Hour", "examples": ["09:00"]},
            '"9" is no hour',
            'Write it like "09:00".',
        ),
        ("format", "9", {"description": "An hour."}, '"9" is no value of this kind', "An hour."),
        ("minimum", -1, {"minimum": 0}, "-1 is less than 0", None),
        ("maximum", 6, {"maximum": 5}, "6 is more than 5", None),
        ("minItems", [], {"minItems": 1}, "there are 0 entries, and at least 1 must be", None),
        ("maxItems", [1, 2], {"maxItems": 1}, "there are 2 entries, and at most 1 must be", None),
        (
            "anyOf",
            {},
            {"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]},
            "none of these is there: a; b and c",
            "Add one of them.",
        ),
        (
            "depth",
            None,
            {},
            "the message is wrong, and nested too deeply to say where",
            "Send a flatter message.",
        ),
        ("multipleOf", 3, {"multipleOf": 2}, "3 breaks the rule multipleOf", None),
    ],
)
def test_every_rule_has_its_words(
    rule: str, value: object, schema: dict[str, Any], message: str, hint: str | None
) -> None:
    assert _told(rule, value, schema) == [Violation("$.x", rule, message, hint)]


def test_the_whole_message_being_of_a_wrong_type_gets_no_hint() -> None:
    schema = {"type": "object", "description": "Asks for a quote."}
    assert _told("type", 5, schema, path=()) == [
        Violation("$", "type", "a number stands where an object must", None)
    ]


def test_long_values_and_keys_are_cut() -> None:
    told = _told("enum", "y" * 1_000, {"enum": ["A"]}) + _told("additionalProperties", {"z" * 1_000: 1}, {})
    assert all(len(v.message) < 120 and len(v.path) < 120 for v in told)


def test_one_place_is_told_once() -> None:
    finding = Finding(rule="const", path=("x",), value="b", schema={"const": "a"})
    assert len(explain([finding, finding], limit=9)) == 1
