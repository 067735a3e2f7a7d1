"""The registry's token: it lets its operator enter anybody, and decide about everybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final, Self

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from kernel.errors import NodeError
from registry.tables import admin_keys
from registry.tries import Tries
from storage.unit_of_work import UnitOfWork

_HINT: Final = (
    "Send Authorization: Bearer <token>; the registry's operator has it. Without one a subscription is "
    "signed: Authorization: Signature …"
)
_FIRST: Final = "operator"  # the name of a registry's only token


class TokenRefused(NodeError):
    """The request does not show the registry's token."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 401, False


class TokenGuard:
    """Lets in whoever shows a token; only digests are kept, and guessing is slow."""

    def __init__(self, digests: Mapping[str, bytes], *, wrong_per_minute: int = 10) -> None:
        """Guard with tokens that are given by their names; so many wrong ones a minute an address may show.

        Raises: ValueError, if there are none.
        """
        if not digests:
            raise ValueError("a registry needs a token, else nobody could decide anything")
        self._digests = dict(digests)
        self._tries = Tries(what="wrong tokens", per_minute=wrong_per_minute)

    @classmethod
    def of(cls, token: str, *, name: str = _FIRST, wrong_per_minute: int = 10) -> Self:
        """Return a guard with one token. Raises: ValueError, if it is empty."""
        if not token:
            raise ValueError("a registry needs a token, else anybody could enter anybody")
        return cls({name: digest_of(token)}, wrong_per_minute=wrong_per_minute)

    def check(self, shown: str | None, *, address: str | None, now: datetime) -> str:
        """Return the name of the token that is shown; takes the same time whatever is shown.

        Raises: TokenRefused; TooManyTries, for an address that has shown too many wrong ones.
        """
        if shown is None:
            raise TokenRefused("a token is needed for this", path="header Authorization", hint=_HINT)
        self._tries.count(address, now=now)
        digest = digest_of(shown)
        names = [name for name, known in self._digests.items() if compare_digest(digest, known)]
        if not names:
            raise TokenRefused(
                "this is not the token of this registry", path="header Authorization", hint=_HINT
            )
        self._tries.take_back(address, now=now)
        return names[0]


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return blake2b(token.encode(), digest_size=32).digest()


async def find_token_digests(uow: UnitOfWork) -> dict[str, bytes]:
    """Return the digests of the tokens that were made here, by their names."""
    rows = await uow.connection.execute(select(admin_keys.c.name, admin_keys.c.digest))
    return {row.name: row.digest for row in rows}


async def make_first_token(uow: UnitOfWork, *, now: datetime) -> str | None:
    """Return a new token, to be shown this once; None if one was made before."""
    token = token_urlsafe(24)
    made = await uow.connection.execute(
        upsert(admin_keys)
        .values(name=_FIRST, digest=digest_of(token), made_at=now)
        .on_conflict_do_nothing()
        .returning(admin_keys.c.name)
    )
    return token if made.first() is not None else None
