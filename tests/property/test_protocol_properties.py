"""What holds for every message, whatever its bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.answers import read_answer, write_answer
from protocol.context import Context, read_context, write_context
from protocol.durations import format_duration, parse_duration
from protocol.errors import SignatureInvalid, WireError
from protocol.keys import read_private_key
from protocol.profile import V2_RC, AckShape
from protocol.signing import FOUR_LINES, THREE_LINES, Signer, parse_header, verify

SIGNER = Signer(
    subscriber_id="bap.example",
    key_id="k1",
    private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
)
LABEL = V2_RC.digest_labels[0]

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  made aware below
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000))
names = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters='"|'), min_size=1, max_size=40
)
request_signatures = st.none() | st.text("abcXYZ019+/=", min_size=1, max_size=88)


@given(raw=st.binary(max_size=4096), now=instants, request_signature=request_signatures)
def test_what_was_signed_verifies(raw: bytes, now: datetime, request_signature: str | None) -> None:
    header = parse_header(SIGNER.sign(raw, now=now, label=LABEL, request_signature=request_signature))
    verify(
        raw,
        header,
        key=SIGNER.public_key,
        now=now,
        labels=V2_RC.digest_labels,
        request_signatures=() if request_signature is None else (request_signature,),
    )


@given(raw=st.binary(min_size=1, max_size=512), data=st.data())
def test_one_flipped_bit_of_the_body_is_refused(raw: bytes, data: st.DataObject) -> None:
    now = datetime(2026, 1, 9, tzinfo=UTC)
    header = parse_header(SIGNER.sign(raw, now=now, label=LABEL))
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SignatureInvalid):
        verify(bytes(changed), header, key=SIGNER.public_key, now=now, labels=V2_RC.digest_labels)


@given(data=st.data())
def test_one_changed_byte_of_the_header_is_refused_or_changes_nothing(data: st.DataObject) -> None:
    now = datetime(2026, 1, 9, tzinfo=UTC)
    written = SIGNER.sign(b"{}", now=now, label=LABEL)
    place = data.draw(st.integers(0, len(written) - 1))
    changed = written[:place] + data.draw(st.characters(max_codepoint=255)) + written[place + 1 :]
    try:
        header = parse_header(changed)
        verify(b"{}", header, key=SIGNER.public_key, now=now, labels=V2_RC.digest_labels)
    except SignatureInvalid:
        return
    genuine = parse_header(written)
    # Who signed is looked up by name; the name is not under the signature, the key is.
    assert (header.created, header.expires, header.signature) == (
        genuine.created,
        genuine.expires,
        genuine.signature,
    )


@given(subscriber=names, key=names, now=instants, validity=st.integers(1, 3600), bound=request_signatures)
def test_a_header_is_read_as_it_was_written(
    subscriber: str, key: str, now: datetime, validity: int, bound: str | None
) -> None:
    signer = Signer(
        subscriber_id=subscriber,
        key_id=key,
        private_key=SIGNER.private_key,
        validity=timedelta(seconds=validity),
    )
    header = parse_header(signer.sign(b"", now=now, label=LABEL, request_signature=bound))
    assert (header.subscriber_id, header.key_id) == (subscriber, key)
    assert (header.created, header.expires - header.created) == (int(now.timestamp()), validity)
    assert header.headers == (THREE_LINES if bound is None else FOUR_LINES)


@given(st.text())
def test_no_text_breaks_the_reading_of_headers(text: str) -> None:
    try:
        header = parse_header(f"Signature {text}")
    except SignatureInvalid:
        return
    assert header.subscriber_id


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
        ttl=st.none() | st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    )
)
def test_a_context_survives_the_wire(context: Context) -> None:
    assert read_context({"context": write_context(context, V2_RC)}, V2_RC) == context


@given(st.integers(0, 10**9))
def test_a_duration_of_whole_seconds_survives_the_wire(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@given(
    shape=st.sampled_from(AckShape),
    error=st.builds(WireError, code=names, message=names, path=st.none() | names, hint=st.none() | names),
)
def test_a_nack_is_read_as_it_was_written(shape: AckShape, error: WireError) -> None:
    body = write_answer(
        shape, transaction_id="t", message_id="m", at=datetime(2026, 1, 9, tzinfo=UTC), error=error
    )
    assert read_answer(400, body).error == error
