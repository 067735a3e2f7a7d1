"""Whose key signed this: answers from memory, then from Redis, then from the registry.

An answer is relied on until its time is over and not a moment longer. A registry that is down
is then a refusal to be tried again, never an acceptance.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from kernel.clock import Clock
from protocol.errors import SubscriberUnknown
from registry_client.answer import KeyAnswer
from registry_client.ports import SubscriberDirectory
from registry_client.shared_cache import SharedCache
from registry_client.single_flight import SingleFlight
from registry_client.subscriber import SubscriberRecord, SubscriberRole

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
KeyName = tuple[str, str]  # subscriber id, key id
Endpoint = tuple[str, datetime]  # URL, until when it may be relied on


class _Bounded(dict[K, V], Generic[K, V]):
    """A dictionary that drops its oldest entry when it is full."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self._max_entries = max_entries

    def remember(self, key: K, value: V) -> None:
        self.pop(key, None)
        if len(self) >= self._max_entries:
            del self[next(iter(self))]
        self[key] = value


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
        cache_for: timedelta = timedelta(minutes=10),
        negative_for: timedelta = timedelta(seconds=30),
        shared: SharedCache | None = None,
        max_entries: int = 10_000,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._cache_for = cache_for
        self._negative_for = negative_for
        self._shared = shared
        self._known: _Bounded[KeyName, KeyAnswer] = _Bounded(max_entries)
        self._refused: _Bounded[KeyName, KeyAnswer] = _Bounded(max_entries)
        self._endpoints: _Bounded[tuple[str, SubscriberRole], Endpoint] = _Bounded(max_entries)
        self._key_flights: SingleFlight[KeyName, KeyAnswer] = SingleFlight()
        self._endpoint_flights: SingleFlight[tuple[str, SubscriberRole], str] = SingleFlight()

    def cached(self, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord | None:
        """Return the key if it is in memory and was valid at `at`; None says to ask `key_for`."""
        answer = self._known.get((subscriber, key_id))
        if answer is None or answer.until <= self._clock.now():
            return None
        return answer.find_valid(at)

    async def key_for(self, *, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord:
        """Return the key that was valid at `at`.

        Raises: SubscriberUnknown, KeyUnknown, KeyExpired, RegistryUnavailable.
        """
        name = (subscriber, key_id)
        answer = self._recall(name) or await self._key_flights.run(name, partial(self._learn, name))
        return answer.get_valid(at)

    async def endpoint_of(self, subscriber: str, role: SubscriberRole) -> str:
        """Return the URL that messages to `subscriber` in that role go to, without a final slash.

        Raises: SubscriberUnknown, RegistryUnavailable.
        """
        name = (subscriber, role)
        if (found := self._endpoints.get(name)) and self._clock.now() < found[1]:
            return found[0]
        return await self._endpoint_flights.run(name, partial(self._learn_endpoint, name))

    async def find(
        self,
        *,
        subscriber: str | None = None,
        role: SubscriberRole | None = None,
        domain: str | None = None,
    ) -> list[SubscriberRecord]:
        """Return the subscribers that fit every filter given and are valid now; asks each time.

        Raises: RegistryUnavailable.
        """
        found = await self._directory.find(subscriber_id=subscriber, role=role, domain=domain)
        now = self._clock.now()
        return [record for record in found if record.is_valid_at(now)]

    def _recall(self, name: KeyName) -> KeyAnswer | None:
        now = self._clock.now()
        for answers in (self._known, self._refused):
            answer = answers.get(name)
            if answer is not None and now < answer.until:
                return answer
        return None

    async def _learn(self, name: KeyName) -> KeyAnswer:
        """Ask the other processes' cache, then the registry, and remember what comes back."""
        subscriber, key_id = name
        now = self._clock.now()
        answer = None
        if self._shared is not None:
            answer = await self._shared.find(subscriber=subscriber, key_id=key_id, now=now)
        if answer is None:
            answer = await self._look_up(subscriber, key_id)
        self._remember(name, answer)
        return answer

    async def _look_up(self, subscriber: str, key_id: str) -> KeyAnswer:
        asked_at = self._clock.now()
        found = await self._directory.find_key(subscriber_id=subscriber, key_id=key_id)
        answer = KeyAnswer.of(
            found,
            subscriber=subscriber,
            key_id=key_id,
            now=asked_at,
            cache_for=self._cache_for,
            negative_for=self._negative_for,
        )
        if self._shared is not None and answer.find_valid(asked_at):
            await self._shared.put(answer, now=self._clock.now())
        return answer

    def _remember(self, name: KeyName, answer: KeyAnswer) -> None:
        """Keep a key that is valid now apart from one that is refused."""
        if answer.find_valid(self._clock.now()):
            self._refused.pop(name, None)
            self._known.remember(name, answer)
        else:
            self._known.pop(name, None)
            self._refused.remember(name, answer)

    async def _learn_endpoint(self, name: tuple[str, SubscriberRole]) -> str:
        subscriber, role = name
        now = self._clock.now()
        found = await self._directory.find(subscriber_id=subscriber, role=role)
        reachable = [record for record in found if record.is_valid_at(now) and _has_http_url(record)]
        if not reachable:
            raise SubscriberUnknown(
                f"the registry knows no {role} {subscriber!r} that is subscribed and has an http URL",
                hint="Check the subscriber id, and that its subscription has not ended.",
            )
        newest = max(reachable, key=lambda record: record.valid_from or now)
        url = str(newest.url).rstrip("/")
        ends = [newest.valid_until] if newest.valid_until else []
        self._endpoints.remember(name, (url, min([now + self._cache_for, *ends])))
        return url


def _has_http_url(record: SubscriberRecord) -> bool:
    return record.url is not None and record.url.startswith(("https://", "http://"))
