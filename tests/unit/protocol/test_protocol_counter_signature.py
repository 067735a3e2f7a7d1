"""CounterSignatures: a receipt in the body of an answer, for that answer and that request."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from protocol.counter_signature import (
    Receipt,
    add_counter_signature,
    counter_signing_string,
    verify_counter_signature,
)
from protocol.errors import KeyExpired, SignatureInvalid, SignatureMissing
from protocol.keys import new_private_key, read_private_key
from protocol.signature_header import FIVE_LINES, THREE_LINES
from protocol.signing import ALWAYS_VALID, KeyValidity, Signer, digest

NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
LABEL, OTHER_LABEL = LABELS = ("BLAKE-512", "BLAKE2b-512")
SIGNER = Signer(
    subscriber_id="bpp.example",
    key_id="k1",
    private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
)
RECEIPT = Receipt(request_digest=digest(b'{"context":{}}'), message_id="m-1")
ANSWER = '{"status":"NACK","error":{"errorCode":"NET_TIMEOUT","errorMessage":"zu spät"}}'.encode()


def _signed(answer: bytes = ANSWER, *, label: str = LABEL) -> bytes:
    return add_counter_signature(answer, RECEIPT, signer=SIGNER, now=NOW, label=label)


def _verify(
    answer: bytes,
    receipt: Receipt = RECEIPT,
    *,
    after: timedelta = timedelta(),
    validity: KeyValidity = ALWAYS_VALID,
) -> None:
    verify_counter_signature(
        answer, receipt, key=SIGNER.public_key, now=NOW + after, labels=LABELS, validity=validity
    )


def test_five_lines_are_signed() -> None:
    text = counter_signing_string("AAA=", RECEIPT, created=1, expires=2, label="L").decode()
    assert text.split("\n") == [
        "(created): 1",
        "(expires): 2",
        "digest: L=AAA=",
        f"(request-digest): L={RECEIPT.request_digest}",
        "(message-id): m-1",
    ]


@pytest.mark.parametrize("answer", [ANSWER, b'{"status":"ACK"}', b'{"status": "ACK"}\n'])
@pytest.mark.parametrize("label", LABELS)
def test_an_answer_carries_its_receipt_and_is_otherwise_unchanged(answer: bytes, label: str) -> None:
    signed = _signed(answer, label=label)
    document = json.loads(signed)
    assert f'headers="{FIVE_LINES}"' in document.pop("signature")
    assert document == json.loads(answer)
    if not answer.endswith(b"\n"):
        _verify(signed)


def _first(document: dict[str, object]) -> bytes:
    return json.dumps({"signature": document.pop("signature")} | document).encode()


def _middle(document: dict[str, object]) -> bytes:
    signature = document.pop("signature")
    status = {"status": document.pop("status")}
    return json.dumps(status | {"signature": signature} | document, separators=(",", ":")).encode()


def _spaced(document: dict[str, object]) -> bytes:
    return json.dumps(document, indent=1).encode()


@pytest.mark.parametrize("rewrite", [_first, _middle, _spaced])
def test_where_the_member_stands_and_how_the_answer_is_spaced_does_not_matter(
    rewrite: Callable[[dict[str, object]], bytes],
) -> None:
    _verify(rewrite(json.loads(_signed())))


def test_an_answer_that_was_signed_as_it_is_spaced_is_cut_out_of_its_bytes() -> None:
    answer = b'{ "status" : "ACK" }'
    value = json.loads(_signed(answer))["signature"]
    _verify(b'{ "status" : "ACK" , "signature": %b }' % json.dumps(value).encode())
    _verify(b'{ "signature": %b, "status" : "ACK" }' % json.dumps(value).encode())


@pytest.mark.parametrize(
    "receipt", [RECEIPT._replace(request_digest=digest(b"{}")), RECEIPT._replace(message_id="m-2")]
)
def test_a_receipt_for_another_request_is_refused(receipt: Receipt) -> None:
    with pytest.raises(SignatureInvalid, match="does not fit the answer and the request"):
        _verify(_signed(), receipt)


def test_a_changed_answer_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(_signed().replace(b"NACK", b"ACK"))


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureInvalid, match="does not fit"):
        verify_counter_signature(_signed(), RECEIPT, key=new_private_key().public_key, now=NOW, labels=LABELS)


def test_a_receipt_lapses_like_any_signature() -> None:
    with pytest.raises(SignatureInvalid, match="lapsed") as caught:
        _verify(_signed(), after=timedelta(minutes=5))
    assert caught.value.path == "$.signature"


def test_a_receipt_does_not_outlive_its_key() -> None:
    with pytest.raises(KeyExpired):
        _verify(_signed(), validity=KeyValidity(end=NOW))


@pytest.mark.parametrize("answer", [b'{"status":"ACK"}', b'{"status":"ACK","signature":7}', b"{}"])
def test_an_answer_without_a_receipt_is_told_from_a_wrong_one(answer: bytes) -> None:
    with pytest.raises(SignatureMissing) as caught:
        _verify(answer)
    assert caught.value.path == "$.signature"


@pytest.mark.parametrize("answer", [b"", b"ACK", b"[]", b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_no_answer(answer: bytes) -> None:
    with pytest.raises(SignatureInvalid, match="no JSON object"):
        _verify(answer)


def test_a_header_over_fewer_lines_is_no_receipt() -> None:
    value = SIGNER.sign(ANSWER, now=NOW, label=LABEL)
    assert THREE_LINES in value
    with pytest.raises(SignatureInvalid, match="is not what is signed here"):
        _verify(json.dumps({"status": "ACK", "signature": value}).encode())


def test_an_answer_that_cannot_be_written_anew_is_still_verified() -> None:
    lone = b'{"status":"\\ud800"}'
    _verify(_signed(lone))
    with pytest.raises(SignatureInvalid, match="does not fit"):
        _verify(_signed(lone).replace(b'{"status"', b'{ "status"'))


def test_a_member_of_the_same_name_further_down_is_not_taken_for_it() -> None:
    inner = b'{"error":{"signature":"inner"},"status":"ACK"}'
    _verify(_signed(inner))
