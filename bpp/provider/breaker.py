"""Not asking who was silent again and again: for a while nobody is kept waiting, then one tries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

MOST_SILENCES: Final = 3
"""How often in a row somebody may be silent, until it is left alone."""


class Breaker:
    """Leaves somebody alone for `rest` who was silent `MOST_SILENCES` times in a row.

    After that one question goes through, and is waited for alone: its answer ends the rest, its silence
    begins another one.
    """

    def __init__(self, *, rest: timedelta) -> None:
        self._rest = rest
        self._silences = 0
        self._until: datetime | None = None

    def lets_through(self, now: datetime) -> bool:
        """Say whether somebody may be asked now; who is let through after a rest is alone."""
        if self._silences < MOST_SILENCES:
            return True
        if self._until is not None and now < self._until:
            return False
        self._until = now + self._rest
        return True

    def heard(self) -> None:
        """Take note of an answer."""
        self._silences, self._until = 0, None

    def missed(self, now: datetime) -> bool:
        """Take note of a silence; say whether a rest begins by it."""
        self._silences += 1
        if self._silences >= MOST_SILENCES:
            self._until = now + self._rest
        return self._silences == MOST_SILENCES
