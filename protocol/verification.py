"""Why a signature does not hold, for people: the first thing that differs, and what would have fitted.

What a message goes through is `signing.verify`; this takes its time. It looks at one part after the
other and stops at the first that is wrong; if only the signature itself does not fit, it tries what
others usually do differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Final

from kernel.clock import format_instant
from kernel.errors import NodeError
from protocol.ed25519 import SIGNATURE_BYTES, PublicKey
from protocol.errors import SignatureInvalid
from protocol.keys import write_public_key
from protocol.signature_header import FOUR_LINES, SignatureHeader, parse_header
from protocol.signature_variants import KNOWN_LABELS, find_body, find_fit
from protocol.signing import (
    ALWAYS_VALID,
    KeyValidity,
    check_key_window,
    check_window,
    digest,
    read_signature,
)
from protocol.tolerance import STRICT, Tolerance


class Part(StrEnum):
    """What is looked at, in this order."""

    HEADER = "header"
    DIGEST = "digest"
    WINDOW = "window"
    KEY = "key"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part."""

    part: Part
    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, up to the first part that does not hold, and what to do about that one."""

    findings: tuple[Finding, ...]
    hint: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the signature would be believed."""
        return self.findings[-1].holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a signature is held against, beside the body and the key.

    `digest` is what the sender says that the digest of the body is, with or without a label.
    """

    labels: tuple[str, ...] = KNOWN_LABELS
    request_signatures: tuple[str, ...] = ()
    digest: str | None = None
    validity: KeyValidity = ALWAYS_VALID
    tolerance: Tolerance = STRICT


def explain(
    raw: bytes,
    value: str | None,
    *,
    key: PublicKey,
    now: datetime,
    expected: Expectation = Expectation(),
) -> Report:
    """Return what holds of the signature header `value` over the body `raw`, and what does not."""
    case = _Case(raw, value, key, now, expected)
    findings: list[Finding] = []
    for part, look in _LOOKS.items():
        try:
            findings.append(Finding(part, True, look(case)))
        except NodeError as error:
            return Report((*findings, Finding(part, False, error.message)), error.hint)
    return Report(tuple(findings))


@dataclass(frozen=True)
class _Case:
    """A body and the header that should sign it."""

    raw: bytes
    value: str | None
    key: PublicKey
    now: datetime
    expected: Expectation

    @cached_property
    def header(self) -> SignatureHeader:
        return parse_header(self.value, self.expected.tolerance)

    def differs(self, message: str, hint: str | None = None) -> SignatureInvalid:
        return SignatureInvalid(message, path=self.header.place, hint=hint)


def _look_at_header(case: _Case) -> str:
    size = len(read_signature(case.header))
    if size != SIGNATURE_BYTES:
        raise case.differs(f"the signature has {size} bytes, one of Ed25519 has {SIGNATURE_BYTES}")
    key = "|".join(name for name in (case.header.subscriber_id, case.header.key_id) if name)
    return f"{key} signed {case.header.headers}"


def _look_at_digest(case: _Case) -> str:
    ours, stated = digest(case.raw), case.expected.digest
    if stated is None:
        return ours
    label, _, rest = stated.partition("=")
    theirs = rest if label in KNOWN_LABELS else stated
    if theirs == ours:
        return f"{ours}, as the sender says"
    departure = find_body(case.raw, theirs)
    raise case.differs(
        f"ours is {ours}, the sender's is {theirs}",
        f"The sender's fits if {departure}." if departure else "These are not the bytes that were signed.",
    )


def _look_at_window(case: _Case) -> str:
    header = case.header
    window = f"{_instant(header.created)} to {_instant(header.expires)}"
    try:
        check_window(header, now=case.now)
    except SignatureInvalid as error:
        raise case.differs(f"{error.message} ({window})", error.hint) from error
    return window


def _look_at_key(case: _Case) -> str:
    check_key_window(case.header, case.expected.validity)
    return write_public_key(case.key)


def _look_at_signature(case: _Case) -> str:
    header, requests = case.header, case.expected.request_signatures
    fit = find_fit(case.raw, header, key=case.key, labels=case.expected.labels, request_signatures=requests)
    if fit is None:
        raise case.differs("it does not fit, and no usual departure explains it", _advice(case))
    if fit.departures:
        raise case.differs(
            f"it does not fit; it would if {' and '.join(fit.departures)}",
            "Sign the bytes that are sent, in the lines that the header names, with nothing behind.",
        )
    return f"fits, with {fit.lines} lines and the digest label {fit.label}"


def _advice(case: _Case) -> str:
    if case.header.headers == FOUR_LINES and not case.expected.request_signatures:
        return "It binds a request: say under which signature that was sent."
    return "Another key signed it, or the body was changed on its way."


def _instant(seconds: int) -> str:
    try:
        return format_instant(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return str(seconds)


_LOOKS: Final[Mapping[Part, Callable[[_Case], str]]] = {
    Part.HEADER: _look_at_header,
    Part.DIGEST: _look_at_digest,
    Part.WINDOW: _look_at_window,
    Part.KEY: _look_at_key,
    Part.SIGNATURE: _look_at_signature,
}
