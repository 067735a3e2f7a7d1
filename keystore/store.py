"""Key sets in the database; every change is announced to all processes of the participant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from keystore.key_set import KeySet
from keystore.tables import key_sets
from protocol.ed25519 import PublicKey
from protocol.x25519 import EncryptionPublicKey
from storage.unit_of_work import UnitOfWork

KEYS_CHANNEL: Final = "degnode_keys"
"""Where a change of any participant's keys is announced; the payload is its subscriber id."""


async def find_key_sets(connection: AsyncConnection, *, subscriber_id: str) -> list[KeySet]:
    """Return every key set of a subscriber, the oldest first."""
    rows = await connection.execute(
        select(key_sets)
        .where(key_sets.c.subscriber_id == subscriber_id)
        .order_by(key_sets.c.created_at, key_sets.c.valid_from, key_sets.c.key_id)
    )
    return [_read(row) for row in rows]


async def list_subscribers(connection: AsyncConnection) -> list[str]:
    """Return the ids of those who have keys in this database."""
    ids = select(key_sets.c.subscriber_id).distinct().order_by(key_sets.c.subscriber_id)
    return list((await connection.execute(ids)).scalars())


async def add_key_set(uow: UnitOfWork, new: KeySet) -> bool:
    """Keep a new key set; say whether its name was free. A set that is there stays as it is."""
    values = {
        "subscriber_id": new.subscriber_id,
        "key_id": new.key_id,
        "signing_public_key": new.signing_public_key.raw,
        "encryption_public_key": new.encryption_public_key.raw,
        "sealed_signing_key": new.sealed_signing_key,
        "sealed_encryption_key": new.sealed_encryption_key,
        "sealed_by": new.sealed_by,
        "valid_from": new.valid_from,
        "valid_until": new.valid_until,
        "created_at": new.created_at,
    }
    added = await uow.connection.execute(
        insert(key_sets).values(values).on_conflict_do_nothing().returning(key_sets.c.key_id)
    )
    is_new = added.first() is not None
    if is_new:
        await uow.announce(KEYS_CHANNEL, new.subscriber_id)
    return is_new


async def end_older_key_sets(uow: UnitOfWork, *, than: KeySet, at: datetime) -> list[str]:
    """Let the unrevoked sets that began before `than`, or with it, end at `at` at the latest.

    Return the names of those that would have lasted longer.
    """
    ended = await uow.connection.execute(
        update(key_sets)
        .where(
            key_sets.c.subscriber_id == than.subscriber_id,
            key_sets.c.key_id != than.key_id,
            key_sets.c.valid_from <= than.valid_from,
            key_sets.c.revoked_at.is_(None),
            or_(key_sets.c.valid_until.is_(None), key_sets.c.valid_until > at),
        )
        .values(valid_until=at, revision=key_sets.c.revision + 1)
        .returning(key_sets.c.key_id)
    )
    names = sorted(ended.scalars())
    if names:
        await uow.announce(KEYS_CHANNEL, than.subscriber_id)
    return names


async def revoke_key_set(
    uow: UnitOfWork, *, subscriber_id: str, key_id: str, why: str, now: datetime
) -> bool:
    """Let a set count no more, from now on and for good; say whether it did so far."""
    revoked = await uow.connection.execute(
        update(key_sets)
        .where(
            key_sets.c.subscriber_id == subscriber_id,
            key_sets.c.key_id == key_id,
            key_sets.c.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_why=why, revision=key_sets.c.revision + 1)
        .returning(key_sets.c.key_id)
    )
    is_news = revoked.first() is not None
    if is_news:
        await uow.announce(KEYS_CHANNEL, subscriber_id)
    return is_news


async def record_announced(uow: UnitOfWork, sets: Sequence[KeySet], *, now: datetime) -> None:
    """Keep that the registry took these sets as they are here.

    A set that has changed since it was read must be announced again.
    """
    for each in sets:
        await uow.connection.execute(
            update(key_sets)
            .where(key_sets.c.subscriber_id == each.subscriber_id, key_sets.c.key_id == each.key_id)
            .values(announced_at=now, announced_revision=each.revision)
        )
    for subscriber_id in sorted({each.subscriber_id for each in sets}):
        await uow.announce(KEYS_CHANNEL, subscriber_id)


async def forget_announcements(uow: UnitOfWork, *, subscriber_id: str) -> None:
    """Take it that the registry knows none of the keys: the network was left, or is another now."""
    await uow.connection.execute(
        update(key_sets)
        .where(key_sets.c.subscriber_id == subscriber_id, key_sets.c.announced_at.is_not(None))
        .values(announced_at=None, announced_revision=None)
    )
    await uow.announce(KEYS_CHANNEL, subscriber_id)


async def replace_sealings(uow: UnitOfWork, resealed: KeySet) -> None:
    """Keep the private halves of a set as another key manager has sealed them."""
    await uow.connection.execute(
        update(key_sets)
        .where(key_sets.c.subscriber_id == resealed.subscriber_id, key_sets.c.key_id == resealed.key_id)
        .values(
            sealed_signing_key=resealed.sealed_signing_key,
            sealed_encryption_key=resealed.sealed_encryption_key,
            sealed_by=resealed.sealed_by,
        )
    )


def _read(row: Row[Any]) -> KeySet:
    values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name
    values["signing_public_key"] = PublicKey(values["signing_public_key"])
    values["encryption_public_key"] = EncryptionPublicKey(values["encryption_public_key"])
    return KeySet(**values)
