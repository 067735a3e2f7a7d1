"""`degnode sign`: the header for a file, byte by byte as a node would make it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from degnode.__main__ import app
from kernel.clock import SystemClock
from protocol.errors import SignatureInvalid
from protocol.keys import read_private_key
from protocol.signature_header import FOUR_LINES, THREE_LINES
from protocol.signing import Signer, parse_header

SEED = "ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="
BODY = '{"note": "½ kWh"}\n'.encode()
CREATED = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
SIGNER = Signer(subscriber_id="bap.example", key_id="k1", private_key=read_private_key(SEED))
REQUEST = SIGNER.sign(b"{}", now=CREATED, label="BLAKE-512")

Sign = Callable[..., Result]


@pytest.fixture
def sign(tmp_path: Path) -> Sign:
    (tmp_path / "body.json").write_bytes(BODY)
    (tmp_path / "signing.key").write_text(f"{SEED}\n")

    def run(*options: str, subscriber: str = "bap.example") -> Result:
        arguments = ["sign", str(tmp_path / "body.json"), "--key", str(tmp_path / "signing.key")]
        return CliRunner().invoke(
            app, [*arguments, "--subscriber", subscriber, "--key-id", "k1", *options], terminal_width=200
        )

    return run


@pytest.mark.parametrize("created", ["2026-01-09T10:00:00Z", "1767952800"])
@pytest.mark.parametrize("profile", ["v1_1", "v2_rc", "v2_lts"])
def test_the_header_is_the_one_that_a_node_would_send(sign: Sign, created: str, profile: str) -> None:
    result = sign("--created", created, "--profile", profile)
    assert result.exit_code == 0
    assert result.stdout == SIGNER.sign(BODY, now=CREATED, label="BLAKE-512") + "\n"


def test_without_a_time_it_is_signed_now_for_as_long_as_asked(sign: Sign) -> None:
    header = parse_header(sign("--seconds", "60").stdout.strip())
    assert header.expires - header.created == 60
    made = datetime.fromtimestamp(header.created, UTC)
    assert abs(SystemClock().now() - made) < timedelta(minutes=1)
    assert header.headers == THREE_LINES


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (("--request-signature", "c2ln"), "c2ln"),
        (("--request-signature", REQUEST), parse_header(REQUEST).signature),
        (("--request-signature", REQUEST, "--binding", "header"), REQUEST),
        (("--request-signature", "c2ln", "--binding", "header"), "c2ln"),
        (("--profile", "v1_1", "--binding", "signature", "--request-signature", "c2ln"), "c2ln"),
    ],
)
def test_a_reply_binds_its_request_as_the_peer_reads_it(
    sign: Sign, options: tuple[str, ...], bound: str
) -> None:
    printed = sign("--created", "1767952800", *options).stdout.strip()
    assert printed == SIGNER.sign(BODY, now=CREATED, label="BLAKE-512", request_signature=bound)
    assert parse_header(printed).headers == FOUR_LINES


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--profile", "v1_1", "--request-signature", "c2ln"), "binds no request"),
        (("--created", "yesterday"), "is no instant"),
        (("--created", "9" * 14), "is no instant"),
        (("--seconds", "3601"), "3600"),
    ],
)
def test_what_cannot_be_signed_is_said(sign: Sign, options: tuple[str, ...], complaint: str) -> None:
    result = sign(*options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_file_that_holds_no_key_is_named(sign: Sign, tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_text("no key")
    result = sign()
    assert result.exit_code == 2
    assert "holds no signing key" in result.stderr


def test_a_name_that_no_header_can_hold_is_refused_before_anybody_sends_it(sign: Sign) -> None:
    result = sign(subscriber='bap"example')
    assert result.exit_code == 1
    assert isinstance(result.exception, SignatureInvalid)
    assert not result.stdout
