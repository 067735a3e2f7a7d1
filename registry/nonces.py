"""Nonces: each counts once, so that nobody can show a signed request a second time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as upsert

from kernel.errors import NodeError
from registry.tables import nonces
from storage.unit_of_work import UnitOfWork


class NonceReused(NodeError):
    """The request, or another one with its nonce, was here before."""

    code, http_status, retryable = "AUT_REPLAY_DETECTED", 401, False


async def use_nonce(uow: UnitOfWork, *, subscriber_id: str, nonce: str, until: datetime) -> None:
    """Let `nonce` count, this once; it is remembered until its signature has lapsed.

    Raises: NonceReused.
    """
    used = await uow.connection.execute(
        upsert(nonces)
        .values(subscriber_id=subscriber_id, nonce=nonce, until=until)
        .on_conflict_do_nothing()
        .returning(nonces.c.nonce)
    )
    if used.first() is None:
        raise NonceReused(
            "this nonce was used before", path="nonce", hint="Take a new one for every request, and sign it."
        )


async def forget_nonces(uow: UnitOfWork, *, now: datetime) -> None:
    """Remove the nonces whose signatures have lapsed: those are refused anyway."""
    await uow.connection.execute(delete(nonces).where(nonces.c.until <= now))
