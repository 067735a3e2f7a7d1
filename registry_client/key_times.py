"""How long what was learnt of subscribers is relied on, and how often may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTimes:
    """How long answers are relied on.

    `grace` is how much longer a known key serves while the registry does not answer; it is asked
    again after `retry`, and then waited for no longer than `patience`.
    """

    cache_for: timedelta = timedelta(minutes=10)
    negative_for: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(hours=1)
    retry: timedelta = timedelta(seconds=5)
    patience: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupBounds:
    """How many look-ups there are at a time: of keys that were known, and as many of strangers'."""

    at_a_time: int = 8
    max_waiting: int = 1_000
