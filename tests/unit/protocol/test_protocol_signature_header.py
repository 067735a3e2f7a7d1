"""The signature header: one grammar, strictly."""

from __future__ import annotations

import pytest

from protocol.errors import SignatureInvalid, SignatureMissing
from protocol.signature_header import (
    ANSWER_SIGNATURE,
    AUTHORIZATION,
    COUNTER_FORMS,
    FIVE_LINES,
    FOUR_LINES,
    GATEWAY_AUTHORIZATION,
    THREE_LINES,
    SignatureHeader,
    parse_answer_header,
    parse_header,
)
from protocol.tolerance import Tolerance

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
        (_header(headers='"(created) (expires)"'), "is not what is signed here"),
        (_header(headers='"digest"'), "is not what is signed here"),
        (_header(headers=f'"{FIVE_LINES}"'), "is not what is signed here"),
        (_header(headers='""'), "is not what is signed here"),
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


BARE = Tolerance(bare=True)
RECORD_KEYS = Tolerance(record_keys=True)
RECORD = "example.org/subscribers/bap.example"


def test_a_header_without_its_scheme_is_read_from_a_peer_that_sends_such() -> None:
    assert parse_header(_header(scheme=""), BARE) == PARSED
    assert parse_header(_header(), BARE) == PARSED


def test_a_header_of_another_scheme_is_refused_from_everybody() -> None:
    with pytest.raises(SignatureInvalid, match="separated by commas"):
        parse_header(_header(scheme="Bearer "), BARE)


@pytest.mark.parametrize("scheme", ["Signature ", ""])
def test_the_signature_of_an_answer_is_read_with_and_without_its_scheme(scheme: str) -> None:
    assert parse_answer_header(_header(scheme=scheme)) == PARSED._replace(place=ANSWER_SIGNATURE)


def test_a_key_may_be_named_by_its_record_where_that_is_spoken() -> None:
    header = parse_header(_header(keyId=f'"{RECORD}|ed25519"'), RECORD_KEYS)
    assert (header.subscriber_id, header.key_id) == ("", RECORD)
    assert parse_header(_header(), RECORD_KEYS) == PARSED


@pytest.mark.parametrize(
    "key",
    [
        "bap.example|ed25519",
        "example.org/bap.example|ed25519",
        "a/b/c/d|ed25519",
        "a//c|ed25519",
        f"a/b/{'c' * 255}|ed25519",
    ],
)
def test_a_name_that_is_no_record_is_refused_there_too(key: str) -> None:
    with pytest.raises(SignatureInvalid, match="keyId is not"):
        parse_header(_header(keyId=f'"{key}"'), RECORD_KEYS)


def test_the_key_of_a_record_must_be_of_the_algorithm_too() -> None:
    with pytest.raises(SignatureInvalid, match="only ed25519"):
        parse_header(_header(keyId=f'"{RECORD}|rsa"'), RECORD_KEYS)


def test_the_five_lines_of_a_counter_signature_are_read_where_they_belong() -> None:
    value = _header(headers=f'"{FIVE_LINES}"')
    assert parse_header(value, forms=COUNTER_FORMS).headers == FIVE_LINES
    with pytest.raises(SignatureInvalid, match="is not what is signed here"):
        parse_header(_header(), forms=COUNTER_FORMS)


@pytest.mark.parametrize("value", ["", "nonsense"])
@pytest.mark.parametrize("place", [AUTHORIZATION, GATEWAY_AUTHORIZATION])
def test_an_error_names_the_header_that_it_is_about(value: str, place: str) -> None:
    with pytest.raises((SignatureMissing, SignatureInvalid)) as caught:
        parse_header(value, place=place)
    assert caught.value.path == place
