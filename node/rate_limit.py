"""How many messages a peer may send, counted where every process sees it.

Each peer has one bucket for all processes. So that a message need not wait for it, a process takes
the right to several messages at a time, a lease, and spends that in memory. A lease is about a tenth
of a second's worth; what is left of it stays with the process, for it was taken from the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, Protocol

import structlog

from kernel.errors import NodeError
from node.buckets import MOST_NAMES, Buckets, Terms, whole_seconds
from registry_client.bounded import Bounded
from registry_client.single_flight import SingleFlight

log = structlog.get_logger(__name__)

_LEASE: Final = 0.1  # s
_SHORTEST: Final = timedelta(milliseconds=1)  # between two leases that came to nothing
_ALONE_FOR: Final = timedelta(seconds=5)
"""How long a process counts for itself after the shared count failed, before it asks there again."""


class RateExceeded(NodeError):
    """The peer sends faster than this node lets it."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, True


class RatesUnavailable(Exception):
    """The shared count cannot be reached at present."""


class Lease(NamedTuple):
    """The right to `granted` messages, and the tokens that are left in the bucket after it."""

    granted: int
    level: float


class SharedRates(Protocol):
    """The buckets of all processes."""

    async def lease(self, subscriber_id: str, terms: Terms, *, wanted: int, now: datetime) -> Lease:
        """Take up to `wanted` whole tokens, as one step. Raises: RatesUnavailable."""
        ...


OwnRate = Callable[[str], float | None]
"""Says which bound an operator has set for one subscriber, None for no own."""


@dataclass(slots=True)
class _Held:
    """What this process may still let in of a peer; nothing new is to be had before `empty_until`."""

    messages: int = 0
    empty_until: datetime | None = None


@dataclass(slots=True)
class PeerRates:
    """At most `per_second` messages a peer on average, a second's worth at once; 0 lets everything in.

    `own_rates` are asked in turn for a peer's own bound.
    """

    per_second: float
    shared: SharedRates | None = None
    own_rates: tuple[OwnRate, ...] = ()
    _held: Bounded[str, _Held] = field(init=False)
    _alone: Buckets = field(default_factory=Buckets, init=False)
    _alone_until: datetime | None = field(default=None, init=False)
    _flights: SingleFlight[str, None] = field(init=False)

    def __post_init__(self) -> None:
        self._held = Bounded(MOST_NAMES)
        self._flights = SingleFlight()

    async def take(self, subscriber_id: str, *, now: datetime) -> None:
        """Count a message of a peer. Raises: RateExceeded."""
        rate = self.rate_of(subscriber_id)
        if not rate:
            return
        terms = Terms(per_second=rate, most=max(1.0, rate))
        while self.shared is not None and (self._alone_until is None or now >= self._alone_until):
            if self._spend(subscriber_id, terms, now):
                return
            await self._flights.run(
                subscriber_id, partial(self._lease, self.shared, subscriber_id, terms, now)
            )
        if pause := self._alone.take(subscriber_id, terms, now=now):
            raise _exceeded(subscriber_id, terms, pause)

    def rate_of(self, subscriber_id: str) -> float:
        """Return how many messages a second the peer may send; 0 for any number."""
        for ask in self.own_rates:
            if (own := ask(subscriber_id)) is not None:
                return own
        return self.per_second

    def _spend(self, subscriber_id: str, terms: Terms, now: datetime) -> bool:
        """Let one message in on the lease, if there is any. Raises: RateExceeded."""
        held = self._held.get(subscriber_id)
        if held is None:
            return False
        if held.messages:
            held.messages -= 1
            return True
        if held.empty_until is not None and now < held.empty_until:
            raise _exceeded(subscriber_id, terms, (held.empty_until - now).total_seconds())
        return False

    async def _lease(self, shared: SharedRates, subscriber_id: str, terms: Terms, now: datetime) -> None:
        wanted = max(1, int(terms.per_second * _LEASE))
        try:
            granted, level = await shared.lease(subscriber_id, terms, wanted=wanted, now=now)
        except RatesUnavailable as error:
            log.warning("rates.alone", error=str(error), seconds=_ALONE_FOR.total_seconds())
            self._alone_until = now + _ALONE_FOR
            return
        held = self._held.get(subscriber_id) or _Held()
        self._held.remember(subscriber_id, held)
        held.messages += granted
        held.empty_until = None if granted else now + max(_SHORTEST, timedelta(seconds=terms.pause(level)))


def _exceeded(subscriber_id: str, terms: Terms, pause: float) -> RateExceeded:
    refusal = RateExceeded(
        f"{subscriber_id} may send {terms.per_second:g} messages a second",
        path="header Authorization",
        hint="Wait as long as Retry-After says, then send it again.",
    )
    refusal.retry_after = whole_seconds(pause)
    return refusal
