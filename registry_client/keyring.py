"""Whose key signed this: answers from memory, then from Redis, the database and the registry.

An answer is relied on until its time is over and not a moment longer, save for a time of grace while
the registry does not answer. A stranger's key is then a refusal to be tried again, never an acceptance.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final

from kernel.clock import Clock
from protocol.errors import KeyExpired
from registry_client.answer import KeyAnswer
from registry_client.bounded import Bounded
from registry_client.endpoints import Endpoints
from registry_client.key_sources import KeySources
from registry_client.key_times import KeyTimes, LookupBounds
from registry_client.ports import KeyAnswerStore, SubscriberDirectory, Wanted
from registry_client.shared_cache import SharedCache
from registry_client.single_flight import SingleFlight
from registry_client.subscriber import SubscriberRecord, SubscriberRole

KeyName = tuple[str, str]  # subscriber id, key id

_USUAL_TIMES: Final = KeyTimes()
_USUAL_BOUNDS: Final = LookupBounds()


class KeyDistrusted(KeyExpired):
    """This node's operator believes the key no more, whatever the registry says."""


class KeyRing:
    """The keys of a network's subscribers, asked for once and remembered.

    `max_entries` bounds known keys, unknown keys and endpoints each for itself, so that a flood
    of strangers pushes out no friend.
    """

    def __init__(
        self,
        directory: SubscriberDirectory,
        *,
        clock: Clock,
        times: KeyTimes = _USUAL_TIMES,
        bounds: LookupBounds = _USUAL_BOUNDS,
        shared: SharedCache | None = None,
        store: KeyAnswerStore | None = None,
        max_entries: int = 10_000,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._sources = KeySources(
            directory, clock=clock, times=times, bounds=bounds, shared=shared, store=store
        )
        self._known: Bounded[KeyName, KeyAnswer] = Bounded(max_entries)
        self._refused: Bounded[KeyName, KeyAnswer] = Bounded(max_entries)
        self._strangers: Bounded[str, KeyAnswer] = Bounded(max_entries)
        self._distrusted: frozenset[KeyName] = frozenset()
        self._flights: SingleFlight[KeyName, KeyAnswer] = SingleFlight()
        self._endpoints = Endpoints(
            directory,
            clock=clock,
            times=times,
            known_records=lambda: [record for answer in self._known.values() for record in answer.records],
            max_entries=max_entries,
        )

    def cached(self, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord | None:
        """Return the key if it is in memory and was valid at `at`; None says to ask `key_for`."""
        answer = self._known.get((subscriber, key_id))
        if answer is None or answer.until <= self._clock.now():
            return None
        return answer.find_valid(at)

    async def key_for(self, *, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord:
        """Return the key that was valid at `at`.

        An empty `subscriber` asks for the key named by its record, `{namespace}/{registry}/{record}`.
        Raises: SubscriberUnknown, KeyUnknown, KeyExpired, KeyDistrusted, RegistryUnavailable.
        """
        name = (subscriber, key_id)
        self._refuse_distrusted(name)
        answer = self._recall(name) or await self._flights.run(name, partial(self._learn, name))
        record = answer.get_valid(at)
        self._refuse_distrusted((record.subscriber_id, record.key_id))
        return record

    async def endpoint_of(self, subscriber: str, role: SubscriberRole) -> str:
        """Return the URL that messages to `subscriber` in that role go to, without a final slash.

        Raises: SubscriberUnknown, RegistryUnavailable.
        """
        return await self._endpoints.find(subscriber, role)

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        """Return the subscribers that are `wanted` and valid now; asks each time.

        Raises: RegistryUnavailable; DirectoryCannotSearch, where there is no search.
        """
        found, now = await self._directory.find(wanted), self._clock.now()
        return [record for record in found if record.is_valid_at(now)]

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        """Know nothing of the key any more, here, in Redis and in the database: it has changed."""
        names = self._drop(subscriber, key_id)
        for name in names:
            await self._sources.forget(subscriber=name[0], key_id=name[1])
        self._drop(subscriber, key_id)  # what was learnt again before the others had forgotten

    def forget_all(self) -> None:
        """Have nothing in memory: changes may have been missed."""
        self._sources.forget_all()
        for memory in (self._known, self._refused, self._strangers):
            memory.clear()
        self._flights.abandon_all()
        self._endpoints.forget_all()

    def distrust(self, keys: Iterable[KeyName]) -> None:
        """Believe exactly these keys, each with its subscriber, no more; at once."""
        self._distrusted = frozenset(keys)
        for name in [name for name, answer in self._known.items() if self._is_distrusted(answer)]:
            del self._known[name]

    def _refuse_distrusted(self, name: KeyName) -> None:
        if name in self._distrusted:
            raise KeyDistrusted(
                f"the key {name[1]!r} of {name[0]} is no longer believed here",
                path="header Authorization, keyId",
                hint="Sign with another key, or ask this node's operator.",
            )

    def _is_distrusted(self, answer: KeyAnswer) -> bool:
        return any((record.subscriber_id, record.key_id) in self._distrusted for record in answer.records)

    def _recall(self, name: KeyName) -> KeyAnswer | None:
        now = self._clock.now()
        for answer in (self._known.get(name), self._refused.get(name), self._strangers.get(name[0])):
            if answer is not None and now < answer.until:
                return answer
        return None

    async def _learn(self, name: KeyName) -> KeyAnswer:
        """Ask whoever may know, and remember what comes back unless it was overtaken by a change."""
        since = self._sources.since()
        subscriber, key_id = name
        answer = await self._sources.learn(
            subscriber=subscriber, key_id=key_id, remembered=self._known.get(name)
        )
        if not self._sources.may_have_changed(since):
            self._remember(name, answer)
        return answer

    def _remember(self, name: KeyName, answer: KeyAnswer) -> None:
        """Keep a key that is valid now apart from one that is refused, and from who is not known at all."""
        if answer.find_valid(self._clock.now()) and not self._is_distrusted(answer):
            self._refused.pop(name, None)
            self._strangers.pop(name[0], None)
            self._known.remember(name, answer)
            return
        self._known.pop(name, None)
        self._refused.remember(name, answer)
        if name[0] and self._directory.finds_every_key and not (answer.records or answer.other_keys):
            self._strangers.remember(name[0], answer)

    def _drop(self, subscriber: str, key_id: str) -> set[KeyName]:
        """Remove the key from memory under every name, and return its names."""
        names = {
            name
            for name, answer in self._known.items()
            if answer.is_about(subscriber=subscriber, key_id=key_id)
        }
        names.add((subscriber, key_id))
        for name in names:
            self._known.pop(name, None)
            self._refused.pop(name, None)
            self._flights.abandon(name)
        self._strangers.pop(subscriber, None)
        self._endpoints.forget(subscriber)
        return names
