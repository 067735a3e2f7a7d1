"""Which part of everything that was found is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """So many after so many; without a limit, all that come after."""

    offset: int = 0
    limit: int | None = None

    def part(self, found: Sequence[T]) -> Sequence[T]:
        """Return what stands on the page."""
        return found[self.offset :] if self.limit is None else found[self.offset : self.offset + self.limit]


EVERYTHING = Page()
