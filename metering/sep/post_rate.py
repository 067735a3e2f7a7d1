"""How often a meter may post: told to everybody as `postRate`, and held only where an operator wants it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from metering.sep.elements import MeterDocumentRefused
from registry_client.bounded import Bounded

_MOST_METERS: Final = 100_000
_SLACK: Final = 10  # a post may be early by a tenth of the time between two: clocks and networks jitter


class PostsTooOften(MeterDocumentRefused):
    """A meter posts more often than it was told to."""

    code, http_status, retryable = "METER_POSTS_TOO_OFTEN", 429, True
    reason_code: ClassVar[int] = 4

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = -(-wait // timedelta(seconds=1))
        super().__init__("readings of this meter came a moment ago", hint="Post at the postRate of its list.")


@dataclass(frozen=True, slots=True)
class PostPace:
    """Remembers when each meter's readings last came, within this process."""

    rate: timedelta
    _last: Bounded[Hashable, datetime] = field(default_factory=lambda: Bounded(_MOST_METERS), init=False)

    def check(self, meter: Hashable, *, now: datetime) -> None:
        """Raise PostsTooOften, if the meter's last readings came too short a time ago."""
        last = self._last.get(meter)
        if last is None:
            return
        wait = last + self.rate - self.rate / _SLACK - now
        if wait > timedelta(0):
            raise PostsTooOften(wait)

    def note(self, meter: Hashable, *, now: datetime) -> None:
        """Keep that readings of the meter were taken just now."""
        self._last.remember(meter, now)
