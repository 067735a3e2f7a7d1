"""Explaining a signature: the first thing that differs, and what would have fitted."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from protocol.keys import new_private_key, read_private_key, write_public_key
from protocol.signature_header import ALGORITHM, FOUR_LINES, THREE_LINES
from protocol.signing import KeyValidity, Signer, digest, signing_string
from protocol.tolerance import Tolerance
from protocol.verification import Expectation, Part, Report, explain

NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
SIGNER = Signer(
    subscriber_id="bap.example",
    key_id="k1",
    private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
)
BODY = '{"note": "½ kWh", "b": 1, "a": [1.50, 2]}'.encode()
LABEL = "BLAKE-512"
USUAL = Expectation()


def _explain(value: str | None, raw: bytes = BODY, expected: Expectation = USUAL) -> Report:
    return explain(raw, value, key=SIGNER.public_key, now=NOW, expected=expected)


def _sign(raw: bytes = BODY, *, label: str = LABEL, request: str | None = None) -> str:
    return SIGNER.sign(raw, now=NOW, label=label, request_signature=request)


def _parts(report: Report) -> list[Part]:
    return [finding.part for finding in report.findings]


def test_a_signature_that_holds_is_shown_part_by_part() -> None:
    report = _explain(_sign())
    assert report.holds
    assert report.hint is None
    assert _parts(report) == list(Part)
    assert [finding.text for finding in report.findings] == [
        f"bap.example|k1 signed {THREE_LINES}",
        digest(BODY),
        "2026-01-09T10:00:00Z to 2026-01-09T10:05:00Z",
        write_public_key(SIGNER.public_key),
        "fits, with 3 lines and the digest label BLAKE-512",
    ]


def test_the_second_label_is_told_when_it_is_the_one() -> None:
    assert _explain(_sign(label="BLAKE2b-512")).findings[-1].text.endswith("label BLAKE2b-512")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "there is no signature"),
        ("Bearer x", "does not start with"),
        (_sign()[:-2] + '"', "no base64"),
        (_sign().replace(_sign().partition('signature="')[2], 'AAAA"'), "3 bytes, one of Ed25519 has 64"),
    ],
)
def test_a_header_that_cannot_be_read_is_the_first_thing(value: str | None, why: str) -> None:
    report = _explain(value)
    assert not report.holds
    assert _parts(report) == [Part.HEADER]
    assert why in report.findings[-1].text


def test_a_tolerated_form_is_read() -> None:
    bare = _sign().removeprefix("Signature ")
    assert not _explain(bare).holds
    assert _explain(bare, expected=Expectation(tolerance=Tolerance(bare=True))).holds


def test_a_key_that_is_named_by_its_record_is_shown_by_it() -> None:
    value = _sign().replace("bap.example|k1|", "a/b/c|")
    report = _explain(value, expected=Expectation(tolerance=Tolerance(record_keys=True)))
    assert report.findings[0].text.startswith("a/b/c signed")
    assert report.holds


@pytest.mark.parametrize("stated", [digest(BODY), f"BLAKE-512={digest(BODY)}", f"BLAKE2b-512={digest(BODY)}"])
def test_a_digest_that_the_sender_states_is_compared(stated: str) -> None:
    report = _explain(_sign(), expected=Expectation(digest=stated))
    assert report.holds
    assert report.findings[1].text.endswith("as the sender says")


def test_a_digest_of_other_bytes_is_shown_beside_ours() -> None:
    report = _explain(_sign(), expected=Expectation(digest=digest(b"other")))
    assert _parts(report) == [Part.HEADER, Part.DIGEST]
    assert report.findings[-1].text == f"ours is {digest(BODY)}, the sender's is {digest(b'other')}"
    assert report.hint == "These are not the bytes that were signed."


def test_a_digest_of_the_body_written_otherwise_is_recognised() -> None:
    report = _explain(_sign(), BODY + b"\n", Expectation(digest=digest(BODY)))
    assert report.hint == "The sender's fits if the body has no line feed at its end."


@pytest.mark.parametrize(("after", "why"), [(400, "lapsed 100 s ago"), (-400, "400 s in the future")])
def test_a_signature_outside_its_window_is_said_with_the_window(after: int, why: str) -> None:
    report = explain(BODY, _sign(), key=SIGNER.public_key, now=NOW + timedelta(seconds=after))
    assert _parts(report) == [Part.HEADER, Part.DIGEST, Part.WINDOW]
    assert why in report.findings[-1].text
    assert "2026-01-09T10:05:00Z" in report.findings[-1].text
    assert report.hint


def test_a_window_beyond_the_calendar_is_shown_as_it_is() -> None:
    expires = str(int(NOW.timestamp()) + 300)
    assert "999999999999" in _explain(_sign().replace(expires, "9" * 12)).findings[-1].text


def test_a_key_that_ends_too_early_is_said() -> None:
    report = _explain(_sign(), expected=Expectation(validity=KeyValidity(end=NOW)))
    assert _parts(report)[-1] is Part.KEY
    assert "would outlive it" in report.findings[-1].text


COMPACT = json.dumps(json.loads(BODY), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("signed", "received", "departure"),
    [
        (BODY + b"\n", BODY, "the body has a line feed at its end"),
        (BODY, BODY + b"\r\n", "the body has no line feed at its end"),
        (b"{\n}", b"{\r\n}", "the body's lines end with LF"),
        (b"[\r\n]", b"[\n]", "the body's lines end with CR LF"),
        (COMPACT, BODY, "the body is written as compact JSON"),
        (json.dumps(json.loads(BODY), ensure_ascii=False).encode(), COMPACT, "as JSON with spaces"),
        (
            json.dumps(json.loads(BODY), ensure_ascii=False, sort_keys=True).encode(),
            BODY,
            "with spaces and sorted keys",
        ),
        (json.dumps(json.loads(BODY)).encode(), BODY, "with spaces and escaped characters"),
        (json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode(), BODY, "indented by two"),
    ],
)
def test_a_body_that_was_signed_as_something_else_is_recognised(
    signed: bytes, received: bytes, departure: str
) -> None:
    report = _explain(_sign(signed), received)
    assert not report.holds
    assert _parts(report) == list(Part)
    assert departure in report.findings[-1].text
    assert "Sign the bytes that are sent" in str(report.hint)


def test_a_label_that_is_not_expected_is_named() -> None:
    report = _explain(_sign(label="BLAKE2b-512"), expected=Expectation(labels=(LABEL,)))
    assert report.findings[-1].text.endswith("it would if the label of the digest is BLAKE2b-512")


def _seal(text: bytes, headers: str) -> str:
    created, expires = SIGNER.window(NOW)
    return SIGNER.seal(text, created=created, expires=expires, headers=headers)


def test_a_line_feed_behind_the_signing_string_is_named_and_two_departures_are_told_together() -> None:
    created, expires = SIGNER.window(NOW)
    text = signing_string(digest(COMPACT), created=created, expires=expires, label=LABEL)
    assert (
        _explain(_seal(text + b"\n", THREE_LINES), COMPACT)
        .findings[-1]
        .text.endswith("it would if the signing string ends with a line feed")
    )
    assert (
        _explain(_seal(text + b"\n", THREE_LINES))
        .findings[-1]
        .text.endswith(
            "it would if the body is written as compact JSON and the signing string ends with a line feed"
        )
    )


def test_three_departures_at_once_explain_nothing() -> None:
    created, expires = SIGNER.window(NOW)
    text = signing_string(digest(COMPACT), created=created, expires=expires, label="BLAKE2b-512")
    report = _explain(_seal(text + b"\n", THREE_LINES), expected=Expectation(labels=(LABEL,)))
    assert "no usual departure" in report.findings[-1].text


def test_a_bound_signature_holds_with_the_request_that_it_binds() -> None:
    expected = Expectation(request_signatures=("another", "the-request"))
    report = _explain(_sign(request="the-request"), expected=expected)
    assert report.findings[-1].text == "fits, with 4 lines and the digest label BLAKE-512"


def test_a_bound_signature_without_its_request_says_what_is_missing() -> None:
    report = _explain(_sign(request="the-request"))
    assert report.hint == "It binds a request: say under which signature that was sent."


@pytest.mark.parametrize(
    ("request_line", "claimed", "departure"),
    [
        ("the-request", THREE_LINES, "a line request-signature is signed, too"),
        (None, FOUR_LINES, "the line request-signature is left out"),
    ],
)
def test_a_header_that_lies_about_its_lines_is_found_out(
    request_line: str | None, claimed: str, departure: str
) -> None:
    value = _sign(request=request_line)
    value = value.replace(FOUR_LINES, THREE_LINES).replace(THREE_LINES, claimed)
    report = _explain(value, expected=Expectation(request_signatures=("the-request",)))
    assert departure in report.findings[-1].text


@pytest.mark.parametrize("raw", [b"", b"no JSON", b"[" * 5000, b'{"a":"\\ud800"}'])
def test_another_key_is_what_is_left_when_nothing_else_explains_it(raw: bytes) -> None:
    value = SIGNER.sign(raw, now=NOW, label=LABEL)
    report = explain(raw, value, key=new_private_key().public_key, now=NOW)
    assert report.findings[-1].text == "it does not fit, and no usual departure explains it"
    assert "Another key" in str(report.hint)


def test_a_forged_header_is_looked_at_to_the_end() -> None:
    forged = (
        f'Signature keyId="a|b|{ALGORITHM}",algorithm="{ALGORITHM}",created={int(NOW.timestamp())},'
        f'expires={int(NOW.timestamp()) + 9},headers="{THREE_LINES}",'
        f'signature="{b64encode(bytes(64)).decode()}"'
    )
    assert _parts(_explain(forged)) == list(Part)
    assert not _explain(forged).holds
