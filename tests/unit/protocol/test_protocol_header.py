"""The signature header: one grammar, strictly."""

from __future__ import annotations

import pytest

from protocol.errors import SignatureInvalid, SignatureMissing
from protocol.signing import FOUR_LINES, THREE_LINES, SignatureHeader, parse_header

PARTS = {
    "keyId": '"bap.example|k1|ed25519"',
    "algorithm": '"ed25519"',
    "created": '"1767225600"',
    "expires": '"1767225900"',
    "headers": f'"{THREE_LINES}"',
    "signature": '"c2ln"',
}
PARSED = SignatureHeader(
    subscriber_id="bap.example",
    key_id="k1",
    created=1767225600,
    expires=1767225900,
    headers=THREE_LINES,
    signature="c2ln",
)


def _header(*, scheme: str = "Signature ", separator: str = ",", **changed: str | None) -> str:
    parts = {name: value for name, value in (PARTS | changed).items() if value is not None}
    return scheme + separator.join(f"{name}={value}" for name, value in parts.items())


@pytest.mark.parametrize(
    "header",
    [
        _header(),
        _header(created="1767225600", expires="1767225900"),
        _header(created="1767225600"),
        _header(scheme="signature  "),
        _header(separator=" , "),
        "Signature " + ",".join(f"{name}={PARTS[name]}" for name in reversed(PARTS)),
        _header(KEYID=PARTS["keyId"], keyId=None),
        _header(realm='"energy"'),
    ],
    ids=["plain", "unquoted", "one unquoted", "scheme", "spaces", "order", "case", "unknown parameter"],
)
def test_a_header_is_read_however_it_is_spaced_ordered_or_quoted(header: str) -> None:
    assert parse_header(header) == PARSED


def test_a_header_may_say_that_it_binds_a_request() -> None:
    assert parse_header(_header(headers=f'"{FOUR_LINES}"')).headers == FOUR_LINES


@pytest.mark.parametrize("value", [None, ""])
def test_no_header_is_told_from_a_bad_one(value: str | None) -> None:
    with pytest.raises(SignatureMissing) as caught:
        parse_header(value)
    assert caught.value.http_status == 401


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (_header(scheme=""), "does not start with"),
        (_header(scheme="Bearer "), "does not start with"),
        (_header(separator=" "), "separated by commas"),
        (_header(separator=";"), "separated by commas"),
        (_header(created='"1767225600'), "separated by commas"),
        (_header(created='1767225600"'), "separated by commas"),
        (_header() + ',signature="b3RoZXI="', "signature stands twice"),
        (_header() + ',KEYID="eve.example|k1|ed25519"', "KEYID stands twice"),
        (_header(algorithm='"hs2019"'), "only ed25519"),
        (_header(keyId='"bap.example|k1|rsa"'), "only ed25519"),
        (_header(keyId='"bap.example|ed25519"'), "keyId is not"),
        (_header(keyId='"bap.example|k1|ed25519|x"'), "keyId is not"),
        (_header(keyId='"|k1|ed25519"'), "no subscriber or no key"),
        (_header(keyId='"bap.example||ed25519"'), "no subscriber or no key"),
        (_header(keyId='"bap example|k1|ed25519"'), "no subscriber or no key"),
        (_header(keyId=f'"{"x" * 256}|k1|ed25519"'), "no subscriber or no key"),
        (_header(created='"now"'), "Unix seconds"),
        (_header(expires='"1767225900.5"'), "Unix seconds"),
        (_header(created='"-1"'), "Unix seconds"),
        (_header(created='"١٧٦٧٢٢٥٦٠٠"'), "Unix seconds"),
        (_header(expires=f'"{"9" * 13}"'), "Unix seconds"),
        (_header(expires="9" * 5000), "Unix seconds"),
        (_header(headers='"(created) (expires)"'), "does not cover"),
        (_header(headers='"digest"'), "does not cover"),
        (_header(headers='""'), "does not cover"),
    ],
)
def test_a_header_that_leaves_room_for_doubt_is_refused(header: str, reason: str) -> None:
    with pytest.raises(SignatureInvalid, match=reason):
        parse_header(header)


@pytest.mark.parametrize("name", list(PARTS))
def test_a_missing_parameter_is_named(name: str) -> None:
    left = ",".join(f"{other}={value}" for other, value in PARTS.items() if other != name)
    with pytest.raises(SignatureInvalid, match=f"it has no {name.lower()}"):
        parse_header(f"Signature {left}")
