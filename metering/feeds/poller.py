"""Following the feeds: whichever is due is polled; what fails waits longer each time, in the database."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from metering.feeds.feed_file import Feed
from metering.feeds.feed_poll import FeedPoll, PollOutcome
from metering.feeds.feed_store import ClaimedFeed, FeedStore, PollStopped
from metering.feeds.positions import Positions, RegisterName
from metering.feeds.source import LEASE, HeldFeed, Source
from metering.feeds.subscriber import Subscriber
from metering.ingest import OnRecorded
from metering.sep.utility_client import UtilityClient, UtilityLimits
from storage.backoff import Backoff
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

DEFAULT_POLL_RATE: Final = timedelta(seconds=900)
"""Source: IEEE 2030.5, the default of pollRate."""
SHORTEST_POLL: Final = timedelta(seconds=10)
LONGEST_POLL: Final = timedelta(days=1)
"""Bounds of what a server may wish: it states any number of 32 bits."""
BACKOFF: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class _Followed:
    feed: Feed
    tls: ssl.SSLContext | None


class FeedPoller:
    """Polls the feeds that are due, one at a time; `notify_url`, if given, is where servers may notify us."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        *,
        uow_factory: UnitOfWorkFactory,
        clock: Clock,
        on_recorded: OnRecorded | None = None,
        notify_url: str | None = None,
        limits: UtilityLimits | None = None,
    ) -> None:
        """Read the feeds' certificates. Raises: TlsMaterialUnusable."""
        self._followed = {feed.name: _Followed(feed, feed.tls()) for feed in feeds}
        self._uow_factory = uow_factory
        self._clock = clock
        self._on_recorded = on_recorded
        self._notify_url = notify_url
        self._limits = limits
        self._is_enrolled = False
        self._is_stopping = False

    async def enrol(self) -> None:
        """Make the feeds of the file known; the first step does so too."""
        async with self._uow_factory() as uow:
            await FeedStore(uow.connection).enrol(
                (followed.feed for followed in self._followed.values()), now=self._clock.now()
            )
        self._is_enrolled = True

    async def step(self) -> bool:
        """Poll a feed that is due; return whether there was one."""
        if self._is_stopping:
            return False
        if not self._is_enrolled:
            await self.enrol()
        now = self._clock.now()
        async with self._uow_factory() as uow:
            claimed = await FeedStore(uow.connection).claim(self._followed, now=now, until=now + LEASE)
            hinted = await Positions(uow.connection).hinted(claimed.name) if claimed else set()
        if claimed is None:
            return False
        try:
            await self._try_poll(claimed, only=None if claimed.is_whole else hinted)
        except PollStopped as stopped:
            log.info("meter_feed.stopped", feed=claimed.name, why=str(stopped))
            return False
        return True

    def stop(self) -> None:
        """End a poll that is under way before its next request, and begin none any more."""
        self._is_stopping = True

    async def _try_poll(self, claimed: ClaimedFeed, *, only: set[RegisterName] | None) -> None:
        try:
            await self._poll(claimed, only=only)
        except PollStopped:
            async with self._uow_factory() as uow:
                await FeedStore(uow.connection).release(claimed)
            raise
        except NodeError as error:
            await self._fail(claimed, error)

    async def _poll(self, claimed: ClaimedFeed, *, only: set[RegisterName] | None) -> None:
        followed = self._followed[claimed.name]
        feed, root = followed.feed, str(followed.feed.url)
        subscribes = self._notify_url is not None and feed.subscribe
        async with UtilityClient(root, tls=followed.tls, limits=self._limits) as client:
            source = Source(
                feed=feed,
                held=HeldFeed(claimed, uow_factory=self._uow_factory, clock=self._clock),
                client=client,
                uow_factory=self._uow_factory,
                clock=self._clock,
                on_recorded=self._on_recorded,
                is_stopping=lambda: self._is_stopping,
            )
            outcome = await FeedPoll(source, only=only, with_devices=subscribes).run()
            if self._notify_url is not None and subscribes:
                await Subscriber(source, notify_url=self._notify_url).renew(outcome)
            await self._succeed(claimed, source, outcome)

    async def _succeed(self, claimed: ClaimedFeed, source: Source, outcome: PollOutcome) -> None:
        now = self._clock.now()
        log.info("meter_feed.polled", feed=claimed.name, troubles=len(outcome.troubles))
        async with self._uow_factory() as uow:
            await Positions(uow.connection).forget_pages(claimed.name, now=now)
            await FeedStore(uow.connection).succeed(
                claimed,
                now=now,
                due_at=next_poll(source.feed, source.poll_rates, now=now),
                trouble=outcome.trouble,
                clock_difference=outcome.clock_difference,
            )

    async def _fail(self, claimed: ClaimedFeed, error: NodeError) -> None:
        log.warning("meter_feed.failed", feed=claimed.name, error=str(error))
        now = self._clock.now()
        wait = max(BACKOFF.after(claimed.failures + 1), timedelta(seconds=error.retry_after or 0))
        async with self._uow_factory() as uow:
            await FeedStore(uow.connection).fail(claimed, due_at=now + wait, error=str(error))


def next_poll(feed: Feed, poll_rates: Sequence[int], *, now: datetime) -> datetime:
    """Return when to poll next: as the file says, or as often as the quickest list that was met wishes."""
    if feed.poll_every is not None:
        return now + feed.poll_every
    stated = timedelta(seconds=min(poll_rates)) if poll_rates else DEFAULT_POLL_RATE
    return now + min(max(stated, SHORTEST_POLL), LONGEST_POLL)
