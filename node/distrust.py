"""Keys of peers that this node believes no more, whatever the registry says: at once, in every process.

For the hour in which a peer's key is known to be stolen and its registry has not heard of it yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.tables import distrusted_keys
from storage.unit_of_work import UnitOfWork

DISTRUST_CHANNEL: Final = "degnode_distrusted_keys"
"""Where every process hears that these keys have changed."""


class NotDistrusted(NodeError):
    """The key is not among those that are distrusted."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrustedKey:
    """A key that is believed no more, since when, why, and who says so."""

    subscriber_id: str
    key_id: str
    since: datetime
    why: str
    by: str


async def distrust_key(uow: UnitOfWork, key: DistrustedKey) -> bool:
    """Believe the key no more; return False if that was so already: then the first reason stays."""
    statement = insert(distrusted_keys).values(
        subscriber_id=key.subscriber_id,
        key_id=key.key_id,
        since=key.since,
        why=one_line(key.why),
        by=key.by,
    )
    done = await uow.connection.execute(
        statement.on_conflict_do_nothing().returning(distrusted_keys.c.key_id)
    )
    is_new = done.first() is not None
    await uow.announce(DISTRUST_CHANNEL)
    return is_new


async def trust_again(uow: UnitOfWork, *, subscriber_id: str, key_id: str) -> DistrustedKey:
    """Believe the registry about the key again; return what was said against it.

    Raises: NotDistrusted.
    """
    columns = distrusted_keys.c
    removed = await uow.connection.execute(
        delete(distrusted_keys)
        .where(columns.subscriber_id == subscriber_id, columns.key_id == key_id)
        .returning(distrusted_keys)
    )
    row = removed.mappings().one_or_none()
    if row is None:
        raise NotDistrusted(
            f"the key {key_id!r} of {subscriber_id} is not distrusted",
            hint="See which are with `degnode network distrust --list`.",
        )
    await uow.announce(DISTRUST_CHANNEL)
    return DistrustedKey(**row)


async def list_distrusted(uow: UnitOfWork) -> list[DistrustedKey]:
    """Return the distrusted keys, the latest first."""
    columns = distrusted_keys.c
    rows = await uow.connection.execute(
        select(distrusted_keys).order_by(columns.since.desc(), columns.subscriber_id, columns.key_id)
    )
    return [DistrustedKey(**row) for row in rows.mappings()]
