"""ACK and NACK: written in the shape of a profile, read in all four."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from protocol.answers import Answer, read_answer, write_answer
from protocol.errors import WireError
from protocol.profile import AckShape

AT = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
ERROR = WireError(code="SCH_INVALID_JSON", message="the body is no JSON", path="$", hint="Send JSON.")


def _written(shape: AckShape, error: WireError | None = None) -> dict[str, object]:
    return write_answer(shape, transaction_id="t-1", message_id="m-1", at=AT, error=error)


@pytest.mark.parametrize("shape", list(AckShape))
def test_an_ack_of_every_shape_is_read_as_one(shape: AckShape) -> None:
    assert read_answer(200, _written(shape)) == Answer(acknowledged=True)


@pytest.mark.parametrize("shape", list(AckShape))
def test_a_nack_of_every_shape_is_read_with_its_error(shape: AckShape) -> None:
    assert read_answer(400, _written(shape, ERROR)) == Answer(acknowledged=False, error=ERROR)


@pytest.mark.parametrize("shape", list(AckShape))
def test_a_nack_that_comes_with_status_200_is_still_a_nack(shape: AckShape) -> None:
    assert read_answer(200, _written(shape, ERROR)) == Answer(acknowledged=False, error=ERROR)


def test_the_release_candidate_answers_flat_with_transaction_and_time() -> None:
    assert _written(AckShape.RC) == {
        "transaction_id": "t-1",
        "timestamp": "2026-01-09T10:00:00Z",
        "ack_status": "ACK",
    }
    assert _written(AckShape.RC, ERROR)["error"] == ERROR.to_wire()


def test_the_other_shapes_are_as_their_generations_want_them() -> None:
    assert _written(AckShape.V1) == {"message": {"ack": {"status": "ACK"}}}
    assert _written(AckShape.LTS) == {"status": "ACK"}
    assert _written(AckShape.NFH) == {"message": {"status": "ACK", "messageId": "m-1"}}


def test_an_error_inside_the_ack_object_is_found() -> None:
    body = {"message": {"ack": {"status": "NACK", "error": {"code": "X", "message": "no"}}}}
    assert read_answer(400, body).error == WireError(code="X", message="no")


@pytest.mark.parametrize("body", [None, "OK", [], {}, {"message": "thanks"}, {"message": {"ack": "ACK"}}])
def test_a_success_that_says_nothing_counts_as_ack(body: object) -> None:
    assert read_answer(202, body) == Answer(acknowledged=True)


@pytest.mark.parametrize("http_status", [199, 300, 404, 500])
def test_an_ack_with_the_status_of_a_failure_is_none(http_status: int) -> None:
    answer = read_answer(http_status, {"status": "ACK"})
    assert answer.error == WireError(code="UNKNOWN", message=f"HTTP {http_status} with status ACK")


def test_a_nack_without_an_error_is_still_a_nack() -> None:
    answer = read_answer(200, {"ack_status": "NACK", "error": {}})
    assert answer.error == WireError(code="UNKNOWN", message="HTTP 200 with status NACK")


def test_a_success_that_names_an_error_is_no_ack() -> None:
    assert not read_answer(200, {"status": "ACK", "error": {"code": "X"}}).acknowledged


def test_an_error_that_is_only_a_sentence_is_read_too() -> None:
    assert read_answer(200, {"error": "no room"}).error == WireError(code="UNKNOWN", message="no room")


def test_a_status_that_is_no_text_counts_as_none() -> None:
    assert read_answer(200, {"status": 1}).acknowledged
