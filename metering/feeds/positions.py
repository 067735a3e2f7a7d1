"""How far each register of a feed was read, and what its pages were last, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.feeds.tables import meter_feed_pages, meter_feed_registers
from metering.feeds.window import Position

PAGES_KEPT: Final = timedelta(days=30)
"""A page that nobody met for so long is forgotten."""

_R: Final = meter_feed_registers.c
_P: Final = meter_feed_pages.c
_IDENTITY: Final = ("feed", "device_lfdi", "meter_mrid", "register_mrid")
_POSITION: Final = tuple(field.name for field in fields(Position))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterName:
    """Which register of which meter of which feed; mRIDs canonical, `device_lfdi` upper case or empty."""

    feed: str
    device_lfdi: str
    meter_mrid: str
    register_mrid: str

    def __str__(self) -> str:
        return f"{self.meter_mrid.lstrip('0')}/{self.register_mrid.lstrip('0')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPage:
    """What is known of a page: how many times it changed, and the ETag that may be asked with."""

    edition: int
    etag: str | None


class Positions:
    """Positions and pages within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: RegisterName) -> Position:
        """Return how far a register was read; one that is not known was not read at all."""
        columns = [_R[field] for field in _POSITION]
        row = (await self._connection.execute(select(*columns).where(_is(name)))).mappings().one_or_none()
        return Position(**row) if row else Position()

    async def advance(self, name: RegisterName, position: Position) -> None:
        """Keep how far a register was read."""
        await self._put(
            name, {"newest_reading": position.newest_reading, "longest_set": position.longest_set}
        )

    async def finish(
        self,
        name: RegisterName,
        seen: Position,
        *,
        looked_back_at: datetime | None,
        error: str | None,
        is_whole: bool,
    ) -> None:
        """Keep that a poll of the register is over.

        A hint that was not there when it began stays, and so does every one if not all could be read.
        """
        values: dict[str, Any] = {"last_error": error}
        if looked_back_at is not None:
            values["looked_back_at"] = looked_back_at
        await self._put(name, values)
        if is_whole:
            await self._connection.execute(
                update(meter_feed_registers)
                .where(_is(name), _R.hinted_at.is_not_distinct_from(seen.hinted_at))
                .values(look_from=None, hinted_at=None)
            )

    async def hint(
        self, name: RegisterName, *, look_from: int | None, now: datetime, changes: bool = False
    ) -> None:
        """Have a register read soon, and from `look_from` on (s since 1970) if that is earlier than else.

        `changes`: a notification changed its readings; what the server's pages say counts anew.
        """
        await self._put(name, {"hinted_at": now})
        if changes:
            await self._connection.execute(
                update(meter_feed_registers).where(_is(name)).values(changed_by_news=_R.changed_by_news + 1)
            )
        if look_from is not None:
            await self._connection.execute(
                update(meter_feed_registers)
                .where(_is(name))
                .values(look_from=func.least(_R.look_from, look_from))
            )

    async def changed_by_news(self, name: RegisterName) -> int:
        """Return how many notifications changed the readings of a register."""
        found = await self._connection.execute(select(_R.changed_by_news).where(_is(name)))
        return found.scalar_one_or_none() or 0

    async def hinted(self, feed: str) -> set[RegisterName]:
        """Return the registers of a feed that a notification spoke of."""
        found = await self._connection.execute(
            select(*(_R[column] for column in _IDENTITY)).where(_R.feed == feed, _R.hinted_at.is_not(None))
        )
        return {RegisterName(**row) for row in found.mappings()}

    async def know(self, name: RegisterName) -> None:
        """Keep that there is such a register, whether or not it was read."""
        await self._put(name, {"last_error": None})

    async def of_meter(self, name: RegisterName) -> Sequence[str]:
        """Return the registers (mRIDs) that the meter of this register is known to have in the feed."""
        found = await self._connection.execute(
            select(_R.register_mrid).where(
                _R.feed == name.feed,
                _R.device_lfdi == name.device_lfdi,
                _R.meter_mrid == name.meter_mrid,
            )
        )
        return found.scalars().all()

    async def page(self, feed: str, url: str) -> KnownPage | None:
        """Return what is known of a page, or None."""
        row = (
            (
                await self._connection.execute(
                    select(_P.edition, _P.etag).where(_P.feed == feed, _P.url == url)
                )
            )
            .mappings()
            .one_or_none()
        )
        return KnownPage(**row) if row else None

    async def edition(self, feed: str, url: str, raw: bytes, *, now: datetime) -> int:
        """Return how many times the page at `url` has changed, now that it is `raw`."""
        digest = sha256(raw).digest()
        new = insert(meter_feed_pages).values(feed=feed, url=url, sha256=digest, edition=0, seen_at=now)
        statement = new.on_conflict_do_update(
            index_elements=[_P.feed, _P.url],
            set_={
                "edition": _P.edition + (_P.sha256 != new.excluded.sha256).cast(_P.edition.type),
                "sha256": new.excluded.sha256,
                "seen_at": now,
                "etag": None,
            },
        ).returning(_P.edition)
        return int((await self._connection.execute(statement)).scalar_one())

    async def keep_etag(self, feed: str, url: str, etag: str | None) -> None:
        """Keep what the page may be asked with the next time."""
        await self._connection.execute(
            update(meter_feed_pages).where(_P.feed == feed, _P.url == url).values(etag=etag)
        )

    async def forget_pages(self, feed: str, *, now: datetime) -> None:
        """Forget pages that were not met for long: their addresses held instants that have passed."""
        await self._connection.execute(
            delete(meter_feed_pages).where(_P.feed == feed, _P.seen_at < now - PAGES_KEPT)
        )

    async def _put(self, name: RegisterName, values: dict[str, Any]) -> None:
        identity = {column: getattr(name, column) for column in _IDENTITY}
        await self._connection.execute(
            insert(meter_feed_registers)
            .values(**identity, **values)
            .on_conflict_do_update(index_elements=[_R[column] for column in _IDENTITY], set_=values)
        )


def _is(name: RegisterName) -> ColumnElement[bool]:
    return and_(*(_R[column] == getattr(name, column) for column in _IDENTITY))
