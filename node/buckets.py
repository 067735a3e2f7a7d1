"""Buckets that fill steadily and are emptied by use: one for each name, the longest unused forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final

from registry_client.bounded import Bounded

MOST_NAMES: Final = 10_000
DUST: Final = 1e-6  # what rounding may take from a whole token


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A bucket holds `most` tokens, as many at first, and gets `per_second` new ones while it is not full."""

    per_second: float
    most: float

    def refilled(self, level: float, *, seconds: float) -> float:
        """Return the tokens after so many seconds."""
        return min(self.most, level + seconds * self.per_second)

    def pause(self, level: float) -> float:
        """Return how many seconds it takes until there is a whole token."""
        return max(0.0, (1 - level) / self.per_second)


@dataclass(slots=True)
class Buckets:
    """The levels of buckets by name; a clock that is set back gives nothing twice."""

    _levels: Bounded[str, tuple[float, float]] = field(init=False)

    def __post_init__(self) -> None:
        self._levels = Bounded(MOST_NAMES)

    def take(self, name: str, terms: Terms, *, now: datetime) -> float:
        """Take a token and return 0, or return how many seconds it takes until there is one."""
        level, at = self._level(name, terms, now)
        has_one = level >= 1 - DUST
        self._levels.remember(name, (level - 1 if has_one else level, at))
        return 0 if has_one else terms.pause(level)

    def give_back(self, name: str, terms: Terms, *, now: datetime) -> None:
        """Put a token back that was not needed."""
        level, at = self._level(name, terms, now)
        self._levels.remember(name, (min(terms.most, level + 1), at))

    def _level(self, name: str, terms: Terms, now: datetime) -> tuple[float, float]:
        level, since = self._levels.get(name, (terms.most, now.timestamp()))
        at = max(now.timestamp(), since)
        return terms.refilled(level, seconds=at - since), at


def whole_seconds(pause: float) -> int:
    """Return a pause as Retry-After tells it: whole seconds, at least one."""
    return max(1, ceil(pause - DUST))
