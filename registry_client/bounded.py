"""A memory that does not grow without end."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(dict[K, V], Generic[K, V]):
    """A dictionary that drops its oldest entry when it is full."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self._max_entries = max_entries

    def remember(self, key: K, value: V) -> None:
        """Keep `value` as the newest entry."""
        self.pop(key, None)
        if len(self) >= self._max_entries:
            del self[next(iter(self))]
        self[key] = value
