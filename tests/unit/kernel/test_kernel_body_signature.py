"""What is posted counts only if who shares the secret signed these very bytes a short while ago."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from kernel.body_signature import BodySignatureInvalid, check_body_signature, sign_body

SECRET = "a secret of both"
NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
BODY = b'{"event_id": "e-1"}'


def check(header: str | None, body: bytes = BODY, *, now: datetime = NOW) -> None:
    check_body_signature(header, body, secret=SECRET, now=now)


def test_the_signature_is_hmac_sha256_over_the_time_a_full_stop_and_the_body() -> None:
    digest = hmac.new(SECRET.encode(), b"1767952800." + BODY, hashlib.sha256).hexdigest()
    assert sign_body(BODY, secret=SECRET, at=NOW) == f"t=1767952800,v1={digest}"
    check(f"t=1767952800,v1={digest}")
    check(f"t=1767952800,v1={'0' * 64},v1={digest}")  # while the secret changes


@pytest.mark.parametrize("off", [timedelta(minutes=5), timedelta(minutes=-5)])
def test_it_holds_for_five_minutes(off: timedelta) -> None:
    header = sign_body(BODY, secret=SECRET, at=NOW)
    check(header, now=NOW + off)
    with pytest.raises(BodySignatureInvalid, match="five minutes"):
        check(header, now=NOW + off + (timedelta(seconds=1) if off > timedelta(0) else -timedelta(seconds=1)))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1=" + "0" * 64,
        "t=1767952800",
        "t=1767952800,v1=short",
        "t=-1,v1=" + "0" * 64,
        "t=1767952800,v0=" + "0" * 64,
        "t=\u0661,v1=" + "0" * 64,
    ],
)
def test_a_header_of_another_form_is_refused(header: str | None) -> None:
    with pytest.raises(BodySignatureInvalid, match="form"):
        check(header)


def test_another_body_time_or_secret_is_refused() -> None:
    header = sign_body(BODY, secret=SECRET, at=NOW)
    others = [sign_body(BODY, secret="another", at=NOW), header.replace("t=1767952800", "t=1767952801")]
    for wrong in others:
        with pytest.raises(BodySignatureInvalid, match="secret"):
            check(wrong)
    with pytest.raises(BodySignatureInvalid, match="secret"):
        check(header, BODY + b" ")
