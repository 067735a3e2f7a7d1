"""Peers' keys in the database: a node that starts again while its registry is away still knows them."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from node.tables import change_feeds, known_keys
from registry_client.answer import KeyAnswer
from storage.database import DATABASE_ERRORS
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)


class KnownKeys:
    """The answers of one network's registry about keys that were valid when it was asked.

    A database that cannot be asked knows nothing, and keeps nothing: the registry is asked then.
    """

    def __init__(self, uow_factory: UnitOfWorkFactory, *, network: str) -> None:
        """Use the database for the subscribers of `network`, named by its registry's URL."""
        self._uow_factory = uow_factory
        self._network = network

    async def find(self, *, subscriber: str, key_id: str) -> KeyAnswer | None:
        """Return what is remembered of the key, however old, or None."""
        if not _is_storable(subscriber, key_id):
            return None
        query = select(known_keys.c.answer).where(self._is_key(subscriber, key_id))
        try:
            async with self._uow_factory() as uow:
                content = (await uow.connection.execute(query)).scalar_one_or_none()
        except DATABASE_ERRORS as error:
            log.warning("known_keys.not_read", error=repr(error))
            return None
        return None if content is None else _read(content)

    async def put(self, answer: KeyAnswer, *, now: datetime) -> None:
        """Remember `answer` in place of what was known of the key."""
        if not answer.records or not _is_storable(answer.subscriber, answer.key_id):
            return
        owner = answer.records[0]
        values = {
            "owner_id": owner.subscriber_id,
            "owner_key_id": owner.key_id,
            "answer": answer.to_json(),
            "until": answer.until,
        }
        statement = insert(known_keys).values(
            network=self._network, subscriber_id=answer.subscriber, key_id=answer.key_id, **values
        )
        try:
            async with self._uow_factory() as uow:
                await uow.connection.execute(
                    statement.on_conflict_do_update(constraint=known_keys.primary_key, set_=values)
                )
        except DATABASE_ERRORS as error:
            log.warning("known_keys.not_kept", error=repr(error))

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        """Know nothing of the key any more, under whatever name it was asked for.

        Raises: SQLAlchemyError or OSError, if the database cannot be told: then it would still know.
        """
        if not _is_storable(subscriber, key_id):
            return
        async with self._uow_factory() as uow:
            await uow.connection.execute(
                delete(known_keys).where(
                    or_(self._is_key(subscriber, key_id), self._is_owned(subscriber, key_id))
                )
            )

    async def forget_before(self, instant: datetime) -> None:
        """Remove what has not been fresh since `instant`: not even in grace is it good for anything."""
        async with self._uow_factory() as uow:
            await uow.connection.execute(delete(known_keys).where(known_keys.c.until < instant))

    async def forget_all(self) -> None:
        """Know nothing of this network any more: its registry is another one than it was."""
        async with self._uow_factory() as uow:
            await uow.connection.execute(delete(known_keys).where(known_keys.c.network == self._network))

    async def last_change(self) -> int | None:
        """Return the number of the registry's last change that was followed, None if none ever was."""
        query = select(change_feeds.c.last).where(change_feeds.c.network == self._network)
        async with self._uow_factory() as uow:
            return (await uow.connection.execute(query)).scalar_one_or_none()

    async def record_change(self, number: int) -> None:
        """Keep how far the registry's changes were followed."""
        statement = insert(change_feeds).values(network=self._network, last=number)
        async with self._uow_factory() as uow:
            await uow.connection.execute(
                statement.on_conflict_do_update(constraint=change_feeds.primary_key, set_={"last": number})
            )

    def _is_key(self, subscriber: str, key_id: str) -> ColumnElement[bool]:
        columns = known_keys.c
        return and_(
            columns.network == self._network, columns.subscriber_id == subscriber, columns.key_id == key_id
        )

    def _is_owned(self, subscriber: str, key_id: str) -> ColumnElement[bool]:
        columns = known_keys.c
        return and_(
            columns.network == self._network, columns.owner_id == subscriber, columns.owner_key_id == key_id
        )


def _is_storable(subscriber: str, key_id: str) -> bool:
    """Say whether PostgreSQL keeps such names: it takes no NUL and no half of a character."""
    return (subscriber + key_id).isprintable()


def _read(content: dict[str, object]) -> KeyAnswer | None:
    try:
        return KeyAnswer.from_json(content)
    except (ValueError, KeyError, TypeError) as error:
        log.warning("known_keys.unreadable", error=repr(error))
        return None
