"""What is to be known of things whatever generation they are told in: words, place, time of production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from kernel.interval import Interval
from search.columns import Mask
from search.sites import Sites
from search.words import Words

Instants = npt.NDArray[np.int64]
"""Microseconds since 1970."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEVER: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that may be found: in `text` words are looked for, `place` is GeoJSON.

    `deliveries` are the windows of its offers, where all of them have one.
    """

    text: str
    place: str | None = None
    production: Interval | None = None
    deliveries: Sequence[Interval] = ()


class Facts:
    """What is known of all of them, by row; what a search needs first is made when it does."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts = facts
        self.starts = instants([_NEVER if f.production is None else f.production.start for f in facts])
        self.ends = instants([-_NEVER if f.production is None else f.production.end for f in facts])
        self.is_timed: Mask = np.asarray(self.ends != -_NEVER)
        narrow = [(row, each) for row, fact in enumerate(facts) for each in fact.deliveries]
        self._narrow_rows = np.array([row for row, _ in narrow], dtype=np.int64)
        self._narrow_starts = instants([each.start for _, each in narrow])
        self._narrow_ends = instants([each.end for _, each in narrow])

    def __len__(self) -> int:
        return len(self._facts)

    @cached_property
    def words(self) -> Words:
        return Words(fact.text for fact in self._facts)

    @cached_property
    def sites(self) -> Sites:
        """Where each thing itself is."""
        return Sites([] if fact.place is None else [fact.place] for fact in self._facts)

    def produced_in(self, window: Interval) -> Mask:
        """Say of each row whether its energy can be had in the whole of `window`, by one of its offers."""
        found = covering(self.starts, self.ends, window)
        delivered = ~np.isin(np.arange(len(self)), self._narrow_rows)
        delivered[self._narrow_rows[covering(self._narrow_starts, self._narrow_ends, window)]] = True
        return np.asarray(found & delivered)


def covering(starts: Instants, ends: Instants, window: Interval) -> Mask:
    """Say of each period whether the whole of `window` lies within it."""
    return np.asarray((starts <= instant(window.start)) & (instant(window.end) <= ends))


def instants(moments: Sequence[datetime | int]) -> Instants:
    """Return moments as numbers; a number stays as it is."""
    return np.array([m if isinstance(m, int) else instant(m) for m in moments], dtype=np.int64)


def instant(moment: datetime) -> int:
    """Return a moment as a number."""
    return (moment - _EPOCH) // _MICROSECOND
