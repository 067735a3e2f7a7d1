"""Published catalogues in PostgreSQL, within one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from discovery.shelf import Published
from discovery.tables import published_catalogues
from kernel.interval import Interval
from protocol.context import Context
from trading.publication import PublishedCatalogue

_CHANGES: Final = 0x6465_676E_6F64_6502  # the advisory lock under which changes are numbered
_NEXT_CHANGE: Final = text("nextval(pg_get_serial_sequence('published_catalogues', 'change'))")
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


class PublishedCatalogues:
    """The catalogues within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Hold off other publications until the transaction ends: changes become visible in their order."""
        await self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHANGES})

    async def find(self, bpp_id: str, catalogue_id: str) -> Published | None:
        """Return a catalogue as it stands, None if it was never published."""
        query = select(published_catalogues).where(
            published_catalogues.c.bpp_id == bpp_id, published_catalogues.c.catalogue_id == catalogue_id
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _published(row)

    async def put(
        self,
        catalogue: PublishedCatalogue,
        *,
        bpp_id: str,
        bpp_url: str,
        profile: str,
        items: int,
        context: Context,
        now: datetime,
    ) -> None:
        """Let the catalogue stand as the message of `context` tells it; the publications must be locked."""
        validity = catalogue.validity
        values = {
            "bpp_url": bpp_url,
            "profile": profile,
            "body": catalogue.as_sent,
            "items": items,
            "is_active": catalogue.is_active and items > 0,
            "valid_from": None if validity is None or validity.start == _EARLIEST else validity.start,
            "valid_until": None if validity is None or validity.end == _LATEST else validity.end,
            "published_at": now,
            "message_id": context.message_id,
            "sent_at": context.timestamp,
        }
        table = published_catalogues
        statement = upsert(table).values(bpp_id=bpp_id, catalogue_id=catalogue.id, version=1, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.bpp_id, table.c.catalogue_id],
                set_=values
                | {
                    "version": table.c.version + 1,
                    "change": _NEXT_CHANGE,
                },
            )
        )

    async def end_others(self, bpp_id: str, *, profile: str) -> list[str]:
        """Withdraw what a platform tells in other generations than `profile`, and return the ids.

        The publications must be locked.
        """
        table = published_catalogues
        ended = await self._connection.execute(
            update(table)
            .where(table.c.bpp_id == bpp_id, table.c.profile != profile, table.c.is_active)
            .values(is_active=False, change=_NEXT_CHANGE)
            .returning(table.c.catalogue_id)
        )
        return sorted(ended.scalars())

    async def summaries(self, *, offset: int, limit: int) -> list[Row[Any]]:
        """Return what stands of each catalogue beside its body, the one that was told last first."""
        columns = (column for column in published_catalogues.c if column.name != "body")
        query = select(*columns).order_by(published_catalogues.c.change.desc()).offset(offset).limit(limit)
        return list(await self._connection.execute(query))

    async def last_change(self) -> int:
        """Return the number of the last publication, 0 if there was none."""
        query = select(func.coalesce(func.max(published_catalogues.c.change), 0))
        return int((await self._connection.execute(query)).scalar_one())

    async def published_since(self, change: int) -> list[Published]:
        """Return what was published after a change, in the order of the changes."""
        query = (
            select(published_catalogues)
            .where(published_catalogues.c.change > change)
            .order_by(published_catalogues.c.change)
        )
        return [_published(row) for row in await self._connection.execute(query)]


def _published(row: Row[Any]) -> Published:
    return Published(
        bpp_id=row.bpp_id,
        catalogue_id=row.catalogue_id,
        bpp_url=row.bpp_url,
        profile=row.profile,
        body=row.body,
        version=row.version,
        is_active=row.is_active,
        validity=Interval(row.valid_from or _EARLIEST, row.valid_until or _LATEST),
        published_at=row.published_at,
        change=row.change,
        sent_at=row.sent_at,
    )
