"""The signature of what two who share a secret post to each other: HMAC-SHA256 over the time and the bytes.

The header says when it was signed and by which digest: `t=1767952800,v1=5257a8…`. What is signed are the
time as it stands there, a full stop, and the body. Several `v1` may stand there, while a secret changes.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, new
from typing import Final

TOLERANCE: Final = timedelta(minutes=5)
"""How far the time of a signature may be from ours: what is older might be a replay."""
_FORM: Final = re.compile(r"t=(?P<time>[0-9]{1,12})(?P<digests>(,v1=[0-9a-f]{64}){1,4})", re.ASCII)


class BodySignatureInvalid(ValueError):
    """What was posted is not signed by the secret, not now, or otherwise than it reads."""


def sign_body(body: bytes, *, secret: str, at: datetime) -> str:
    """Return the header's value for a body that is posted then."""
    time = str(int(at.timestamp()))
    return f"t={time},v1={_digest(body, secret=secret, time=time)}"


def check_body_signature(header: str | None, body: bytes, *, secret: str, now: datetime) -> None:
    """Raises: BodySignatureInvalid, unless who has the secret signed these very bytes a short while ago."""
    found = _FORM.fullmatch(header or "")
    if found is None:
        raise BodySignatureInvalid("it is not of the form t=…,v1=…")
    expected = _digest(body, secret=secret, time=found["time"])
    digests = found["digests"].split(",v1=")[1:]
    if not any(compare_digest(expected, each) for each in digests):
        raise BodySignatureInvalid("the signature is not of these bytes by the shared secret")
    if abs(int(now.timestamp()) - int(found["time"])) > TOLERANCE.total_seconds():
        raise BodySignatureInvalid("it was not signed within five minutes of now; sign it anew each time")


def _digest(body: bytes, *, secret: str, time: str) -> str:
    return new(secret.encode(), f"{time}.".encode() + body, sha256).hexdigest()
