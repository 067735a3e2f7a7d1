"""Errors as they travel, and which answers of a peer are worth another try."""

from __future__ import annotations

import inspect

import pytest

import protocol.errors
from kernel.errors import NodeError
from protocol.errors import SchemaViolated, WireError, is_retryable_status

_RAISED = [
    kind
    for _, kind in inspect.getmembers(protocol.errors, inspect.isclass)
    if issubclass(kind, NodeError) and kind is not NodeError
]


@pytest.mark.parametrize("kind", _RAISED)
def test_every_error_has_a_code_of_a_layer_and_an_error_status(kind: type[NodeError]) -> None:
    assert kind.code.partition("_")[0] in {"CTX", "AUT", "SCH", "POL", "NET"}
    assert 400 <= kind.http_status < 600


@pytest.mark.parametrize("kind", _RAISED)
def test_an_error_is_worth_repeating_exactly_when_its_status_says_so(kind: type[NodeError]) -> None:
    assert kind.retryable == is_retryable_status(kind.http_status)


def test_an_error_travels_with_its_place_and_its_hint() -> None:
    error = WireError.of(SchemaViolated("quantity is missing", path="$.message.order", hint="Add it."))
    assert error.to_wire() == {
        "code": "SCH_SCHEMA_VALIDATION_FAILED",
        "message": "quantity is missing",
        "details": {"path": "$.message.order", "hint": "Add it."},
    }
    assert WireError.from_wire(error.to_wire()) == error


def test_an_error_without_place_and_hint_has_no_details() -> None:
    error = WireError.of(SchemaViolated("it is no order"))
    assert error.to_wire() == {"code": "SCH_SCHEMA_VALIDATION_FAILED", "message": "it is no order"}
    assert WireError.from_wire(error.to_wire()) == error


@pytest.mark.parametrize(
    ("wire", "code", "message", "path"),
    [
        (
            {"code": 30004, "message": "no such item", "paths": "message.order"},
            "30004",
            "no such item",
            "message.order",
        ),
        ({"errorCode": "X1", "errorMessage": "no"}, "X1", "no", None),
        ({"code": "A", "message": "m", "path": "$.x", "details": "none"}, "A", "m", "$.x"),
        ({"details": {"path": "$.y"}}, "UNKNOWN", "", "$.y"),
    ],
)
def test_the_errors_of_every_generation_are_read(
    wire: dict[str, object], code: str, message: str, path: str | None
) -> None:
    assert WireError.from_wire(wire) == WireError(code=code, message=message, path=path)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    assert is_retryable_status(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 409, 413, 422, 499])
def test_a_final_answer_is_not_tried_again(status: int) -> None:
    assert not is_retryable_status(status)
