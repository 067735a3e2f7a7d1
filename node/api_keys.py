"""The door of the HTTP APIs: who shows an API key, and what it may do.

Beckn messages need none: they are signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hmac import compare_digest
from typing import Final

import structlog

from kernel.clock import Clock, SystemClock
from kernel.errors import NodeError
from node.api_key_store import CONFIGURED, ApiKey, digest_of, find_api_key, note_use
from node.audit import Actor, record_act
from node.buckets import MOST_NAMES
from node.client_address import Networks, neighbourhood
from node.guessing import TRIES, GuessGuard, TriesExceeded
from node.scopes import Scope
from node.telemetry import Metrics
from registry_client.bounded import Bounded
from registry_client.single_flight import SingleFlight
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

HEADER: Final = "X-Api-Key"
FRESH_FOR: Final = timedelta(seconds=30)
"""How long a key is believed without another look, should an announcement have been missed."""
_ACTIVE: Final = "active"
_PAST: Final = datetime.min.replace(tzinfo=UTC)


class ApiKeyRefused(NodeError):
    """The request carries no API key that this node takes."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 401, False


@dataclass(slots=True)
class _Known:
    """A key that was let in; from `until` on it is looked up again first."""

    key: ApiKey
    until: datetime


@dataclass(slots=True)
class ApiKeys:
    """Knows the operator's own key, which may do everything, and those in the database."""

    uow_factory: UnitOfWorkFactory
    configured: str | None = field(kw_only=True, repr=False)
    clock: Clock = field(default_factory=SystemClock, kw_only=True)
    metrics: Metrics | None = field(default=None, kw_only=True)
    trusted_proxies: Networks = field(default=(), kw_only=True)
    guard: GuessGuard = field(default_factory=GuessGuard, kw_only=True)
    _known: dict[bytes, _Known] = field(default_factory=dict, init=False, repr=False)
    _homes: Bounded[str, None] = field(init=False, repr=False)  # where the operator's own key was shown
    _flights: SingleFlight[tuple[bytes, str | None], ApiKey | None] = field(init=False, repr=False)
    _round: int = field(default=0, init=False)  # of announcements; what was asked in an older one is stale

    def __post_init__(self) -> None:
        self._flights = SingleFlight()
        self._homes = Bounded(MOST_NAMES)

    async def holder_of(self, key: str | None, *, address: str | None = None) -> ApiKey:
        """Return what `key` is, shown by somebody at `address`.

        A key that was let in before is not held up by wrong ones from the same address; the operator's
        own, which may be weak, only where it was let in from there.
        Raises: ApiKeyRefused, TriesExceeded.
        """
        if not key:
            raise self._refused(
                "an API key is needed", "missing", f"Send {HEADER}: <key>, or a Bearer token."
            )
        now, digest = self.clock.now(), digest_of(key)
        if self.configured is not None and compare_digest(digest, digest_of(self.configured)):
            await self._meet_operator(address, now)
            return _operators_own(now)
        known = self._known.get(digest)
        if known is None:
            found = await self._flights.run((digest, address), partial(self._meet, digest, address))
        elif now >= known.until:
            found = await self._flights.run((digest, None), partial(self._look_up, digest))
        else:
            found = known.key
        return self._checked(found, now)

    def forget(self, _payload: str = "") -> None:
        """Look every key up again before it is let in: called for each announcement."""
        self._round += 1
        self._flights = SingleFlight()  # nobody shares a look-up that began before it
        for known in self._known.values():
            known.until = _PAST

    def count_refusal(self, reason: str) -> None:
        """Count a request that was not let in."""
        if self.metrics is not None:
            self.metrics.api_key_refusals.labels(reason).inc()

    async def _meet_operator(self, address: str | None, now: datetime) -> None:
        """Hold whoever guessed the operator's own key to few tries as well. Raises: TriesExceeded."""
        if (place := neighbourhood(address)) not in self._homes:
            await self._count_try(address, now)
            self.guard.succeed(address, now=now)
            self._homes.remember(place, None)

    async def _count_try(self, address: str | None, now: datetime) -> None:
        try:
            self.guard.count(address, now=now)
        except TriesExceeded:
            self.count_refusal("too_many")
            await self._tell_burst(address, now)
            raise

    async def _meet(self, digest: bytes, address: str | None) -> ApiKey | None:
        """Look up a key that was not let in yet; that is one of few tries. Raises: TriesExceeded."""
        now = self.clock.now()
        await self._count_try(address, now)
        try:
            found = await self._look_up(digest)
        except BaseException:
            self.guard.succeed(address, now=now)  # nobody can say that it was wrong
            raise
        if found is not None and found.state_at(now) == _ACTIVE:
            self.guard.succeed(address, now=now)
        return found

    async def _look_up(self, digest: bytes) -> ApiKey | None:
        now, begun = self.clock.now(), self._round
        async with self.uow_factory() as uow:
            found = await find_api_key(uow, digest)
            if found is not None and found.state_at(now) == _ACTIVE:
                await note_use(uow, found.id, now=now)
        if found is None or found.state_at(now) != _ACTIVE:
            self._known.pop(digest, None)
        else:
            until = now + FRESH_FOR if begun == self._round else _PAST
            self._known[digest] = _Known(found, until)
        return found

    def _checked(self, found: ApiKey | None, now: datetime) -> ApiKey:
        """Return the key if it is good. Raises: ApiKeyRefused; whoever has the whole key may know why."""
        if found is None:
            raise self._refused("this API key is not known here", "unknown", "Ask the operator for one.")
        state = found.state_at(now)
        if state != _ACTIVE:
            raise self._refused(f"this API key is {state}", state, "Ask the operator for a new one.")
        return found

    def _refused(self, what: str, reason: str, hint: str) -> ApiKeyRefused:
        self.count_refusal(reason)
        return ApiKeyRefused(what, path=f"header {HEADER}", hint=hint)

    async def _tell_burst(self, address: str | None, now: datetime) -> None:
        """Put the first refused try of a burst on record."""
        if not self.guard.is_news(address, now=now):
            return
        log.warning("api_keys.guessing", address=address)
        stranger = Actor(who="somebody without a key", from_address=address)
        async with self.uow_factory() as uow:
            await record_act(
                uow, stranger.act("api_key.guessed", "API keys", after={"tries_a_minute": TRIES}), now=now
            )


def _operators_own(now: datetime) -> ApiKey:
    return ApiKey(
        id=CONFIGURED,
        name=CONFIGURED,
        scopes=frozenset({Scope.ADMIN}),
        created_at=now,
        created_by="DEGNODE_API_KEY",
    )
