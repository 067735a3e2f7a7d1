"""What holds for every signature, whatever its bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.counter_signature import Receipt, add_counter_signature, verify_counter_signature
from protocol.ed25519 import Libsodium, OpenSsl, PrivateKey
from protocol.errors import SignatureInvalid, SignatureMissing
from protocol.keys import read_private_key
from protocol.profile import V2_RC
from protocol.signing import FOUR_LINES, THREE_LINES, Signer, digest, parse_header, verify
from protocol.tolerance import STRICT, Tolerance
from protocol.verification import Expectation, explain

SIGNER = Signer(
    subscriber_id="bap.example",
    key_id="k1",
    private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
)
KEY = SIGNER.public_key
NOW = datetime(2026, 1, 9, tzinfo=UTC)
LABELS = V2_RC.digest_labels
LABEL = LABELS[0]
TOLERANT = Tolerance(bare=True, record_keys=True)

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  made aware by the time zone
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
names = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters='"|'), min_size=1, max_size=40
)
request_signatures = st.none() | st.text("abcXYZ019+/=", min_size=1, max_size=88)
parameters = st.sampled_from(("keyId", "algorithm", "created", "expires", "headers", "signature", "x"))
values = st.sampled_from(
    ("a|b|ed25519", "a/b/c|ed25519", "ed25519", "1767225600", THREE_LINES, FOUR_LINES, "c2ln")
) | st.text(max_size=9)
almost_headers = st.lists(
    st.tuples(parameters, values, st.sampled_from(('"', "")), st.sampled_from((",", ", ", " ", ";"))),
    max_size=8,
).map(lambda parts: "".join(f"{name}={quote}{value}{quote}{end}" for name, value, quote, end in parts))


@given(raw=st.binary(max_size=4096), now=instants, request=request_signatures, label=st.sampled_from(LABELS))
def test_what_was_signed_verifies(raw: bytes, now: datetime, request: str | None, label: str) -> None:
    header = parse_header(SIGNER.sign(raw, now=now, label=label, request_signature=request))
    bound = () if request is None else (request,)
    assert verify(raw, header, key=KEY, now=now, labels=LABELS, request_signatures=bound) == digest(raw)


@given(raw=st.binary(min_size=1, max_size=512), data=st.data())
def test_one_flipped_bit_of_the_body_is_refused(raw: bytes, data: st.DataObject) -> None:
    header = parse_header(SIGNER.sign(raw, now=NOW, label=LABEL))
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SignatureInvalid):
        verify(bytes(changed), header, key=KEY, now=NOW, labels=LABELS)


@given(data=st.data(), request=request_signatures)
def test_one_changed_character_of_the_header_is_refused_or_changes_nothing(
    data: st.DataObject, request: str | None
) -> None:
    written = SIGNER.sign(b"{}", now=NOW, label=LABEL, request_signature=request)
    place = data.draw(st.integers(0, len(written) - 1))
    changed = written[:place] + data.draw(st.characters(max_codepoint=255)) + written[place + 1 :]
    bound = () if request is None else (request,)
    try:
        header = parse_header(changed)
        verify(b"{}", header, key=KEY, now=NOW, labels=LABELS, request_signatures=bound)
    except SignatureInvalid:
        return
    genuine = parse_header(written)
    # Who signed is looked up by name; the name is not under the signature, the key is.
    assert header[2:] == genuine[2:]


@given(by=st.integers(-3600, 3600).filter(bool), field=st.sampled_from(("created", "expires")))
def test_one_changed_number_is_refused(by: int, field: str) -> None:
    header = parse_header(SIGNER.sign(b"{}", now=NOW, label=LABEL))
    with pytest.raises(SignatureInvalid):
        verify(
            b"{}",
            header._replace(**{field: getattr(header, field) + by}),
            key=KEY,
            now=NOW,
            labels=LABELS,
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


@given(
    text=st.text() | almost_headers,
    scheme=st.sampled_from(("", "Signature ", "signature  ")),
    tolerance=st.sampled_from((STRICT, TOLERANT)),
)
def test_no_text_breaks_the_reading_of_headers(text: str, scheme: str, tolerance: Tolerance) -> None:
    with suppress(SignatureInvalid, SignatureMissing):
        header = parse_header(scheme + text, tolerance)
        assert header.key_id
        assert header.headers in (THREE_LINES, FOUR_LINES)


@given(raw=st.binary(max_size=64), text=st.text() | almost_headers, stated=st.none() | st.text(max_size=9))
def test_nothing_breaks_the_explanation(raw: bytes, text: str, stated: str | None) -> None:
    expected = Expectation(digest=stated, tolerance=TOLERANT)
    report = explain(raw, text, key=KEY, now=NOW, expected=expected)
    assert not report.holds
    assert report.findings[-1].text


@given(raw=st.binary(max_size=64), other=st.binary(max_size=64), request=request_signatures)
def test_the_explanation_and_the_verdict_agree(raw: bytes, other: bytes, request: str | None) -> None:
    value = SIGNER.sign(raw, now=NOW, label=LABEL, request_signature=request)
    bound = () if request is None else (request,)
    report = explain(other, value, key=KEY, now=NOW, expected=Expectation(request_signatures=bound))
    assert report.holds is (raw == other)


@given(answer=st.dictionaries(names, st.text(), min_size=1), message_id=names, data=st.data())
def test_a_counter_signature_holds_for_its_own_answer_alone(
    answer: dict[str, str], message_id: str, data: st.DataObject
) -> None:
    raw = json.dumps(
        {name: value for name, value in answer.items() if name != "signature"} | {"s": 1}
    ).encode()
    receipt = Receipt(digest(b"request"), message_id)
    signed = add_counter_signature(raw, receipt, signer=SIGNER, now=NOW, label=LABEL)
    verify_counter_signature(signed, receipt, key=KEY, now=NOW, labels=LABELS)
    place = data.draw(st.integers(0, len(raw) - 2))
    changed = bytearray(signed)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((SignatureInvalid, SignatureMissing)):
        verify_counter_signature(bytes(changed), receipt, key=KEY, now=NOW, labels=LABELS)


@given(answer=st.binary(max_size=99) | st.text().map(lambda text: f'{{"signature":"{text}"}}'.encode()))
def test_no_answer_breaks_the_reading_of_counter_signatures(answer: bytes) -> None:
    with pytest.raises((SignatureInvalid, SignatureMissing)):
        verify_counter_signature(answer, Receipt("", ""), key=KEY, now=NOW, labels=LABELS)


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=99), data=st.data())
def test_the_engines_agree_on_whatever_they_are_given(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    sodium, openssl = Libsodium(), OpenSsl()
    key = PrivateKey(seed).public_key.raw
    signature = bytearray(sodium.signing_with(seed)(message))
    assert openssl.signing_with(seed)(message) == signature
    for place in data.draw(st.lists(st.integers(0, 511), max_size=2)):
        signature[place // 8] ^= 1 << place % 8
    verdict = sodium.verifying_with(key)(bytes(signature), message)
    assert openssl.verifying_with(key)(bytes(signature), message) is verdict
