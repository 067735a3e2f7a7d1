"""Following the registry's changes, so that a key that was revoked there stops here within moments.

Without such a feed a withdrawn key is noticed when its answer's time is over, `DEGNODE_KEY_CACHE`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from node.known_keys import KnownKeys
from protocol.errors import RegistryUnavailable
from registry_client.changes import ChangeFeed, Changes
from registry_client.keyring import KeyRing

log = structlog.get_logger(__name__)

_SHORTEST_PAUSE: Final = 0.5  # s
_LONGEST_PAUSE: Final = 30.0  # s
_NO_FEED_PAUSE: Final = 600.0  # s
_PATIENCE: Final = 3.0  # s; at the start


class KeyWatch:
    """Forgets every key that the registry says has changed, in memory, Redis and the database."""

    def __init__(self, feed: ChangeFeed, *, keyring: KeyRing, known: KnownKeys) -> None:
        self._feed = feed
        self._keyring = keyring
        self._known = known
        self._last: int | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the feed while the block runs; what happened before it is known when it begins."""
        with suppress(TimeoutError, RegistryUnavailable):
            async with asyncio.timeout(_PATIENCE):
                await self.follow(may_wait=False)
        task = asyncio.create_task(self._run(), name="key watch")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._feed.close()

    async def follow(self, *, may_wait: bool = True) -> bool:
        """Ask for changes once and act on them; return False if the registry tells of none.

        Raises: RegistryUnavailable; SQLAlchemyError or OSError, if the database is away.
        """
        if self._last is None:
            self._last = await self._known.last_change()
        before = self._last
        changes = await self._feed.after(before, may_wait=may_wait)
        if changes is None:
            return False
        if before is None or changes.last < before:
            log.info("key_watch.starts", known=before, last=changes.last)
            await self._known.forget_all()
            self._keyring.forget_all()
        await self._act_on(changes)
        if changes.last != before:
            await self._known.record_change(changes.last)
        self._last = changes.last
        return True

    async def _act_on(self, changes: Changes) -> None:
        names = dict.fromkeys((change.subscriber_id, change.key_id) for change in changes.changes)
        for subscriber, key_id in names:
            await self._keyring.forget(subscriber=subscriber, key_id=key_id)
        if names:
            log.info("key_watch.followed", keys=len(names), last=changes.last)

    async def _run(self) -> None:
        failures = 0
        while True:
            asked_at, before = asyncio.get_running_loop().time(), self._last
            try:
                has_feed = await self.follow()
            except RegistryUnavailable:  # the connection has logged why
                has_feed, failures = True, failures + 1
            except Exception:
                log.exception("key_watch.failed")
                has_feed, failures = True, failures + 1
            else:
                failures = 0
            if not has_feed:
                log.info("key_watch.no_feed")
                await asyncio.sleep(_NO_FEED_PAUSE)
            elif failures:
                await asyncio.sleep(min(_SHORTEST_PAUSE * 2 ** min(failures, 10), _LONGEST_PAUSE))
            elif self._last == before:  # a registry that does not wait is not pressed
                taken = asyncio.get_running_loop().time() - asked_at
                await asyncio.sleep(max(0.0, _SHORTEST_PAUSE - taken))
