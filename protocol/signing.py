"""Signatures of messages and of answers: BLAKE2b-512 digest, Ed25519, HTTP `Signature` syntax.

Sources: BECKN-006 "Signing Beckn APIs in HTTP" (three lines), NFH-007 "Authentication and Trust"
(a fourth line binds a callback or an answer to the request that it replies to).
The signing string has no trailing newline.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

from protocol.checks import MAX_CLOCK_SKEW
from protocol.ed25519 import PrivateKey, PublicKey
from protocol.errors import SignatureInvalid, SignatureMissing

THREE_LINES: Final = "(created) (expires) digest"
FOUR_LINES: Final = f"{THREE_LINES} request-signature"
ALGORITHM: Final = "ed25519"
MAX_VALIDITY: Final = timedelta(hours=1)
"""The longest `expires − created` that is believed; without a bound a leaked header lives on."""

_MAX_SKEW_SECONDS: Final = MAX_CLOCK_SKEW.total_seconds()
_MAX_VALIDITY_SECONDS: Final = MAX_VALIDITY.total_seconds()

_PARAMETER: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([0-9]+))\s*(?:,|$)')
_CANONICAL: Final = re.compile(
    r'Signature keyId="([^"|\s]{1,255})\|([^"|\s]{1,255})\|([^"|]+)",algorithm="([^"]*)",'
    r'created=("?)([0-9]{1,12})\5,expires=("?)([0-9]{1,12})\7,headers="([^"]*)",signature="([^"]*)"'
)
_NAME: Final = re.compile(r"\S{1,255}")
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class SignatureHeader(NamedTuple):
    """A parsed `Signature …` header; `created` and `expires` are Unix seconds."""

    subscriber_id: str
    key_id: str
    created: int
    expires: int
    headers: str
    signature: str


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


def parse_header(value: str | None) -> SignatureHeader:
    """Return the parts of an `Authorization` or `Signature` header.

    Numbers may be quoted or not; an unknown algorithm, a doubled or missing parameter is refused.
    Raises: SignatureMissing, SignatureInvalid.
    """
    if not value:
        raise SignatureMissing(
            "the request is not signed",
            path="header Authorization",
            hint='Send Authorization: Signature keyId="{subscriber}|{key}|ed25519",…',
        )
    if match := _CANONICAL.fullmatch(value):
        subscriber_id, key_id, key_algorithm, algorithm = match.group(1, 2, 3, 4)
        created, expires, headers, signature = match.group(6, 8, 9, 10)
    else:
        parameters = _parameters(value)
        try:
            subscriber_id, key_id, key_algorithm = parameters["keyid"].split("|")
            algorithm, headers, signature = (parameters[p] for p in ("algorithm", "headers", "signature"))
            created, expires = parameters["created"], parameters["expires"]
        except KeyError as error:
            raise _unreadable(f"it has no {error.args[0]}") from error
        except ValueError as error:
            raise _unreadable("keyId is not {subscriber}|{key}|ed25519") from error
        if not (_UNIX_SECONDS.fullmatch(created) and _UNIX_SECONDS.fullmatch(expires)):
            raise _unreadable("created and expires must be Unix seconds")
        if not (_NAME.fullmatch(subscriber_id) and _NAME.fullmatch(key_id)):
            raise _unreadable("keyId names no subscriber or no key")
    if algorithm != ALGORITHM or key_algorithm != ALGORITHM:
        raise _unreadable(f"only {ALGORITHM} is spoken, not {algorithm!r} with a key of {key_algorithm!r}")
    if headers not in (THREE_LINES, FOUR_LINES):
        raise _unreadable(f"headers={headers!r} does not cover {THREE_LINES!r}")
    return SignatureHeader(
        subscriber_id=subscriber_id,
        key_id=key_id,
        created=int(created),
        expires=int(expires),
        headers=headers,
        signature=signature,
    )


def verify(
    raw: bytes,
    header: SignatureHeader,
    *,
    key: PublicKey,
    now: datetime,
    labels: tuple[str, ...],
    request_signatures: tuple[str, ...] = (),
) -> str:
    """Return the digest of `raw`, if `header` is a fresh, true signature of it by `key`.

    `labels` are the digest labels to believe. `request_signatures` are the possible fourth
    lines; they are needed only when the header says that it signed one.
    Raises: SignatureInvalid.
    """
    _check_times(header, now=now)
    signature = _signature_bytes(header.signature)
    fourth_lines: tuple[str | None, ...] = (None,)
    if header.headers == FOUR_LINES:
        if not request_signatures:
            raise SignatureInvalid(
                "the signature binds a request that this node did not send or has forgotten",
                path="header Authorization",
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
        path="header Authorization",
        hint="Sign the exact bytes that are sent: no re-serialising, no trailing newline.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A subscriber's signing key under the name that the registry knows it by."""

    subscriber_id: str
    key_id: str
    private_key: PrivateKey
    validity: timedelta = timedelta(minutes=5)

    def __repr__(self) -> str:
        return f"Signer({self.subscriber_id}|{self.key_id})"

    @property
    def public_key(self) -> PublicKey:
        return self.private_key.public_key

    def sign(self, raw: bytes, *, now: datetime, label: str, request_signature: str | None = None) -> str:
        """Return the header value that signs `raw` from `now` on, binding a request if given."""
        created = int(now.timestamp())
        expires = created + int(self.validity.total_seconds())
        text = signing_string(
            digest(raw), created=created, expires=expires, label=label, request_signature=request_signature
        )
        signature = b64encode(self.private_key.sign(text)).decode()
        headers = THREE_LINES if request_signature is None else FOUR_LINES
        return (
            f'Signature keyId="{self.subscriber_id}|{self.key_id}|{ALGORITHM}",algorithm="{ALGORITHM}",'
            f'created="{created}",expires="{expires}",headers="{headers}",signature="{signature}"'
        )


