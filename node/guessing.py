"""Guessing at API keys: how often a wrong one may be shown from one address."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kernel.errors import NodeError
from node.buckets import MOST_NAMES, Buckets, Terms, whole_seconds
from node.client_address import neighbourhood
from registry_client.bounded import Bounded

TRIES: Final = 10  # wrong keys a minute
_TERMS: Final = Terms(per_second=TRIES / 60, most=TRIES)
_TOLD: Final = Terms(per_second=60 / 3600, most=60)  # a flood from everywhere does not fill the record
_QUIET: Final = timedelta(minutes=1)  # without a refused try: the burst is over


class TriesExceeded(NodeError):
    """Too many wrong API keys came from this address."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, True


@dataclass(slots=True)
class GuessGuard:
    """Counts wrong keys by address; what it counts lives in this process."""

    _tries: Buckets = field(default_factory=Buckets, init=False)
    _told: Buckets = field(default_factory=Buckets, init=False)
    _bursts: Bounded[str, datetime] = field(init=False)

    def __post_init__(self) -> None:
        self._bursts = Bounded(MOST_NAMES)

    def count(self, address: str | None, *, now: datetime) -> None:
        """Count a try before its key is looked at. Raises: TriesExceeded."""
        pause = self._tries.take(neighbourhood(address), _TERMS, now=now)
        if pause:
            refusal = TriesExceeded(
                "too many wrong API keys came from this address",
                path="header X-Api-Key",
                hint="Wait as long as Retry-After says; then send the right key.",
            )
            refusal.retry_after = whole_seconds(pause)
            raise refusal

    def succeed(self, address: str | None, *, now: datetime) -> None:
        """Take the try back: its key was not wrong."""
        self._tries.give_back(neighbourhood(address), _TERMS, now=now)

    def is_news(self, address: str | None, *, now: datetime) -> bool:
        """Say whether a refused try begins a burst that is to be told, and not one too many."""
        place = neighbourhood(address)
        last = self._bursts.get(place)
        self._bursts.remember(place, now)
        return (last is None or now - last >= _QUIET) and not self._told.take("", _TOLD, now=now)
