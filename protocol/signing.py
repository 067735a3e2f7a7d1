"""Signatures of messages and of answers: BLAKE2b-512 digest, Ed25519, HTTP `Signature` syntax.

Sources: BECKN-006 "Signing Beckn APIs in HTTP" (three lines), NFH-007 "Authentication and Trust"
(a fourth line binds a callback or an answer to the request that it replies to).
The signing string has no trailing newline.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from protocol.checks import MAX_CLOCK_SKEW
from protocol.ed25519 import PrivateKey, PublicKey
from protocol.errors import KeyExpired, SignatureInvalid
from protocol.signature_header import (
    ALGORITHM,
    FOUR_LINES,
    SCHEME,
    THREE_LINES,
    SignatureHeader,
    parse_answer_header,
    parse_header,
    unreadable,
)

__all__ = [  # the door to everything about signatures that the hot path needs
    "ALWAYS_VALID",
    "FOUR_LINES",
    "MAX_VALIDITY",
    "THREE_LINES",
    "KeyValidity",
    "SignatureHeader",
    "Signer",
    "Signers",
    "challenge",
    "digest",
    "parse_answer_header",
    "parse_header",
    "signing_string",
    "verify",
    "verify_by_any",
]

MAX_VALIDITY: Final = timedelta(hours=1)
"""The longest `expires − created` that is believed; without a bound a leaked header lives on."""

_MAX_SKEW_SECONDS: Final = MAX_CLOCK_SKEW.total_seconds()
_MAX_VALIDITY_SECONDS: Final = int(MAX_VALIDITY.total_seconds())


class KeyValidity(NamedTuple):
    """When a key may sign: in `[start, end)`; a bound that is None is open."""

    start: datetime | None = None
    end: datetime | None = None


ALWAYS_VALID: Final = KeyValidity()


def digest(raw: bytes) -> str:
    """Return the base64 of the BLAKE2b-512 of `raw`."""
    return b64encode(blake2b(raw).digest()).decode()


def signing_string(
    body_digest: str, *, created: int, expires: int, label: str, request_signature: str | None = None
) -> bytes:
    """Return the bytes that are signed: three lines, four when a request is replied to."""
    lines = f"(created): {created}\n(expires): {expires}\ndigest: {label}={body_digest}"
    return (
        lines if request_signature is None else f"{lines}\nrequest-signature: {request_signature}"
    ).encode()


def verify(
    raw: bytes,
    header: SignatureHeader,
    *,
    key: PublicKey,
    now: datetime,
    labels: tuple[str, ...],
    request_signatures: tuple[str, ...] = (),
    validity: KeyValidity = ALWAYS_VALID,
) -> str:
    """Return the digest of `raw`, if `header` is a fresh, true signature of it by `key`.

    `labels` are the digest labels to believe. `request_signatures` are the possible fourth
    lines; they are needed only when the header says that it signed one.
    Raises: SignatureInvalid, KeyExpired.
    """
    check_window(header, now=now, validity=validity)
    signature = read_signature(header)
    fourth_lines: tuple[str | None, ...] = (None,)
    if header.headers == FOUR_LINES:
        if not request_signatures:
            raise SignatureInvalid(
                "the signature binds a request that this node did not send or has forgotten",
                path=header.place,
            )
        fourth_lines = request_signatures
    body_digest, created, expires = digest(raw), header.created, header.expires
    for label in labels:
        for fourth in fourth_lines:
            text = signing_string(
                body_digest, created=created, expires=expires, label=label, request_signature=fourth
            )
            if key.verifies(signature, text):
                return body_digest
    raise SignatureInvalid(
        "the signature does not fit the body",
        path=header.place,
        hint="Sign the exact bytes that are sent: no re-serialising, no trailing newline.",
    )


def verify_by_any(
    raw: bytes,
    header: SignatureHeader,
    *,
    keys: Sequence[PublicKey],
    now: datetime,
    labels: tuple[str, ...],
    request_signatures: tuple[str, ...] = (),
) -> None:
    """Refuse `header` unless it is a fresh, true signature of `raw` by one of `keys`; one is there at least.

    Raises: SignatureInvalid.
    """
    *others, last = keys
    for key in others:
        with suppress(SignatureInvalid):
            verify(raw, header, key=key, now=now, labels=labels, request_signatures=request_signatures)
            return
    verify(raw, header, key=last, now=now, labels=labels, request_signatures=request_signatures)


def check_window(header: SignatureHeader, *, now: datetime, validity: KeyValidity = ALWAYS_VALID) -> None:
    """Refuse a signature from the future, a lapsed or too long one, or one beyond its key's own time.

    Raises: SignatureInvalid, KeyExpired.
    """
    seconds = now.timestamp()
    if header.created > seconds + _MAX_SKEW_SECONDS:
        raise SignatureInvalid(
            f"the signature was made {header.created - seconds:.0f} s in the future",
            path=header.place,
            hint="Set the sender's clock.",
        )
    if header.expires <= seconds:
        raise SignatureInvalid(
            f"the signature lapsed {seconds - header.expires:.0f} s ago",
            path=header.place,
            hint="Sign again when sending again.",
        )
    if not 0 < header.expires - header.created <= _MAX_VALIDITY_SECONDS:
        raise SignatureInvalid(
            f"the signature would be valid for {header.expires - header.created} s",
            path=header.place,
            hint=f"Let expires follow created by at most {_MAX_VALIDITY_SECONDS} s.",
        )
    if validity is not ALWAYS_VALID:
        check_key_window(header, validity)


def check_key_window(header: SignatureHeader, validity: KeyValidity) -> None:
    """Refuse a signature that was made before its key was valid, or would outlive it.

    Raises: KeyExpired.
    """
    start, end = validity
    if start is not None and header.created + _MAX_SKEW_SECONDS < start.timestamp():
        raise KeyExpired(
            f"the key is valid from {start.isoformat()} on, the signature is older",
            path=header.place,
            hint="Sign with a key that was valid when signing.",
        )
    if end is not None and header.expires > end.timestamp():
        raise KeyExpired(
            f"the key is valid until {end.isoformat()}, the signature would outlive it",
            path=header.place,
            hint="Let expires be no later than the key's end, or sign with the next key.",
        )


def read_signature(header: SignatureHeader) -> bytes:
    """Return the bytes of the signature; one signature has one spelling, for a reply may sign it.

    Raises: SignatureInvalid.
    """
    text = header.signature
    try:
        signature = b64decode(text, validate=True)
    except ValueError as error:  # not in the alphabet, or not padded
        raise unreadable("the signature is no base64", header.place) from error
    if b64encode(signature).decode() != text:
        raise unreadable("the signature is no canonical base64", header.place)
    return signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A subscriber's signing key under the name that the registry knows it by.

    No signature outlives the key, which ends at `valid_until`; None leaves that open.
    """

    subscriber_id: str
    key_id: str
    private_key: PrivateKey
    validity: timedelta = timedelta(minutes=5)
    valid_until: datetime | None = None

    def __repr__(self) -> str:
        return f"Signer({self.subscriber_id}|{self.key_id})"

    @property
    def public_key(self) -> PublicKey:
        return self.private_key.public_key

    def at(self, _now: datetime) -> Signer:
        """Return itself: whoever has one key signs with it at any time."""
        return self

    def sign(self, raw: bytes, *, now: datetime, label: str, request_signature: str | None = None) -> str:
        """Return the header value that signs `raw` from `now` on, binding a request if given."""
        created, expires = self.window(now)
        text = signing_string(
            digest(raw), created=created, expires=expires, label=label, request_signature=request_signature
        )
        headers = THREE_LINES if request_signature is None else FOUR_LINES
        return self.seal(text, created=created, expires=expires, headers=headers)

    def window(self, now: datetime) -> tuple[int, int]:
        """Return `created` and `expires` of what is signed at `now`, in Unix seconds."""
        created = int(now.timestamp())
        expires = created + int(self.validity.total_seconds())
        if self.valid_until is not None:
            expires = min(expires, int(self.valid_until.timestamp()))
        return created, expires

    def seal(self, text: bytes, *, created: int, expires: int, headers: str) -> str:
        """Return the header value around the signature of `text`."""
        signature = b64encode(self.private_key.sign(text)).decode()
        return (
            f'{SCHEME} keyId="{self.subscriber_id}|{self.key_id}|{ALGORITHM}",algorithm="{ALGORITHM}",'
            f'created="{created}",expires="{expires}",headers="{headers}",signature="{signature}"'
        )


class Signers(Protocol):
    """The signing keys of one subscriber, of which one signs at a time."""

    @property
    def subscriber_id(self) -> str: ...

    def at(self, now: datetime, /) -> Signer:
        """Return the key to sign with at `now`.

        Raises: NodeError, if there is none.
        """
        ...


def challenge(subscriber_id: str) -> str:
    """Return the `WWW-Authenticate` value that goes with a 401 (BECKN-006).

    A `Proxy-Authenticate`, for a gateway's signature, has the same value.
    """
    return f'{SCHEME} realm="{subscriber_id}",headers="{THREE_LINES}"'