def challenge(subscriber_id: str) -> str:
    """Return the `WWW-Authenticate` value that goes with a 401 (BECKN-006)."""
    return f'Signature realm="{subscriber_id}",headers="{THREE_LINES}"'


def _parameters(value: str) -> dict[str, str]:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "signature":
        raise _unreadable("it does not start with 'Signature '")
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            raise _unreadable('parameters must be name="value", separated by commas')
        name = match[1].lower()
        if name in parameters:
            raise _unreadable(f"{match[1]} stands twice")
        parameters[name] = match[2] if match[2] is not None else match[3]
        position = match.end()
    return parameters


def _signature_bytes(text: str) -> bytes:
    """Return the bytes of a signature; one signature has one spelling, for a reply may sign it."""
    try:
        signature = b64decode(text, validate=True)
    except ValueError as error:  # not in the alphabet, or not padded
        raise _unreadable("the signature is no base64") from error
    if b64encode(signature).decode() != text:
        raise _unreadable("the signature is no canonical base64")
    return signature


def _check_times(header: SignatureHeader, *, now: datetime) -> None:
    seconds = now.timestamp()
    if header.created > seconds + _MAX_SKEW_SECONDS:
        raise SignatureInvalid(
            f"the signature was made {header.created - seconds:.0f} s in the future",
            path="header Authorization",
            hint="Set the sender's clock.",
        )
    if header.expires <= seconds:
        raise SignatureInvalid(
            f"the signature lapsed {seconds - header.expires:.0f} s ago",
            path="header Authorization",
            hint="Sign again when sending again.",
        )
    if header.expires - header.created > _MAX_VALIDITY_SECONDS:
        raise SignatureInvalid(
            f"the signature would be valid for more than {MAX_VALIDITY}",
            path="header Authorization",
            hint="Bring expires closer to created.",
        )


def _unreadable(why: str) -> SignatureInvalid:
    return SignatureInvalid(f"the signature header cannot be read: {why}", path="header Authorization")
