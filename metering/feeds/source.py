"""What a poll works with: the server, the feed, the database; and keeping what a page said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from kernel.clock import Clock
from metering.documents import MirrorUsagePoint
from metering.feeds.feed_file import Feed
from metering.feeds.feed_store import ClaimedFeed, FeedStore, PollStopped
from metering.feeds.positions import Positions, RegisterName
from metering.ingest import IngestResult, OnRecorded, record_submission
from metering.sep.pager import Page, collect
from metering.sep.resources import ResourceList, read_list
from metering.sep.utility_client import Answer, UtilityClient
from metering.submission import Submission
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

LEASE: Final = timedelta(minutes=2)
"""How long a poll may go without asking the server before another process takes the feed over."""


_EXTENDED_EVERY: Final = timedelta(seconds=20)


class HeldFeed:
    """The lease under which a feed is polled, extended as long as the server is asked."""

    def __init__(self, claimed: ClaimedFeed, *, uow_factory: UnitOfWorkFactory, clock: Clock) -> None:
        """Hold a feed that was claimed just now."""
        self._claimed = claimed
        self._uow_factory = uow_factory
        self._clock = clock
        self._extended_at = clock.now()

    async def extend(self, uow: UnitOfWork, *, now: datetime) -> None:
        """Extend the lease in an open unit of work. Raises: PollStopped, if it was lost."""
        await FeedStore(uow.connection).extend(self._claimed, until=now + LEASE)

    async def extend_in_time(self) -> None:
        """Extend the lease where that was not done for a while. Raises: PollStopped, if it was lost."""
        now = self._clock.now()
        if now - self._extended_at >= _EXTENDED_EVERY:
            async with self._uow_factory() as uow:
                await self.extend(uow, now=now)
            self._extended_at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A feed that is being polled."""

    feed: Feed
    held: HeldFeed
    client: UtilityClient
    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_recorded: OnRecorded | None = None
    is_stopping: Callable[[], bool] = lambda: False
    poll_rates: list[int] = field(default_factory=list)
    """What the lists that were met say of how often to poll, in seconds."""
    lists_met: dict[str, bool] = field(default_factory=dict)
    """The lists that were met, and whether they can be subscribed to."""
    owners: dict[str, RegisterName] = field(default_factory=dict)
    """Of the lists of a register (first its sets, then readings from old to new): whose they are."""

    async def get(self, href: str, *, base: str) -> Answer:
        """Return what a link leads to. Raises: HrefForeign, UtilityUnavailable, UtilityRefused."""
        return await self.ask(self.client.resolve(href, base=base))

    async def ask(self, url: str, *, etag: str | None = None) -> Answer:
        """Return what is at an address of the server, or that it is still what had this `etag`.

        Raises: PollStopped, UtilityUnavailable, UtilityRefused.
        """
        await self._go_on()
        return await self.client.get(url, etag=etag)

    async def post(self, url: str, document: bytes) -> Answer:
        """Post a document to an address of the server. Raises: as `ask` does."""
        await self._go_on()
        return await self.client.post(url, document)

    async def _go_on(self) -> None:
        if self.is_stopping():
            raise PollStopped("the node is stopping")
        await self.held.extend_in_time()

    async def whole_list(
        self, href: str, name: str, *, base: str, query: Mapping[str, int] | None = None
    ) -> list[tuple[str, ET.Element]]:
        """Return the entries of the list that a link leads to, each with the address that it came from.

        Raises: HrefForeign, UtilityUnavailable, UtilityRefused, MeterDocumentRefused, ListUnsteady.
        """
        url = self.client.resolve(href, base=base)

        async def fetch(start: int, limit: int) -> Page[tuple[str, ET.Element]]:
            answer = await self.ask(
                self.client.resolve(url, base=url, query={**(query or {}), "s": start, "l": limit})
            )
            page = self.met(read_list(answer.body, name, legacy=self.feed.legacy_namespace), url)
            return Page(
                entries=[(_what_tells_apart(item), (answer.url, item)) for item in page.items],
                total=page.total,
            )

        return await collect(fetch)

    def met(self, page: ResourceList, url: str) -> ResourceList:
        """Remember what a page says of its list, and return it."""
        if page.poll_rate is not None:
            self.poll_rates.append(page.poll_rate)
        self.lists_met[url] = page.is_subscribable
        return page

    async def keep(
        self,
        document: MirrorUsagePoint,
        answer: Answer,
        *,
        name: RegisterName,
        uow: UnitOfWork,
        now: datetime,
    ) -> IngestResult:
        """Take in what a page of a register says, and tell the rest of the house, in an open unit of work.

        The page is kept with the address that it came from and the number of its edition: two registers
        may have pages with the very same bytes, and a page may become again what it was. After a
        notification changed the register, the same page is another edition: it may have to undo that.
        """
        positions = Positions(uow.connection)
        edition = await positions.edition(self.feed.name, answer.url, answer.body, now=now)
        edition += await positions.changed_by_news(name)
        submitted = Submission(document=document, raw=_with_origin(answer, edition), sender=self.feed.sender)
        result = await record_submission(submitted, uow=uow, now=now)
        if self.on_recorded is not None:
            await self.on_recorded(uow, [result], now)
        await self.held.extend(uow, now=now)
        return result


def _with_origin(answer: Answer, edition: int) -> bytes:
    """Return a page as it is kept: what was asked, which edition of the answer it is, the answer."""
    where = urlsplit(answer.url)
    asked = where._replace(scheme="", netloc="").geturl()
    return f"GET {asked}\r\nHost: {where.netloc}\r\nEdition: {edition}\r\n\r\n".encode() + answer.body


def _what_tells_apart(element: ET.Element) -> str:
    """Return the href of an entry, or for one without what it says."""
    return element.get("href") or hashlib.sha256(ET.tostring(element)).hexdigest()
