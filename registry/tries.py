"""How often an address may try something before it has to wait."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final

from kernel.errors import NodeError
from node.client_address import neighbourhood

_MOST_ADDRESSES: Final = 10_000
_MINUTE: Final = 60.0  # s


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
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def check(self, address: str | None, *, now: datetime) -> None:
        """Refuse an address that has no try left, without counting this one. Raises: TooManyTries."""
        left = self._left(neighbourhood(address), now.timestamp())
        if left < 1:
            pause = ceil((1 - left) * _MINUTE / self.per_minute)
            raise TooManyTries(f"too many {self.what} from this address", retry_after=max(1, pause))

    def count(self, address: str | None, *, now: datetime) -> None:
        """Count a try."""
        name, at = neighbourhood(address), now.timestamp()
        left = self._left(name, at)
        self._buckets[name] = (left - 1, at)
        self._buckets.move_to_end(name)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)

    def _left(self, name: str, at: float) -> float:
        left, since = self._buckets.get(name, (float(self.per_minute), at))
        return min(float(self.per_minute), left + max(0.0, at - since) * self.per_minute / _MINUTE)
