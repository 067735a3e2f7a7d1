"""What others usually do differently when they sign, tried out on a signature that does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, Final, NamedTuple

from protocol.ed25519 import PublicKey
from protocol.profile import PROFILES
from protocol.signature_header import FOUR_LINES, SignatureHeader
from protocol.signing import digest, read_signature, signing_string

KNOWN_LABELS: Final = tuple(
    dict.fromkeys(label for profile in PROFILES.values() for label in profile.digest_labels)
)

_MOST_DEPARTURES: Final = 2
"""More than two at once would explain anything, and so nothing."""

_COMPACT: Final = (",", ":")
_JSON_STYLES: Final[dict[str, dict[str, Any]]] = {
    "written as compact JSON": {"separators": _COMPACT, "ensure_ascii": False},
    "written as JSON with spaces": {"ensure_ascii": False},
    "written as compact JSON with sorted keys": {
        "separators": _COMPACT,
        "ensure_ascii": False,
        "sort_keys": True,
    },
    "written as JSON with spaces and sorted keys": {"ensure_ascii": False, "sort_keys": True},
    "written as compact JSON with escaped characters": {"separators": _COMPACT},
    "written as JSON with spaces and escaped characters": {},
    "written as JSON indented by two": {"indent": 2, "ensure_ascii": False},
}
_ENDS: Final = (("", b""), ("the signing string ends with a line feed", b"\n"))


class Fit(NamedTuple):
    """A way of signing that gives a signature, and what in it departs from what is expected."""

    label: str
    lines: int
    departures: tuple[str, ...]


def find_fit(
    raw: bytes,
    header: SignatureHeader,
    *,
    key: PublicKey,
    labels: tuple[str, ...],
    request_signatures: tuple[str, ...],
) -> Fit | None:
    """Return the way of signing with the fewest departures that gives the signature of `header`.

    Raises: SignatureInvalid, if the signature cannot be read.
    """
    signature = read_signature(header)
    ways = product(_digests(raw), _labels(labels), _fourth_lines(header, request_signatures), _ENDS)
    for way in sorted(ways, key=lambda way: len(_departures(way))):
        (_, body_digest), (_, label), (_, fourth), (_, end) = way
        text = signing_string(
            body_digest,
            created=header.created,
            expires=header.expires,
            label=label,
            request_signature=fourth,
        )
        departures = _departures(way)
        if len(departures) <= _MOST_DEPARTURES and key.verifies(signature, text + end):
            return Fit(label, 3 if fourth is None else 4, departures)
    return None


def find_body(raw: bytes, body_digest: str) -> str | None:
    """Return in which way `raw` must be changed to have that digest, if one is known."""
    return next((departure for departure, known in _digests(raw) if known == body_digest), None)


def _departures(way: tuple[tuple[str, object], ...]) -> tuple[str, ...]:
    return tuple(departure for departure, _ in way if departure)


def _digests(raw: bytes) -> list[tuple[str, str]]:
    """Return the digest of the body and of what it often is where it was signed, each once."""
    departures: dict[str, str] = {}
    for departure, body in _bodies(raw):
        departures.setdefault(digest(body), departure)
    return [(departure, body_digest) for body_digest, departure in departures.items()]


def _bodies(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "", raw
    yield "the body has no line feed at its end", raw.rstrip(b"\r\n")
    yield "the body has a line feed at its end", raw + b"\n"
    unix = raw.replace(b"\r\n", b"\n")
    yield "the body's lines end with LF", unix
    yield "the body's lines end with CR LF", unix.replace(b"\n", b"\r\n")
    try:
        document = json.loads(raw)
        for style, options in _JSON_STYLES.items():
            yield f"the body is {style}", json.dumps(document, **options).encode()
    except (ValueError, RecursionError):  # no JSON, or none that can be written anew
        return


def _labels(expected: tuple[str, ...]) -> list[tuple[str, str]]:
    others = [label for label in KNOWN_LABELS if label not in expected]
    return [("", label) for label in expected] + [
        (f"the label of the digest is {label}", label) for label in others
    ]


def _fourth_lines(
    header: SignatureHeader, request_signatures: tuple[str, ...]
) -> list[tuple[str, str | None]]:
    is_bound = header.headers == FOUR_LINES
    without = "the line request-signature is left out" if is_bound else ""
    with_it = "" if is_bound else "a line request-signature is signed, too"
    return [(without, None), *((with_it, line) for line in request_signatures)]
