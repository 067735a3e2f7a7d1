"""How long to wait before the next try: doubling, bounded, and never all at the same instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits `first`, twice that, four times that … up to `longest`."""

    first: timedelta = timedelta(milliseconds=500)
    longest: timedelta = timedelta(minutes=5)

    def after(self, failures: int, *, jitter: float = 0.0) -> timedelta:
        """Return the wait after so many failures in a row.

        `jitter` in [0, 1) stretches the wait by up to a quarter, so that peers do not all
        come back at once.
        """
        doublings: int = min(max(failures - 1, 0), 32)
        return min(self.first * (1 << doublings), self.longest) * (1 + jitter / 4)
