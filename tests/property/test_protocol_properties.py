"""What holds for every message, whatever its bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocol.answers import read_answer, write_answer
from protocol.codes import CODES
from protocol.context import Context, read_context, write_context
from protocol.durations import format_duration, parse_duration
from protocol.errors import WireError
from protocol.profile import V2_RC, AckShape
from protocol.retry_after import LONGEST_WAIT, read_retry_after

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  made aware below
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000))
names = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters='"|'), min_size=1, max_size=40
)


@given(
    context=st.builds(
        Context,
        action=names,
        domain=st.just("") | names,
        version=names,
        bap_id=names,
        bap_uri=names,
        bpp_id=st.just("") | names,
        bpp_uri=st.just("") | names,
        transaction_id=names,
        message_id=names,
        timestamp=instants,
        network_ids=st.lists(names, max_size=3).map(tuple),
        ttl=st.none() | st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    )
)
def test_a_context_survives_the_wire(context: Context) -> None:
    assert read_context({"context": write_context(context, V2_RC)}, V2_RC) == context


@given(st.integers(0, 10**9))
def test_a_duration_of_whole_seconds_survives_the_wire(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


errors = st.builds(
    WireError,
    code=st.sampled_from(sorted(CODES)),
    message=names,
    path=st.none() | names,
    hint=st.none() | names,
)


@given(shape=st.sampled_from(AckShape), error=errors)
def test_a_nack_is_read_as_it_was_written(shape: AckShape, error: WireError) -> None:
    body = write_answer(
        shape, transaction_id="t", message_id="m", at=datetime(2026, 1, 9, tzinfo=UTC), error=error
    )
    read = read_answer(400, body).error
    assert read is not None
    if shape is AckShape.V1:  # which has no field for the hint
        error = replace(error, message=". ".join(filter(None, (error.message, error.hint))), hint=None)
    assert read == error


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
keys_of_answers = st.sampled_from(
    ("message", "ack", "status", "ack_status", "error", "code", "errorCode", "details", "cause", "paths")
)
answers = st.recursive(
    json_values | st.sampled_from(("ACK", "NACK")),
    lambda inner: st.dictionaries(keys_of_answers, inner, max_size=5),
    max_leaves=12,
)


@given(http_status=st.integers(100, 599), body=answers)
def test_whatever_a_peer_answers_means_something(http_status: int, body: object) -> None:
    answer = read_answer(http_status, body)
    assert answer.acknowledged is (answer.error is None)


@given(value=st.text() | st.integers().map(str))
def test_no_text_breaks_the_reading_of_retry_after(value: str) -> None:
    wait = read_retry_after(value, now=datetime(2026, 1, 9, tzinfo=UTC))
    assert wait is None or timedelta() <= wait <= LONGEST_WAIT
