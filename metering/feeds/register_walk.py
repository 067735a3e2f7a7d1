"""Reading one register of a utility's server: its type, its last reading, its sets from old to new.

A position goes forward only over what was read whole, in the unit of work that keeps its last page.
What cannot be read holds it back, and does not keep what comes later from being read.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import structlog

from kernel.errors import NodeError
from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading, ReadingType
from metering.feeds.positions import Positions, RegisterName
from metering.feeds.source import Source
from metering.feeds.window import Position, Window, window_of
from metering.mrid import is_provisional
from metering.sep.pager import Page, each_page
from metering.sep.reader import reading_of
from metering.sep.resources import (
    ServedMeter,
    ServedRegister,
    ServedSet,
    read_list,
    read_reading,
    read_reading_type,
    set_of,
)
from metering.sep.utility_client import Answer, UtilityUnavailable

log = structlog.get_logger(__name__)


class _Unchanged(Exception):
    """The server says that a list is what it was."""


class RegisterWalk:
    """Reads one register once; `base` is the address that its MeterReading came from.

    `sets_url` is the address of its sets, if it has any.
    """

    def __init__(self, source: Source, meter: ServedMeter, register: ServedRegister, *, base: str) -> None:
        """Resolve where the sets are. Raises: HrefForeign."""
        href = register.reading_sets
        self.sets_url = None if href is None else source.client.resolve(href, base=base)
        self.name = RegisterName(
            feed=source.feed.name,
            device_lfdi=meter.point.device_lfdi,
            meter_mrid=meter.point.mrid,
            register_mrid=register.mrid,
        )
        self._source = source
        self._legacy = source.feed.legacy_namespace
        self._meter = meter
        self._register = register
        self._base = base
        self._kind: ReadingType | None = None
        self._position = Position()
        self._held = False
        self._is_whole = True
        self._is_hinted = False
        self._troubles: list[str] = []

    async def run(self) -> str | None:
        """Read the register and return what went wrong with it, or None. Raises: UtilityUnavailable."""
        source = self._source
        async with source.uow_factory() as uow:
            begun = self._position = await Positions(uow.connection).get(self.name)
        self._is_hinted = begun.hinted_at is not None
        now = source.clock.now()
        window = window_of(begun, source.feed, now=now)
        try:
            await self._read(window)
        except UtilityUnavailable:
            raise
        except NodeError as error:
            self._note(error)
            self._is_whole = False
        trouble = "; ".join(self._troubles) or None
        looked_back = window.is_look_back and self._is_whole
        async with source.uow_factory() as uow:
            await Positions(uow.connection).finish(
                self.name,
                begun,
                looked_back_at=now if looked_back else None,
                error=trouble,
                is_whole=self._is_whole,
            )
        return trouble

    def _note(self, error: NodeError) -> None:
        log.warning("meter_feed.trouble", feed=self.name.feed, register=str(self.name), error=str(error))
        self._troubles.append(str(error))

    async def _read(self, window: Window) -> None:
        register = self._register
        if register.reading_type is not None:
            answer = await self._source.get(register.reading_type, base=self._base)
            self._kind = read_reading_type(answer.body, legacy=self._legacy)
        if register.reading is not None:
            await self._try_last_reading(register.reading)
        if self.sets_url is not None:
            await self._read_sets(self.sets_url, window)

    async def _try_last_reading(self, href: str) -> None:
        """Read the last reading; one that cannot be read says nothing about the sets."""
        try:
            await self._read_last_reading(href)
        except UtilityUnavailable:
            raise
        except NodeError as error:
            self._note(error)

    async def _read_last_reading(self, href: str) -> None:
        answer = await self._source.get(href, base=self._base)
        reading = read_reading(answer.body, legacy=self._legacy)
        now = self._source.clock.now()
        async with self._source.uow_factory() as uow:
            await self._source.keep(self._document(reading=reading), answer, name=self.name, uow=uow, now=now)

    async def _read_sets(self, url: str, window: Window) -> None:
        query = None if window.sets_after is None else {"a": window.sets_after}
        self._source.owners[url] = self.name
        listed = await self._source.whole_list(url, "ReadingSet", base=url, query=query)
        sets = [(set_of(element), where) for where, element in listed]
        for served, where in sorted(sets, key=lambda item: _start(item[0])):
            if not window.holds(served) or served.readings is None:
                continue
            if is_provisional(served.mrid or ""):
                self._held = True
                continue
            try:
                await self._read_set(served, served.readings, window, base=where)
            except UtilityUnavailable:
                raise
            except NodeError as error:
                self._held, self._is_whole = True, False
                self._note(error)

    async def _read_set(self, served: ServedSet, href: str, window: Window, *, base: str) -> None:
        url = self._source.client.resolve(href, base=base)
        self._source.owners[url] = self.name
        after = window.readings_after(served)
        query = {} if after is None else {"a": after}
        newest: list[int] = []
        is_kept = False

        async def fetch(start: int, limit: int) -> Page[Reading]:
            return await self._page(url, {**query, "s": start, "l": limit})

        async def handle(page: Page[Reading]) -> None:
            nonlocal is_kept
            newest.extend(self._starts_until_now(page))
            is_kept = page.is_last
            await self._keep(page, served, newest=max(newest, default=None))

        try:
            await each_page(fetch, handle, restart=newest.clear)
        except _Unchanged:
            return
        if newest and not is_kept:
            await self._advance(served, max(newest))

    def _starts_until_now(self, page: Page[Reading]) -> list[int]:
        """Return when the readings of a page start; a start in the future is nobody's position."""
        now = self._source.clock.now().timestamp()
        starts = [item.time_period.start for item in page.values if item.time_period is not None]
        return [start for start in starts if start <= now]

    async def _page(self, url: str, query: dict[str, int]) -> Page[Reading]:
        source = self._source
        asked = source.client.resolve(url, base=url, query=query)
        etag = await self._known_etag(asked) if query["s"] == 0 and not self._is_hinted else None
        answer = await source.ask(asked, etag=etag)
        if answer.is_unchanged:
            raise _Unchanged
        page = source.met(read_list(answer.body, "Reading", legacy=self._legacy), url)
        entries: list[tuple[Hashable, Reading]] = []
        for element in page.items:
            reading = reading_of(element)
            entries.append((element.get("href") or reading, reading))
        return Page(
            entries=entries,
            total=page.total,
            values=tuple(reading for _, reading in entries),
            url=asked,
            raw=answer.body,
            etag=answer.etag,
        )

    async def _known_etag(self, url: str) -> str | None:
        async with self._source.uow_factory() as uow:
            known = await Positions(uow.connection).page(self.name.feed, url)
        return None if known is None else known.etag

    async def _keep(self, page: Page[Reading], served: ServedSet, *, newest: int | None) -> None:
        now = self._source.clock.now()
        document = self._document(served.holding(tuple(page.values)))
        answer = Answer(url=page.url, body=page.raw)
        async with self._source.uow_factory() as uow:
            result = await self._source.keep(document, answer, name=self.name, uow=uow, now=now)
            positions = Positions(uow.connection)
            if page.is_last and page.is_whole and not result.quarantined:
                await positions.keep_etag(self.name.feed, page.url, page.etag)
            if page.is_last and not self._held:
                self._position = self._position.after(served, newest=newest)
                await positions.advance(self.name, self._position)

    async def _advance(self, served: ServedSet, newest: int) -> None:
        """Keep that a set was read whose server does not say how many readings it has."""
        if not self._held:
            self._position = self._position.after(served, newest=newest)
            async with self._source.uow_factory() as uow:
                await Positions(uow.connection).advance(self.name, self._position)

    def _document(self, *sets: MirrorReadingSet, reading: Reading | None = None) -> MirrorUsagePoint:
        """Return readings as a document of their meter with this one register."""
        register = MirrorMeterReading(
            mrid=self._register.mrid,
            mrid_as_sent=self._register.mrid_as_sent,
            version=self._register.version,
            reading_type=self._kind,
            reading_sets=sets,
            reading=reading,
        )
        return replace(self._meter.point, meter_readings=(register,))


def _start(served: ServedSet) -> int:
    return served.time_period.start if served.time_period else 0
