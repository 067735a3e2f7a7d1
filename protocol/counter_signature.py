"""CounterSignature: a signed receipt inside the body of an answer (2.0.0 LTS).

It has five lines: times, the digest of the answer, the digest of the request and the request's message
id. Source: Beckn 2.0.0 LTS, `components.schemas.CounterSignature`. The specification leaves open what
the answer's digest is taken over, since the signature itself stands in the answer: here it is the
answer's bytes without the member `signature`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from protocol.ed25519 import PublicKey
from protocol.errors import SignatureInvalid
from protocol.signature_header import COUNTER_FORMS, FIVE_LINES, parse_header
from protocol.signing import (
    ALWAYS_VALID,
    KeyValidity,
    Signer,
    check_window,
    digest,
    read_signature,
    signing_string,
)

MEMBER: Final = "signature"

_PLACE: Final = "$.signature"
_MEMBER_TEXT: Final = rb'"signature"\s*:\s*"(?:[^"\\]|\\.)*"'
_CUTS: Final = (re.compile(rb"\s*,\s*" + _MEMBER_TEXT), re.compile(_MEMBER_TEXT + rb"\s*,?\s*"))


class Receipt(NamedTuple):
    """What an answer acknowledges: a request, by the digest of its bytes and its message id."""

    request_digest: str
    message_id: str


def counter_signing_string(
    answer_digest: str, receipt: Receipt, *, created: int, expires: int, label: str
) -> bytes:
    """Return the bytes that a CounterSignature signs: five lines."""
    lines = signing_string(answer_digest, created=created, expires=expires, label=label).decode()
    return (
        f"{lines}\n(request-digest): {label}={receipt.request_digest}\n(message-id): {receipt.message_id}"
    ).encode()


def add_counter_signature(
    answer: bytes, receipt: Receipt, *, signer: Signer, now: datetime, label: str
) -> bytes:
    """Return `answer`, a JSON object with some member, with its CounterSignature as last member."""
    created, expires = signer.window(now)
    text = counter_signing_string(digest(answer), receipt, created=created, expires=expires, label=label)
    value = signer.seal(text, created=created, expires=expires, headers=FIVE_LINES)
    return b'%b,"%b":%b}' % (answer.rstrip()[:-1], MEMBER.encode(), json.dumps(value).encode())


def verify_counter_signature(
    answer: bytes,
    receipt: Receipt,
    *,
    key: PublicKey,
    now: datetime,
    labels: tuple[str, ...],
    validity: KeyValidity = ALWAYS_VALID,
) -> None:
    """Check that `answer` carries a fresh, true CounterSignature of itself and of `receipt` by `key`.

    Raises: SignatureMissing, SignatureInvalid, KeyExpired.
    """
    read = _read(answer)
    header = parse_header(read.signature, place=_PLACE, forms=COUNTER_FORMS)
    check_window(header, now=now, validity=validity)
    signature = read_signature(header)
    for body in _unsigned(answer, read):
        answer_digest = digest(body)
        for label in labels:
            text = counter_signing_string(
                answer_digest, receipt, created=header.created, expires=header.expires, label=label
            )
            if key.verifies(signature, text):
                return
    raise SignatureInvalid(
        "the counter-signature does not fit the answer and the request",
        path=_PLACE,
        hint="Sign the answer's bytes without the member signature, and the request as it was sent.",
    )


class _Answer(NamedTuple):
    """An answer taken apart: its signature, and the rest of it, also written anew."""

    signature: str | None
    rest: dict[str, Any]
    rewritten: bytes


def _read(answer: bytes) -> _Answer:
    document = _load(answer)
    if not isinstance(document, dict):
        raise SignatureInvalid("the answer is no JSON object", path="$")
    signature = document.pop(MEMBER, None)
    try:
        rewritten = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # a lone surrogate, or barely shallow enough to be read
        rewritten = b""
    return _Answer(signature if isinstance(signature, str) else None, document, rewritten)


def _load(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unsigned(answer: bytes, read: _Answer) -> Iterator[bytes]:
    """Yield what the answer may have been before it was signed: cut out, or written anew."""
    for cut in _CUTS:
        left = cut.sub(b"", answer, count=1)
        if left != answer and _load(left) == read.rest:
            yield left
    yield read.rewritten
