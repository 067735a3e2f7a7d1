"""API keys of apps, operators and meters: kept as digests, shown once, needed for everything.

Beckn messages need none: they are signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import func, insert, select

from kernel.errors import NodeError
from node.tables import api_keys
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

HEADER: Final = "X-Api-Key"
_PREFIX: Final = "dgn_"


class ApiKeyRefused(NodeError):
    """The request carries no API key that this node knows."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 401, False


def new_api_key() -> str:
    """Return a new key; it is kept nowhere but where its holder puts it."""
    return _PREFIX + secrets.token_urlsafe(24)


async def add_api_key(uow: UnitOfWork, *, name: str, key: str, now: datetime) -> None:
    """Let `key` in from now on, under `name`; only its digest is kept."""
    await uow.connection.execute(insert(api_keys).values(name=name, digest=_digest(key), created_at=now))


async def has_api_keys(uow: UnitOfWork) -> bool:
    """Say whether any key was ever made."""
    count = await uow.connection.execute(select(func.count()).select_from(api_keys))
    return count.scalar_one() > 0


class ApiKeys:
    """The door of the HTTP APIs; knows the operator's own key and those in the database."""

    def __init__(self, uow_factory: UnitOfWorkFactory, *, configured: str | None) -> None:
        self._uow_factory = uow_factory
        self._configured = None if configured is None else _digest(configured)
        self._known: dict[bytes, str] = {}

    async def holder_of(self, key: str | None) -> str:
        """Return the name of whoever holds `key`.

        Raises: ApiKeyRefused.
        """
        if not key:
            raise ApiKeyRefused(
                "an API key is needed",
                path=f"header {HEADER}",
                hint=f"Send {HEADER}: <key>, or a Bearer token.",
            )
        digest = _digest(key)
        if self._configured is not None and compare_digest(digest, self._configured):
            return "configured"
        if digest not in self._known:
            await self._remember(digest)
        return self._known[digest]

    async def _remember(self, digest: bytes) -> None:
        async with self._uow_factory() as uow:
            row = await uow.connection.execute(select(api_keys.c.name).where(api_keys.c.digest == digest))
            name = row.scalar_one_or_none()
        if name is None:
            raise ApiKeyRefused(
                "this API key is not known here", path=f"header {HEADER}", hint="Ask the operator for one."
            )
        self._known[digest] = name


SECURITY: Final[tuple[dict[str, list[str]], ...]] = ({"APIKeyHeader": []}, {"HTTPBearer": []})
"""How OpenAPI says that a route takes a key, for routes that `authenticate` by themselves."""

_header = APIKeyHeader(name=HEADER, auto_error=False, description="The key that the node printed once.")
_bearer = HTTPBearer(auto_error=False, description="The same key as a bearer token.")


async def require_api_key(
    request: Request,
    header: Annotated[str | None, Security(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> str:
    """Return the name of the caller; the dependency of every route that is not open.

    Raises: ApiKeyRefused.
    """
    keys: ApiKeys = request.app.state.api_keys
    return await keys.holder_of(header or (bearer.credentials if bearer else None))


Caller = Annotated[str, Depends(require_api_key)]
Authenticate = Callable[[Request], Awaitable[str]]


async def authenticate(request: Request) -> str:
    """Return the name of the caller of a raw request, by the same rule."""
    keys: ApiKeys = request.app.state.api_keys
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await keys.holder_of(
        request.headers.get(HEADER) or (token if scheme.lower() == "bearer" else None)
    )


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=32).digest()
