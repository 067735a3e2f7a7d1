"""ACK and NACK: written in the shape of a profile, read in all four."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.answers import NO_CALLBACK_STATUS, Answer, read_answer, write_answer
from protocol.errors import WireError
from protocol.profile import AckShape, ErrorShape

AT = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
ERROR = WireError(code="SCH_INVALID_JSON", message="the body is no JSON", path="$", hint="Send JSON.")


def _written(shape: AckShape, error: WireError | None = None) -> dict[str, object]:
    return write_answer(shape, transaction_id="t-1", message_id="m-1", at=AT, error=error)


@pytest.mark.parametrize("shape", list(AckShape))
def test_an_ack_of_every_shape_is_read_as_one(shape: AckShape) -> None:
    assert read_answer(200, _written(shape)) == Answer(acknowledged=True)


DETAILED = [AckShape.RC, AckShape.LTS, AckShape.NFH]


@pytest.mark.parametrize("http_status", [400, 200])
@pytest.mark.parametrize("shape", DETAILED)
def test_a_nack_is_read_with_its_error_whatever_status_it_comes_with(
    shape: AckShape, http_status: int
) -> None:
    assert read_answer(http_status, _written(shape, ERROR)) == Answer(acknowledged=False, error=ERROR)


def test_a_nack_of_the_first_generation_is_read_with_its_error_too() -> None:
    error = read_answer(200, _written(AckShape.V1, ERROR)).error
    assert error == WireError(code=ERROR.code, message=f"{ERROR.message}. {ERROR.hint}", path=ERROR.path)


def test_the_release_candidate_answers_flat_with_transaction_and_time() -> None:
    assert _written(AckShape.RC) == {
        "transaction_id": "t-1",
        "timestamp": "2026-01-09T10:00:00Z",
        "ack_status": "ACK",
    }
    assert _written(AckShape.RC, ERROR)["error"] == ERROR.to_wire(ErrorShape.RC)


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


REFUSED = WireError(code="BIZ_NO_RESULTS_FOUND", message="nothing matches")


def _final(shape: AckShape) -> dict[str, object]:
    return write_answer(shape, transaction_id="t-1", message_id="m-1", at=AT, error=REFUSED, no_callback=True)


@pytest.mark.parametrize(("shape", "http_status"), NO_CALLBACK_STATUS.items())
def test_an_ack_without_a_callback_says_so_and_why(shape: AckShape, http_status: int) -> None:
    assert read_answer(http_status, _final(shape)) == Answer(
        acknowledged=False, error=REFUSED, no_callback=True
    )


@pytest.mark.parametrize("shape", [AckShape.V1, AckShape.RC])
def test_where_no_such_ack_is_known_it_is_a_nack(shape: AckShape) -> None:
    assert _final(shape) == _written(shape, REFUSED)


@pytest.mark.parametrize("http_status", [202, 409])
@pytest.mark.parametrize("body", [{"status": "ACK"}, {"message": {"status": "ACK", "messageId": "m-1"}}])
def test_an_ack_without_a_callback_need_not_say_why(http_status: int, body: object) -> None:
    assert read_answer(http_status, body) == Answer(acknowledged=True, no_callback=True)


def test_accepted_is_a_plain_ack_in_the_shapes_that_know_no_other() -> None:
    assert read_answer(202, _written(AckShape.V1)) == Answer(acknowledged=True)
    assert read_answer(202, _written(AckShape.RC)) == Answer(acknowledged=True)


@pytest.mark.parametrize("shape", list(AckShape))
def test_a_conflict_with_a_nack_is_a_refusal(shape: AckShape) -> None:
    answer = read_answer(409, _written(shape, REFUSED))
    assert (answer.acknowledged, answer.no_callback, answer.retryable) == (False, False, False)


@pytest.mark.parametrize(
    ("http_status", "code", "retryable"),
    [
        (429, "AUT_RATE_LIMITED", True),
        (429, "X", True),
        (503, "X", True),
        (200, "NET_OVERLOADED", True),
        (403, "POL_NP_CAPACITY_EXCEEDED", True),
        (400, "CTX_TTL_EXPIRED", False),
        (409, "X", False),
    ],
)
def test_a_refusal_may_be_tried_again_if_its_status_or_its_code_says_so(
    http_status: int, code: str, retryable: bool
) -> None:
    wait = timedelta(seconds=7)
    answer = read_answer(
        http_status, {"status": "NACK", "error": {"code": code, "message": "no"}}, retry_after=wait
    )
    assert answer.retryable is retryable
    assert answer.retry_after == (wait if retryable else None)


def test_an_ack_that_ends_the_matter_is_not_tried_again() -> None:
    error = WireError(code="NET_OVERLOADED", message="not today")
    body = write_answer(
        AckShape.NFH, transaction_id="t", message_id="m", at=AT, error=error, no_callback=True
    )
    assert not read_answer(202, body, retry_after=timedelta(seconds=1)).retryable
