"""The signature header: one grammar, strictly.

Source: BECKN-006, "Signing Beckn APIs in HTTP". The same value stands in `Authorization`, in
`X-Gateway-Authorization`, in the `Signature` of an answer and in the body of some answers.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from protocol.errors import SignatureInvalid, SignatureMissing
from protocol.tolerance import STRICT, Tolerance

AUTHORIZATION: Final = "header Authorization"
GATEWAY_AUTHORIZATION: Final = "header X-Gateway-Authorization"
ANSWER_SIGNATURE: Final = "header Signature"
"""The places where signatures stand; an error names its own as path."""

SCHEME: Final = "Signature"
ALGORITHM: Final = "ed25519"
THREE_LINES: Final = "(created) (expires) digest"
FOUR_LINES: Final = f"{THREE_LINES} request-signature"
FIVE_LINES: Final = f"{THREE_LINES} (request-digest) (message-id)"
"""What a CounterSignature in the body of an answer covers."""

MESSAGE_FORMS: Final = (THREE_LINES, FOUR_LINES)
COUNTER_FORMS: Final = (FIVE_LINES,)

_IN_ANSWER: Final = Tolerance(bare=True, record_keys=True)  # the header's own name says `Signature` already
_PARAMETER: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([0-9]+))\s*(?:,|$)')
_CANONICAL: Final = re.compile(
    r'Signature keyId="([^"|\s]{1,255})\|([^"|\s]{1,255})\|([^"|]+)",algorithm="([^"]*)",'
    r'created=("?)([0-9]{1,12})\5,expires=("?)([0-9]{1,12})\7,headers="([^"]*)",signature="([^"]*)"'
)
_NAME: Final = re.compile(r"\S{1,255}")
NAME_PATTERN: Final = r"^[!#-{}~]+$"
"""What a subscriber and its keys may be called: what a header holds, without what ends a name in keyId."""

_RECORD: Final = re.compile(r"[^/\s]+(?:/[^/\s]+){2}")
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class SignatureHeader(NamedTuple):
    """A parsed `Signature …` header; `created` and `expires` are Unix seconds.

    A key that is named by its record in a registry has that as `key_id`; whose it is says the
    registry, and `subscriber_id` is empty. `place` is where the header stood.
    """

    subscriber_id: str
    key_id: str
    created: int
    expires: int
    headers: str
    signature: str
    place: str = AUTHORIZATION


class _Parts(NamedTuple):
    """What stands in a header, before anything is made of it."""

    key: tuple[str, ...]
    algorithm: str
    created: str
    expires: str
    headers: str
    signature: str


def parse_header(
    value: str | None,
    tolerance: Tolerance = STRICT,
    *,
    place: str = AUTHORIZATION,
    forms: tuple[str, ...] = MESSAGE_FORMS,
) -> SignatureHeader:
    """Return the parts of a signature header.

    Numbers may be quoted or not; an unknown algorithm, a doubled or missing parameter is refused, and
    so is a list of `headers` that is none of `forms`. `place` is where the value stood.
    Raises: SignatureMissing, SignatureInvalid.
    """
    if not value:
        raise _missing(place)
    if match := _CANONICAL.fullmatch(value):
        subscriber_id, key_id, key_algorithm, algorithm = match.group(1, 2, 3, 4)
        created, expires, headers, signature = match.group(6, 8, 9, 10)
    else:
        parts = _split(value, tolerance, place)
        subscriber_id, key_id, key_algorithm = _read_key(parts.key, tolerance, place)
        algorithm, created, expires, headers, signature = parts[1:]
        if not (_UNIX_SECONDS.fullmatch(created) and _UNIX_SECONDS.fullmatch(expires)):
            raise unreadable("created and expires must be Unix seconds", place)
    if algorithm != ALGORITHM or key_algorithm != ALGORITHM:
        raise unreadable(
            f"only {ALGORITHM} is spoken, not {algorithm!r} with a key of {key_algorithm!r}", place
        )
    if headers not in forms:
        raise unreadable(f"headers={headers!r} is not what is signed here, {forms[0]!r}", place)
    return SignatureHeader(subscriber_id, key_id, int(created), int(expires), headers, signature, place)


def parse_answer_header(value: str | None) -> SignatureHeader:
    """Return the parts of the `Signature` of an answer; the scheme in front is optional there.

    Raises: SignatureMissing, SignatureInvalid.
    """
    return parse_header(value, _IN_ANSWER, place=ANSWER_SIGNATURE)


def unreadable(why: str, place: str) -> SignatureInvalid:
    """Return the error for a signature header that cannot be read."""
    return SignatureInvalid(f"the signature header cannot be read: {why}", path=place)


def _missing(place: str) -> SignatureMissing:
    return SignatureMissing(
        "there is no signature",
        path=place,
        hint=f'Send {SCHEME} keyId="{{subscriber}}|{{key}}|{ALGORITHM}",…',
    )


def _split(value: str, tolerance: Tolerance, place: str) -> _Parts:
    parameters = _parameters(_without_scheme(value, tolerance, place), place)
    try:
        return _Parts(
            key=tuple(parameters["keyid"].split("|")),
            algorithm=parameters["algorithm"],
            created=parameters["created"],
            expires=parameters["expires"],
            headers=parameters["headers"],
            signature=parameters["signature"],
        )
    except KeyError as error:
        raise unreadable(f"it has no {error.args[0]}", place) from error


def _without_scheme(value: str, tolerance: Tolerance, place: str) -> str:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == SCHEME.lower():
        return rest
    if tolerance.bare:
        return value
    raise unreadable(f"it does not start with '{SCHEME} '", place)


def _parameters(text: str, place: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise unreadable('parameters must be name="value", separated by commas', place)
        parameter = match[1].lower()
        if parameter in parameters:
            raise unreadable(f"{match[1]} stands twice", place)
        parameters[parameter] = match[2] if match[2] is not None else match[3]
        position = match.end()
    return parameters


def _read_key(key: tuple[str, ...], tolerance: Tolerance, place: str) -> tuple[str, str, str]:
    """Return whose key it is, what it is called, and its algorithm."""
    if len(key) == 2 and tolerance.record_keys and _RECORD.fullmatch(key[0]) and len(key[0]) <= 255:
        return "", key[0], key[1]
    if len(key) != 3:
        raise unreadable("keyId is not {subscriber}|{key}|ed25519", place)
    if not (_NAME.fullmatch(key[0]) and _NAME.fullmatch(key[1])):
        raise unreadable("keyId names no subscriber or no key", place)
    return key[0], key[1], key[2]
