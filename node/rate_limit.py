"""How many messages a peer may send: a bucket for each that fills steadily and is emptied by use."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final

from kernel.errors import NodeError

_MOST_PEERS: Final = 10_000


class RateExceeded(NodeError):
    """The peer sends faster than this node lets it."""

    code, http_status, retryable = "AUT_RATE_LIMITED", 429, True


@dataclass(slots=True)
class RateLimit:
    """At most `per_second` messages a peer on average, a second's worth at once; 0 lets everything in."""

    per_second: float
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    @property
    def pause(self) -> int:
        """How many seconds bring the next message."""
        return max(1, ceil(1 / self.per_second)) if self.per_second else 1

    def take(self, subscriber_id: str, *, now: datetime) -> None:
        """Count a message of a peer. Raises: RateExceeded."""
        if not self.per_second:
            return
        at, most = now.timestamp(), max(1.0, self.per_second)
        left, since = self._buckets.pop(subscriber_id, (most, at))
        left = min(most, left + (at - since) * self.per_second)
        self._buckets[subscriber_id] = (left - 1 if left >= 1 else left, at)
        if len(self._buckets) > _MOST_PEERS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RateExceeded(
                f"{subscriber_id} may send {self.per_second:g} messages a second",
                path="header Authorization",
                hint="Wait as long as Retry-After says, then send it again.",
            )
