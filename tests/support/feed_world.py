"""A node's poller that follows a utility's server, and what it knows of the meter afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, func, select

from kernel.clock import ManualClock
from kernel.interval import Interval
from metering.energy import Direction
from metering.feeds.feed_file import Feed
from metering.feeds.feed_store import FeedStore
from metering.feeds.poller import FeedPoller
from metering.ingest import IngestResult
from metering.query import interval_energy
from metering.sep.utility_client import UtilityLimits
from metering.tables import meter_documents, meter_readings
from storage.unit_of_work import Transaction, UnitOfWorkFactory
from tests.support.metering_documents import DAY, METER, NOW
from tests.support.utility_server import UtilityServer

NAME: Final = "north"
SOON: Final = timedelta(minutes=5)
"""How often the server wishes to be polled."""
WHOLE_DAY: Final = [250 + quarter for quarter in range(96)]
"""What the day of the server comes to."""


class Killed(BaseException):
    """The process is gone."""


class FeedWorld:
    """Polls `server`; `told` is what the rest of the house was told."""

    def __init__(
        self,
        server: UtilityServer,
        uow_factory: UnitOfWorkFactory,
        *,
        notify_url: str | None = None,
        limits: UtilityLimits | None = None,
        **settings: Any,
    ) -> None:
        self.server = server
        self.uow_factory = uow_factory
        self.clock = ManualClock(NOW)
        self.told: list[IngestResult] = []
        self.die_at: int | None = None
        """At which page the process is killed, before that page is committed."""
        self.feed = Feed.model_validate({"name": NAME, "url": server.root, **settings})
        self._notify_url = notify_url
        self._limits = limits
        self.poller = self.restarted()

    def restarted(self) -> FeedPoller:
        """Return a poller that knows nothing but what is in the database."""
        self.poller = FeedPoller(
            [self.feed],
            uow_factory=self.uow_factory,
            clock=self.clock,
            on_recorded=self._note,
            notify_url=self._notify_url,
            limits=self._limits,
        )
        return self.poller

    async def _note(self, _uow: Transaction, results: Sequence[IngestResult], _now: datetime) -> None:
        if self.die_at == len(self.told) + 1:
            self.die_at = None
            raise Killed
        self.told.extend(results)

    async def poll(self, *, after: timedelta = timedelta(0)) -> RowMapping:
        """Let time pass, poll once if something is due, and return how the feed is doing."""
        self.server.now = int(self.clock.advance(after).timestamp())
        await self.poller.step()
        return await self.state()

    async def state(self) -> RowMapping:
        """Return what is kept of the feed."""
        async with self.uow_factory() as uow:
            return (await FeedStore(uow.connection).all())[0]

    async def register(self, number: int = 0) -> RowMapping:
        """Return what is kept of the position in one of its registers."""
        async with self.uow_factory() as uow:
            return (await FeedStore(uow.connection).registers(NAME))[number]

    async def energies(
        self, *, direction: Direction = Direction.IMPORT, window: Interval = DAY
    ) -> Sequence[tuple[int, int]]:
        """Return Wh and revision of each interval that is known."""
        async with self.uow_factory() as uow:
            found = await interval_energy(uow.connection, meter=METER, direction=direction, window=window)
        return [(interval.energy.watt_hours, interval.revision) for interval in found]

    async def values(self, *, direction: Direction = Direction.IMPORT, window: Interval = DAY) -> list[int]:
        """Return the Wh of each interval that is known."""
        return [value for value, _ in await self.energies(direction=direction, window=window)]

    async def rows(self) -> tuple[int, int]:
        """Return how many readings (with all their revisions) and how many documents are kept."""
        async with self.uow_factory() as uow:
            counts = [
                (await uow.connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in (meter_readings, meter_documents)
            ]
        return counts[0], counts[1]
