"""`degnode verify`: what holds, and the first thing that differs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from degnode.__main__ import app
from protocol.errors import SignatureInvalid
from protocol.keys import read_private_key, write_public_key
from protocol.signing import Signer, digest

SIGNER = Signer(
    subscriber_id="bap.example",
    key_id="k1",
    private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
)
KEY = write_public_key(SIGNER.public_key)
CREATED = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
BODY = b'{"a": 1}'
HEADER = SIGNER.sign(BODY, now=CREATED, label="BLAKE-512")
REPLY = SIGNER.sign(BODY, now=CREATED, label="BLAKE-512", request_signature=HEADER)
NOW = "2026-01-09T10:01:00Z"

Verify = Callable[..., Result]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    file = tmp_path / "body.json"

    def run(
        *options: str, header: str = HEADER, key: str = KEY, body: bytes = BODY, now: str = NOW
    ) -> Result:
        file.write_bytes(body)
        return CliRunner().invoke(
            app,
            ["verify", str(file), "--authorization", header, "--public-key", key, "--now", now, *options],
            terminal_width=200,
        )

    return run


def test_a_signature_that_holds_is_shown_part_by_part(verify: Verify) -> None:
    result = verify()
    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["header", "holds"],
        ["digest", "holds"],
        ["window", "holds"],
        ["key", "holds"],
        ["signature", "holds"],
    ]


def test_a_body_that_was_written_anew_is_recognised(verify: Verify) -> None:
    result = verify(body=b'{"a":1}')
    assert result.exit_code == 1
    *_, signature, hint = result.stdout.splitlines()
    assert signature == (
        "signature  differs it does not fit; it would if the body is written as JSON with spaces"
    )
    assert hint.startswith("Hint: Sign the bytes")


@pytest.mark.parametrize("request_signature", [HEADER, SIGNER.sign(b"", now=CREATED, label="L")])
def test_the_request_may_be_given_as_its_header(verify: Verify, request_signature: str) -> None:
    result = verify("--request-signature", request_signature, header=REPLY)
    assert result.exit_code == (0 if request_signature == HEADER else 1)


def test_several_requests_may_be_given_and_one_as_its_signature(verify: Verify) -> None:
    reply = SIGNER.sign(BODY, now=CREATED, label="BLAKE-512", request_signature="c2ln")
    options = ("--request-signature", "AAAA", "--request-signature", "c2ln")
    assert verify(*options, header=reply).exit_code == 0


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--digest", digest(b"{}")), "digest"),
        (("--valid-until", NOW), "key"),
        (("--valid-from", NOW), "key"),
    ],
)
def test_the_digest_and_the_time_of_the_key_are_looked_at(
    verify: Verify, options: tuple[str, str], part: str
) -> None:
    result = verify(*options)
    assert result.exit_code == 1
    assert f"{part:<10} differs" in result.stdout


def test_the_present_is_what_counts_unless_another_instant_is_said(verify: Verify, tmp_path: Path) -> None:
    assert verify(now="1767956400").exit_code == 1
    body = tmp_path / "body.json"
    result = CliRunner().invoke(
        app, ["verify", str(body), "--authorization", HEADER, "--public-key", KEY], terminal_width=200
    )
    assert result.exit_code == 1
    assert "window     differs" in result.stdout


def test_what_peers_are_known_to_send_is_taken_when_asked_for(verify: Verify) -> None:
    bare = HEADER.removeprefix("Signature ")
    assert verify(header=bare).exit_code == 1
    assert verify("--tolerant", header=bare).exit_code == 0


def test_text_from_a_header_is_shown_as_it_is(verify: Verify) -> None:
    result = verify(header=HEADER.replace("bap.example", "[bold]bap"))
    assert "[bold]bap|k1" in result.stdout


def test_a_key_that_is_none_is_said(verify: Verify) -> None:
    result = verify(key="AAAA")
    assert result.exit_code == 2
    assert "no Ed25519 public key" in result.stderr


def test_a_request_whose_header_cannot_be_read_is_said(verify: Verify) -> None:
    result = verify("--request-signature", "Signature nonsense")
    assert isinstance(result.exception, SignatureInvalid)
