"""The token that lets a participant enter itself in this registry."""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from kernel.errors import NodeError

_HINT: Final = "Send Authorization: Bearer <token>; the registry's operator has it."


class TokenRefused(NodeError):
    """The request does not show the registry's token."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 401, False


class TokenGuard:
    """Lets in whoever shows the token; only its digest is kept."""

    def __init__(self, token: str) -> None:
        """Guard with `token`.

        Raises: ValueError, if it is empty.
        """
        if not token:
            raise ValueError("a registry needs a token, else anybody could enter anybody")
        self._digest = _digest(token)

    def check(self, shown: str | None) -> None:
        """Return if `shown` is the token; takes the same time whatever is shown.

        Raises: TokenRefused.
        """
        if shown is None:
            raise TokenRefused("a token is needed to subscribe", path="header Authorization", hint=_HINT)
        if not compare_digest(_digest(shown), self._digest):
            raise TokenRefused(
                "this is not the token of this registry", path="header Authorization", hint=_HINT
            )


def _digest(token: str) -> bytes:
    return blake2b(token.encode(), digest_size=32).digest()
