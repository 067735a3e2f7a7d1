"""Where subscribers are reached: their URLs in the registry, asked for once and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from kernel.clock import Clock
from protocol.errors import RegistryUnavailable, SubscriberUnknown
from registry_client.bounded import Bounded
from registry_client.key_times import KeyTimes
from registry_client.ports import SubscriberDirectory, Wanted
from registry_client.single_flight import SingleFlight
from registry_client.subscriber import SubscriberRecord, SubscriberRole

EndpointName = tuple[str, SubscriberRole]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """A URL, until when it may be relied on, and how much longer while the registry is away."""

    url: str
    until: datetime
    last_until: datetime


class Endpoints:
    """Finds the URL of a subscriber in a role.

    `known_records` are those that were learnt along with keys: they help out while the registry does
    not answer.
    """

    def __init__(
        self,
        directory: SubscriberDirectory,
        *,
        clock: Clock,
        times: KeyTimes,
        known_records: Callable[[], Iterable[SubscriberRecord]],
        max_entries: int,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._times = times
        self._known_records = known_records
        self._found: Bounded[EndpointName, _Endpoint] = Bounded(max_entries)
        self._flights: SingleFlight[EndpointName, _Endpoint] = SingleFlight()
        self._forgotten = 0

    async def find(self, subscriber: str, role: SubscriberRole) -> str:
        """Return the URL without a final slash. Raises: SubscriberUnknown, RegistryUnavailable."""
        name = (subscriber, role)
        endpoint = self._found.get(name)
        if endpoint is None or endpoint.until <= self._clock.now():
            endpoint = await self._flights.run(name, partial(self._learn, name))
        return endpoint.url

    def forget(self, subscriber: str) -> None:
        """Ask anew where `subscriber` is."""
        self._forgotten += 1
        for role in SubscriberRole:
            self._found.pop((subscriber, role), None)
            self._flights.abandon((subscriber, role))

    def forget_all(self) -> None:
        """Ask anew for everybody."""
        self._forgotten += 1
        self._found.clear()
        self._flights.abandon_all()

    async def _learn(self, name: EndpointName) -> _Endpoint:
        forgotten = self._forgotten
        endpoint = await self._look_up(name)
        if forgotten == self._forgotten:
            self._found.remember(name, endpoint)
        return endpoint

    async def _look_up(self, name: EndpointName) -> _Endpoint:
        subscriber, role = name
        now = self._clock.now()
        try:
            found = await self._directory.find(Wanted(subscriber_id=subscriber, role=role))
        except RegistryUnavailable:
            if (endpoint := self._remembered(name, now)) is None:
                raise
            return endpoint
        if (endpoint := self._newest(found, name, now)) is None:
            raise SubscriberUnknown(
                f"the registry knows no {role} {subscriber!r} that is subscribed and has an http URL",
                hint="Check the subscriber id, and that its subscription has not ended.",
            )
        return endpoint

    def _remembered(self, name: EndpointName, now: datetime) -> _Endpoint | None:
        """Return where the subscriber was when it was last asked for, or heard."""
        known = self._found.get(name) or self._newest(self._known_records(), name, now)
        if known is None or known.last_until <= now:
            return None
        return replace(known, until=min(now + self._times.retry, known.last_until))

    def _newest(
        self, records: Iterable[SubscriberRecord], name: EndpointName, now: datetime
    ) -> _Endpoint | None:
        reachable = [
            record
            for record in records
            if (record.subscriber_id, record.role) == name
            and record.is_valid_at(now)
            and record.endpoint is not None
        ]
        if not reachable:
            return None
        newest = max(reachable, key=lambda record: record.began_at)
        ends = [newest.valid_until] if newest.valid_until else []
        until = now + self._times.cache_for
        return _Endpoint(
            url=str(newest.endpoint),
            until=min([until, *ends]),
            last_until=min([until + self._times.grace, *ends]),
        )
