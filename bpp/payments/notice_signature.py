"""The signature of what a payment rail posts, by the secret that it shares with us."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kernel.body_signature import BodySignatureInvalid, check_body_signature, sign_body
from kernel.errors import NodeError

SIGNATURE_HEADER: Final = "X-Payment-Signature"


class NoticeSignatureInvalid(NodeError):
    """What was posted is not signed by the rail, not now, or otherwise than it reads."""

    code, http_status, retryable = "PAYMENT_NOTICE_SIGNATURE_INVALID", 401, False


def sign_notice(body: bytes, *, secret: str, at: datetime) -> str:
    """Return the header's value for a body that is posted then."""
    return sign_body(body, secret=secret, at=at)


def check_notice_signature(header: str | None, body: bytes, *, secret: str, now: datetime) -> None:
    """Raises: NoticeSignatureInvalid, unless the rail signed these very bytes a short while ago."""
    try:
        check_body_signature(header, body, secret=secret, now=now)
    except BodySignatureInvalid as error:
        raise NoticeSignatureInvalid(str(error), path=f"header {SIGNATURE_HEADER}") from error
