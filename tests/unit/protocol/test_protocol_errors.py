"""Errors as they travel, and which answers of a peer are worth another try."""

from __future__ import annotations

import inspect

import pytest

import protocol.errors
from kernel.errors import NodeError
from protocol.codes import CODES, GENERIC
from protocol.errors import SchemaViolated, WireError, is_retryable_status
from protocol.profile import ErrorShape

_RAISED = [
    kind
    for _, kind in inspect.getmembers(protocol.errors, inspect.isclass)
    if issubclass(kind, NodeError) and kind is not NodeError
]


@pytest.mark.parametrize("kind", _RAISED)
def test_every_error_has_a_code_of_a_layer_and_an_error_status(kind: type[NodeError]) -> None:
    assert kind.code in CODES
    assert 400 <= kind.http_status < 600


@pytest.mark.parametrize("kind", _RAISED)
def test_an_error_is_worth_repeating_exactly_when_its_status_says_so(kind: type[NodeError]) -> None:
    assert kind.retryable == is_retryable_status(kind.http_status) == CODES[kind.code].retryable


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
            "BIZ_ITEM_NOT_FOUND",
            "no such item",
            "message.order",
        ),
        ({"errorCode": "X1", "errorMessage": "no"}, "X1", "no", None),
        ({"code": "6781616", "message": "late"}, "6781616", "late", None),
        (
            {"code": "30000", "message": "BIZ_PRICE_MISMATCH: no"},
            "SCH_SCHEMA_VALIDATION_FAILED",
            "BIZ_PRICE_MISMATCH: no",
            None,
        ),
        (
            {"code": "30000", "message": "ODD_THING: no"},
            "SCH_SCHEMA_VALIDATION_FAILED",
            "ODD_THING: no",
            None,
        ),
        ({"code": "A", "message": "m", "path": "$.x", "details": "none"}, "A", "m", "$.x"),
        ({"details": {"path": "$.y"}}, "UNKNOWN", "", "$.y"),
    ],
)
def test_the_errors_of_every_generation_are_read(
    wire: dict[str, object], code: str, message: str, path: str | None
) -> None:
    assert WireError.from_wire(wire) == WireError(code=code, message=message, path=path)


ERROR = WireError(
    code="AUT_SIGNATURE_INVALID", message="it does not fit", path="$.x", hint="Sign what you send."
)


@pytest.mark.parametrize("shape", [ErrorShape.RC, ErrorShape.NFH])
def test_the_second_generation_gets_details(shape: ErrorShape) -> None:
    assert ERROR.to_wire(shape) == {
        "code": "AUT_SIGNATURE_INVALID",
        "message": "it does not fit",
        "details": {"path": "$.x", "hint": "Sign what you send."},
    }
    assert WireError.from_wire(ERROR.to_wire(shape)) == ERROR


def test_the_long_term_generation_gets_prefixed_names() -> None:
    assert ERROR.to_wire(ErrorShape.LTS) == {
        "errorCode": "AUT_SIGNATURE_INVALID",
        "errorMessage": "it does not fit",
        "errorDetails": {"path": "$.x", "hint": "Sign what you send."},
    }
    assert WireError.from_wire(ERROR.to_wire(ErrorShape.LTS)) == ERROR
    assert WireError(code="NET_TIMEOUT", message="m").to_wire(ErrorShape.LTS) == {
        "errorCode": "NET_TIMEOUT",
        "errorMessage": "m",
    }


def test_the_first_generation_gets_a_number_and_the_rest_in_words() -> None:
    written = ERROR.to_wire(ErrorShape.V1)
    assert written == {
        "code": "30000",
        "paths": "$.x",
        "message": "AUT_SIGNATURE_INVALID: it does not fit. Sign what you send.",
    }
    assert WireError.from_wire(written) == WireError(
        code="AUT_SIGNATURE_INVALID", message="it does not fit. Sign what you send.", path="$.x"
    )


def test_an_error_that_the_first_generation_knows_is_written_as_it_does() -> None:
    error = WireError(code="BIZ_ITEM_NOT_FOUND", message="no such item")
    assert error.to_wire(ErrorShape.V1) == {"code": "30004", "message": "no such item"}
    assert WireError.from_wire(error.to_wire(ErrorShape.V1)) == error


def test_a_code_of_our_own_reaches_peers_as_the_cause_of_a_generic_one() -> None:
    own = WireError(code="METER_UNKNOWN", message="no such meter", path="$.m", hint="Register it.")
    assert own.to_wire()["code"] == "METER_UNKNOWN"
    lifted = WireError.from_wire(own.to_wire(ErrorShape.NFH))
    assert (lifted.code, lifted.message, lifted.path, lifted.hint) == (
        GENERIC,
        "no such meter",
        "$.m",
        "Register it.",
    )
    assert lifted.cause == WireError(code="METER_UNKNOWN", message="no such meter")
    assert own.to_wire(ErrorShape.V1) == {
        "code": "40000",
        "paths": "$.m",
        "message": "METER_UNKNOWN: no such meter. Register it.",
    }


@pytest.mark.parametrize("shape", [ErrorShape.RC, ErrorShape.LTS, ErrorShape.NFH])
def test_a_cause_survives_the_wire(shape: ErrorShape) -> None:
    cause = WireError(code="EVSE_INOPERATIVE", message="the charger is broken", path="$.e")
    error = WireError(code="BIZ_FULFILLMENT_UNAVAILABLE", message="no charging", cause=cause)
    assert WireError.from_wire(error.to_wire(shape)) == error


def test_a_chain_of_causes_is_read_to_the_third_and_no_further() -> None:
    wire: dict[str, object] = {"code": "A", "message": "deepest"}
    for _ in range(50):
        wire = {"code": "A", "message": "m", "details": {"cause": wire}}
    first = WireError.from_wire(wire)
    assert first.cause is not None
    assert first.cause.cause is not None
    assert first.cause.cause.cause is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    assert is_retryable_status(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 409, 413, 422, 499])
def test_a_final_answer_is_not_tried_again(status: int) -> None:
    assert not is_retryable_status(status)
