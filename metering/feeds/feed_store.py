"""Which feeds there are, when each is polled next, and how the last poll went, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import case, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.feeds.feed_file import Feed
from metering.feeds.tables import meter_feed_registers, meter_feeds, meter_subscriptions
from metering.sep.utility_client import UtilityUnavailable

FEEDS_CHANNEL: Final = "degnode_meter_feeds"
"""Announced when a feed has become due before its time."""

_F: Final = meter_feeds.c


class PollStopped(UtilityUnavailable):
    """A poll ended in the middle, for the process stops or lost the feed; the next goes on where it stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFeed:
    """A feed under a lease; `is_whole`: all of it is due, not only what notifications spoke of.

    `lease` is the lease's number: who holds an older one has lost the feed to somebody else. `hinted_at` is
    when the last notification came that the poll heeds: what is told while it is under way stays.
    """

    name: str
    lease: int
    failures: int
    is_whole: bool
    hinted_at: datetime | None


class FeedStore:
    """Feeds within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enrol(self, feeds: Iterable[Feed], *, now: datetime) -> None:
        """Keep the feeds of the file; one that is known keeps its place."""
        for feed in feeds:
            new = insert(meter_feeds).values(name=feed.name, url=str(feed.url), due_at=now)
            await self._connection.execute(
                new.on_conflict_do_update(index_elements=[_F.name], set_={"url": new.excluded.url})
            )

    async def claim(self, names: Iterable[str], *, now: datetime, until: datetime) -> ClaimedFeed | None:
        """Take one of these feeds that is due and that nobody polls, until the lease ends; or None."""
        free = or_(_F.leased_until.is_(None), _F.leased_until <= now)
        due = or_(_F.due_at <= now, _F.hinted_at.is_not(None))
        found = await self._connection.execute(
            select(
                _F.name,
                (_F.lease + 1).label("lease"),
                _F.failures,
                or_(_F.due_at <= now, _F.hinted_whole).label("is_whole"),
                _F.hinted_at,
            )
            .where(_F.name.in_(list(names)), free, due)
            .order_by(_F.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        await self._set(row["name"], lease=row["lease"], leased_until=until)
        return ClaimedFeed(**row)

    async def extend(self, claimed: ClaimedFeed, *, until: datetime) -> None:
        """Keep the lease of a feed that is being polled. Raises: PollStopped, if it was lost."""
        await self._set_held(claimed, leased_until=until)

    async def succeed(
        self,
        claimed: ClaimedFeed,
        *,
        now: datetime,
        due_at: datetime,
        trouble: str | None,
        clock_difference: int | None,
    ) -> None:
        """Keep that a poll reached its end, whether or not there was trouble with parts of it.

        After a poll of what notifications spoke of, all of it is due when it was.
        Raises: PollStopped, if the lease was lost.
        """
        values = {"due_at": due_at, "last_error": trouble} if claimed.is_whole or trouble else {}
        await self._set_held(
            claimed,
            leased_until=None,
            failures=0,
            polled_at=now,
            clock_difference=clock_difference,
            **_heeded(claimed),
            **values,
        )

    async def fail(self, claimed: ClaimedFeed, *, due_at: datetime, error: str) -> None:
        """Keep that a poll ended early. Raises: PollStopped, if the lease was lost."""
        await self._set_held(
            claimed,
            leased_until=None,
            failures=claimed.failures + 1,
            due_at=due_at,
            last_error=error,
            **_heeded(claimed),
        )

    async def release(self, claimed: ClaimedFeed) -> None:
        """Leave a feed to the next who asks, as due as it was. Raises: PollStopped, if the lease was lost."""
        await self._set_held(claimed, leased_until=None)

    async def hint(self, name: str, *, now: datetime, whole: bool) -> None:
        """Have a feed polled now, the `whole` of it or what notifications spoke of."""
        await self._set(name, hinted_at=now, **({"hinted_whole": True} if whole else {}))

    async def all(self) -> Sequence[RowMapping]:
        """Return every feed with the numbers of its registers and of its subscriptions, by name."""
        registers, subscriptions = (
            select(func.count())
            .select_from(table)
            .where(table.c.feed == _F.name)
            .scalar_subquery()
            .label(label)
            for table, label in (
                (meter_feed_registers, "registers"),
                (meter_subscriptions, "subscriptions"),
            )
        )
        found = await self._connection.execute(
            select(meter_feeds, registers, subscriptions).order_by(_F.name)
        )
        return found.mappings().all()

    async def registers(self, name: str) -> Sequence[RowMapping]:
        """Return the positions of a feed's registers, by meter."""
        c = meter_feed_registers.c
        found = await self._connection.execute(
            select(meter_feed_registers).where(c.feed == name).order_by(c.meter_mrid, c.register_mrid)
        )
        return found.mappings().all()

    async def _set(self, name: str, **values: object) -> None:
        await self._connection.execute(update(meter_feeds).where(_F.name == name).values(**values))

    async def _set_held(self, claimed: ClaimedFeed, **values: object) -> None:
        held = await self._connection.execute(
            update(meter_feeds)
            .where(_F.name == claimed.name, _F.lease == claimed.lease)
            .values(**values)
            .returning(_F.name)
        )
        if held.one_or_none() is None:
            raise PollStopped("another process polls this feed by now")


def _heeded(claimed: ClaimedFeed) -> dict[str, object]:
    """Return what is left of hints after a poll: those that came while it was under way."""
    is_last = _F.hinted_at.is_not_distinct_from(claimed.hinted_at)
    return {
        "hinted_at": case((is_last, None), else_=_F.hinted_at),
        "hinted_whole": case((is_last, false()), else_=_F.hinted_whole),
    }
