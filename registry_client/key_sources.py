"""Where a key ring learns of a key that it has not in memory: Redis, the database, the registry.

While the registry does not answer, what was known of a key serves on for a time of grace, so that
trades under way go on; a key that nobody knew is then a refusal to be tried again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from kernel.clock import Clock
from protocol.errors import RegistryUnavailable
from registry_client.answer import KeyAnswer
from registry_client.key_times import KeyTimes, LookupBounds
from registry_client.lane import Lane
from registry_client.ports import KeyAnswerStore, SubscriberDirectory
from registry_client.shared_cache import SharedCache

log = structlog.get_logger(__name__)


class KeySources:
    """Asks one after the other, and tells those that did not know."""

    def __init__(
        self,
        directory: SubscriberDirectory,
        *,
        clock: Clock,
        times: KeyTimes,
        bounds: LookupBounds,
        shared: SharedCache | None = None,
        store: KeyAnswerStore | None = None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._times = times
        self._shared = shared
        self._store = store
        # Lanes of their own, so that a flood of strangers keeps no friend waiting.
        self._friends = Lane(places=bounds.at_a_time, max_waiting=bounds.max_waiting)
        self._strangers = Lane(places=bounds.at_a_time, max_waiting=bounds.max_waiting)
        self._away_until: datetime | None = None
        self._forgettings = 0  # how many began or ended so far
        self._under_way = 0

    async def learn(self, *, subscriber: str, key_id: str, remembered: KeyAnswer | None) -> KeyAnswer:
        """Return what is known of the key; `remembered` is an answer whose time is over.

        Raises: RegistryUnavailable.
        """
        now, since = self._clock.now(), self.since()
        if self._shared is not None and subscriber:
            answer = await self._shared.find(subscriber=subscriber, key_id=key_id, now=now)
            if answer is not None:
                return answer
        stored = None
        if self._store is not None:
            stored = await self._store.find(subscriber=subscriber, key_id=key_id)
            if stored is not None and now < stored.until and not self.may_have_changed(since):
                await self._share(stored)
                await self._drop_if_changed(subscriber, key_id, since=since)
                return stored
        return await self._look_up(subscriber, key_id, stale=_newer(remembered, stored))

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        """Have Redis and the database know nothing of the key, whatever is under way."""
        self._forgettings += 1
        self._under_way += 1
        try:
            await self._drop(subscriber, key_id)
        finally:
            self._under_way -= 1
            self._forgettings += 1

    def forget_all(self) -> None:
        """Have nothing remembered that was asked for before."""
        self._forgettings += 1

    def since(self) -> int:
        """Return what `may_have_changed` takes for now."""
        return self._forgettings

    def may_have_changed(self, since: int) -> bool:
        """Say whether a key was being forgotten at any moment from `since` to now.

        What was learnt meanwhile may have been read just before Redis or the database knew it no more.
        """
        return self._under_way > 0 or since != self._forgettings

    async def _look_up(self, subscriber: str, key_id: str, *, stale: KeyAnswer | None) -> KeyAnswer:
        """Ask the registry, if it is not known to be away; grace is for those that were known."""
        now = self._clock.now()
        graceful = stale if stale is not None and self._may_serve_on(stale, now) else None
        if graceful is not None and self._away_until is not None and now < self._away_until:
            return self._prolong(graceful)
        lane = self._strangers if stale is None else self._friends
        patience = None if graceful is None else self._times.patience.total_seconds()
        try:
            async with asyncio.timeout(patience), lane.place():
                answer = await self._ask(subscriber, key_id, was_known=stale is not None)
        except (RegistryUnavailable, TimeoutError):
            if stale is not None:  # what strangers ask can be made to fail, to keep a revoked key alive
                self._away_until = self._clock.now() + self._times.retry
            if graceful is None:
                raise
            log.warning("keys.grace", subscriber=subscriber, key_id=key_id)
            return self._prolong(graceful)
        self._away_until = None
        return answer

    async def _ask(self, subscriber: str, key_id: str, *, was_known: bool) -> KeyAnswer:
        asked_at, since = self._clock.now(), self.since()
        found = await self._directory.find_key(subscriber_id=subscriber, key_id=key_id)
        answer = KeyAnswer.of(
            found,
            subscriber=subscriber,
            key_id=key_id,
            now=asked_at,
            cache_for=self._times.cache_for,
            negative_for=self._times.negative_for,
        )
        if answer.find_valid(asked_at) is None:  # not told to others: a flood of strangers fills nothing
            if was_known:
                await self._drop(subscriber, key_id)
        elif not self.may_have_changed(since):
            await self._share(answer)
            if self._store is not None:
                await self._store.put(answer, now=self._clock.now())
            await self._drop_if_changed(subscriber, key_id, since=since)
        return answer

    async def _drop_if_changed(self, subscriber: str, key_id: str, *, since: int) -> None:
        """Take back what was put while something was being forgotten; it may have been this key."""
        if self.may_have_changed(since):
            await self._drop(subscriber, key_id)

    async def _drop(self, subscriber: str, key_id: str) -> None:
        if self._shared is not None:
            await self._shared.forget(subscriber=subscriber, key_id=key_id)
        if self._store is not None:
            await self._store.forget(subscriber=subscriber, key_id=key_id)

    async def _share(self, answer: KeyAnswer) -> None:
        """Tell Redis; not of a key that is named by its record, for that has another name as well."""
        if self._shared is not None and answer.subscriber:
            await self._shared.put(answer, now=self._clock.now())

    def _may_serve_on(self, answer: KeyAnswer, now: datetime) -> bool:
        return now < answer.was_fresh_until + self._times.grace and answer.find_valid(now) is not None

    def _prolong(self, answer: KeyAnswer) -> KeyAnswer:
        """Return `answer` for as long as the registry is not asked again."""
        until = answer.was_fresh_until + self._times.grace
        return answer.prolonged(until if self._away_until is None else min(until, self._away_until))


def _newer(first: KeyAnswer | None, second: KeyAnswer | None) -> KeyAnswer | None:
    if first is None or second is None:
        return first or second
    return max(first, second, key=lambda answer: answer.was_fresh_until)
