"""How often an address may try something before it has to wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kernel.errors import NodeError
from node.buckets import Buckets, Terms, whole_seconds
from node.client_address import neighbourhood


class TooManyTries(NodeError):
    """The address must wait for `retry_after` seconds; other addresses need not."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, True

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, hint=f"Wait for {retry_after} s; other addresses are served meanwhile.")
        self.retry_after = retry_after


@dataclass(slots=True, kw_only=True)
class Tries:
    """So many tries a minute of each address, all of them at once if need be.

    Addresses that one caller can change between at will count as one.
    """

    what: str
    per_minute: int
    _buckets: Buckets = field(default_factory=Buckets, init=False)

    def count(self, address: str | None, *, now: datetime) -> None:
        """Count a try. Raises: TooManyTries, for an address that has none left."""
        pause = self._buckets.take(neighbourhood(address), self._terms, now=now)
        if pause:
            raise TooManyTries(f"too many {self.what} from this address", retry_after=whole_seconds(pause))

    def take_back(self, address: str | None, *, now: datetime) -> None:
        """Let a try that was counted not count after all."""
        self._buckets.give_back(neighbourhood(address), self._terms, now=now)

    @property
    def _terms(self) -> Terms:
        return Terms(per_second=self.per_minute / 60, most=self.per_minute)
