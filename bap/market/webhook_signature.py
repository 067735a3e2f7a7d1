"""How what is posted to apps is signed: Standard Webhooks, HMAC-SHA256 over id, time and bytes.

Source: Standard Webhooks 1.0.0, "Signature scheme": `v1,<base64>` of `{id}.{timestamp}.{body}`; a secret is
written `whsec_<base64>`.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from hmac import new
from secrets import token_bytes
from typing import Final

_PREFIX: Final = "whsec_"
_LENGTH: Final = 32  # bytes


def new_secret() -> bytes:
    """Return a new random secret."""
    return token_bytes(_LENGTH)


def write_secret(secret: bytes) -> str:
    """Return a secret as its holder is shown it."""
    return _PREFIX + b64encode(secret).decode()


def sign_post(body: bytes, *, secret: bytes, message_id: str, at: datetime) -> dict[str, str]:
    """Return the headers under which a body is posted."""
    time = str(int(at.timestamp()))
    digest = new(secret, f"{message_id}.{time}.".encode() + body, sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": time,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
