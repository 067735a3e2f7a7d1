"""Signing and strict verifying."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol.errors import KeyExpired, SignatureInvalid
from protocol.keys import new_private_key, read_private_key, write_public_key
from protocol.profile import V2_RC
from protocol.signature_header import AUTHORIZATION, GATEWAY_AUTHORIZATION
from protocol.signing import (
    ALWAYS_VALID,
    FOUR_LINES,
    MAX_VALIDITY,
    THREE_LINES,
    KeyValidity,
    SignatureHeader,
    Signer,
    challenge,
    digest,
    parse_header,
    signing_string,
    verify,
    verify_by_any,
)

# A vector of our own: any change to the signing string shows here, wherever the tests run.
SEED = "ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="
PUBLIC = "haF7fNi/T/DUHls7aBPTsWJ5mxodWDaOKEJ31oF1byI="
BODY = '{"context":{"action":"status"},"message":{"note":"½ kWh"}}'.encode()
CREATED = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
DIGEST = "O0Za66x1sQNPlrO+UUmE4jWhpuk0mjFr09QNq3myUtL6JpewhwCWP7r72JtlKCJCP1+96a8YEv0TrnI/5Hn65w=="
SIGNATURE = "VYSJccEUezDaH7TkhD1s1+DKiNAOQlLahRk86OOw2FpERg+7VJE/vhQbKwfkLO9NkEUf4W6AjiiE8H3iBuEpAQ=="
REPLY = b'{"ack_status":"ACK"}'
REPLY_SIGNATURE = "/t8n6GKPO8EdVGPxdu1HQ3/5cdBmy1Z4BzaHpbYj6V3vlmYql5wVVfjY6DYKzG8V68FxxwzX2qDfYoUYK2CNDw=="

LABEL = V2_RC.digest_labels[0]
SIGNER = Signer(subscriber_id="bap.example", key_id="k1", private_key=read_private_key(SEED))


def _signed(
    raw: bytes = BODY, *, label: str = LABEL, request_signature: str | None = None
) -> SignatureHeader:
    return parse_header(SIGNER.sign(raw, now=CREATED, label=label, request_signature=request_signature))


def _verify(
    header: SignatureHeader,
    raw: bytes = BODY,
    *,
    after: timedelta = timedelta(),
    labels: tuple[str, ...] = V2_RC.digest_labels,
    request_signatures: tuple[str, ...] = (),
    validity: KeyValidity = ALWAYS_VALID,
) -> None:
    verify(
        raw,
        header,
        key=SIGNER.public_key,
        now=CREATED + after,
        labels=labels,
        request_signatures=request_signatures,
        validity=validity,
    )


def test_the_own_vector_is_signed_to_the_last_character() -> None:
    assert write_public_key(SIGNER.public_key) == PUBLIC
    assert digest(BODY) == DIGEST
    assert SIGNER.sign(BODY, now=CREATED, label="BLAKE-512") == (
        'Signature keyId="bap.example|k1|ed25519",algorithm="ed25519",created="1774746000",'
        f'expires="1774746300",headers="(created) (expires) digest",signature="{SIGNATURE}"'
    )


def test_the_own_vector_of_an_answer_is_signed_with_the_request_in_it() -> None:
    header = _signed(REPLY, request_signature=SIGNATURE)
    assert (header.signature, header.headers) == (REPLY_SIGNATURE, FOUR_LINES)
    _verify(header, REPLY, request_signatures=(SIGNATURE,))


def test_the_signing_string_is_three_lines_without_an_end() -> None:
    text = signing_string(digest(b""), created=1, expires=2, label="BLAKE-512").decode()
    assert text == f"(created): 1\n(expires): 2\ndigest: BLAKE-512={digest(b'')}"


def test_the_signing_string_of_a_reply_has_a_fourth_line() -> None:
    text = signing_string(digest(b""), created=1, expires=2, label="L", request_signature="abc=").decode()
    assert text.splitlines()[3:] == ["request-signature: abc="]


def test_a_digest_is_64_bytes() -> None:
    assert len(b64decode(digest(b"energy"))) == 64


@pytest.mark.parametrize("label", V2_RC.digest_labels)
def test_both_labels_of_the_digest_are_believed(label: str) -> None:
    _verify(_signed(label=label))


def test_a_label_that_the_profile_does_not_name_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(_signed(label="SHA-512"))


def test_a_changed_byte_is_refused_with_advice() -> None:
    with pytest.raises(SignatureInvalid, match="does not fit the body") as caught:
        _verify(_signed(), BODY + b"\n")
    assert "exact bytes" in str(caught.value.hint)


def test_one_of_several_keys_will_do_and_none_will_not() -> None:
    others = [new_private_key().public_key for _ in range(2)]
    for keys in ([SIGNER.public_key, *others], [*others, SIGNER.public_key]):
        verify_by_any(BODY, _signed(), keys=keys, now=CREATED, labels=V2_RC.digest_labels)
    with pytest.raises(SignatureInvalid, match="does not fit the body"):
        verify_by_any(BODY, _signed(), keys=others, now=CREATED, labels=V2_RC.digest_labels)


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="does not fit"):
        verify(BODY, _signed(), key=new_private_key().public_key, now=CREATED, labels=V2_RC.digest_labels)


@pytest.mark.parametrize("change", [{"created": -1}, {"expires": 1}])
def test_a_changed_time_is_refused(change: dict[str, int]) -> None:
    header = _signed()
    moved = header._replace(**{name: getattr(header, name) + by for name, by in change.items()})
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(moved)


@pytest.mark.parametrize("seconds", [-5, 0, 299])
def test_a_signature_is_good_from_five_seconds_before_it_was_made_until_it_lapses(seconds: int) -> None:
    _verify(_signed(), after=timedelta(seconds=seconds))


def test_a_signature_from_further_in_the_future_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="6 s in the future"):
        _verify(_signed(), after=timedelta(seconds=-6))


@pytest.mark.parametrize("seconds", [300, 301])
def test_a_signature_is_refused_from_the_second_it_lapses(seconds: int) -> None:
    with pytest.raises(SignatureInvalid, match=f"lapsed {seconds - 300} s ago"):
        _verify(_signed(), after=timedelta(seconds=seconds))


def test_a_signature_may_live_for_the_longest_validity_and_no_longer() -> None:
    longest = replace(SIGNER, validity=MAX_VALIDITY)
    _verify(parse_header(longest.sign(BODY, now=CREATED, label=LABEL)))
    longer = replace(SIGNER, validity=MAX_VALIDITY + timedelta(seconds=1))
    with pytest.raises(SignatureInvalid, match="valid for 3601 s"):
        _verify(parse_header(longer.sign(BODY, now=CREATED, label=LABEL)))


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_signature_that_lapses_before_it_is_made_is_refused(seconds: int) -> None:
    header = _signed()
    with pytest.raises(SignatureInvalid, match=f"valid for {seconds} s"):
        _verify(
            header._replace(created=header.expires - seconds), after=timedelta(seconds=299 - max(seconds, 0))
        )


@pytest.mark.parametrize(
    "validity",
    [
        KeyValidity(),
        KeyValidity(start=CREATED),
        KeyValidity(start=CREATED + timedelta(seconds=5)),
        KeyValidity(end=CREATED + timedelta(seconds=300)),
        KeyValidity(CREATED - timedelta(days=1), CREATED + timedelta(days=1)),
    ],
)
def test_a_key_signs_from_its_first_second_to_its_end_and_clocks_may_differ_a_little(
    validity: KeyValidity,
) -> None:
    _verify(_signed(), validity=validity)


@pytest.mark.parametrize(
    ("validity", "reason"),
    [
        (KeyValidity(start=CREATED + timedelta(seconds=6)), "valid from .* the signature is older"),
        (KeyValidity(end=CREATED + timedelta(seconds=299)), "valid until .* would outlive it"),
    ],
)
def test_a_signature_from_before_its_key_or_beyond_its_end_is_refused(
    validity: KeyValidity, reason: str
) -> None:
    with pytest.raises(KeyExpired, match=reason) as caught:
        _verify(_signed(), validity=validity)
    assert caught.value.path == AUTHORIZATION
    assert caught.value.hint


@pytest.mark.parametrize("signature", ["", "AAAA", "A" * 88, "not base64", "Zm9v===", "zażółć"])
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        _verify(_signed()._replace(signature=signature))


def test_one_signature_has_one_spelling() -> None:
    header = _signed()
    respelled = header.signature.replace("Q==", "R==")
    assert b64decode(respelled) == b64decode(header.signature)
    assert respelled != header.signature
    with pytest.raises(SignatureInvalid, match="canonical"):
        _verify(header._replace(signature=respelled))


def test_a_reply_is_bound_to_its_request() -> None:
    header = _signed(REPLY, request_signature="the-request")
    _verify(header, REPLY, request_signatures=("another", "the-request"))
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(header, REPLY, request_signatures=("another",))


def test_a_reply_to_a_request_that_nobody_sent_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="did not send or has forgotten"):
        _verify(_signed(REPLY, request_signature="the-request"), REPLY)


@pytest.mark.parametrize(
    ("signed_with", "claimed"), [("the-request", THREE_LINES), (None, FOUR_LINES)], ids=["less", "more"]
)
def test_a_header_that_lies_about_what_it_signed_is_refused(signed_with: str | None, claimed: str) -> None:
    lying = _signed(request_signature=signed_with)._replace(headers=claimed)
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(lying, request_signatures=("the-request",))


def test_an_error_says_in_which_header_the_signature_stood() -> None:
    value = SIGNER.sign(BODY, now=CREATED, label=LABEL)
    header = parse_header(value, place=GATEWAY_AUTHORIZATION)
    with pytest.raises(SignatureInvalid) as caught:
        _verify(header, BODY + b" ")
    assert caught.value.path == GATEWAY_AUTHORIZATION


def test_a_signer_does_not_show_its_key() -> None:
    assert repr(SIGNER) == "Signer(bap.example|k1)"


def test_the_challenge_of_a_401_names_what_must_be_signed() -> None:
    assert challenge("bpp.example") == 'Signature realm="bpp.example",headers="(created) (expires) digest"'


def test_a_signature_ends_with_its_key() -> None:
    ends = CREATED + timedelta(minutes=2)
    signer = replace(SIGNER, valid_until=ends)
    assert signer.at(CREATED) is signer
    assert signer.window(CREATED)[1] == int(ends.timestamp())
    assert signer.window(ends - signer.validity)[1] == int(ends.timestamp())
    assert SIGNER.window(CREATED)[1] == int((CREATED + SIGNER.validity).timestamp())
