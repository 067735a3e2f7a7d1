"""First come, first served at one meter: which contracts its energy goes to, for all meters at once.

Contracts of a meter are served in the order in which they were traded, ties by id, each up to what is
left of its quantity. The order is worked out once; every step is a handful of operations on columns,
and only contracts that share a meter need more than two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from settlement.engines.contract_table import ContractTable, Flags, Integers


@dataclass(frozen=True, slots=True)
class Taken:
    """What contracts took in one step, in the order of the table, and what was ahead of some. Units: Wh."""

    wh: Integers
    ahead_of_sharing: Integers


class MeterSide:
    """One side of all contracts, the sources' or the targets', and what is left of each `quantity`."""

    def __init__(self, contracts: ContractTable, meters: Integers, *, quantity: Integers) -> None:
        self._meters = meters
        self._start, self._end = contracts.start, contracts.end
        self._quantity, self._left = quantity, quantity.copy()
        self._changes = np.unique(np.concatenate([contracts.start, contracts.end]))
        self._passed = -1
        self._running: Flags | None = None
        sharing = np.flatnonzero(np.bincount(meters)[meters] > 1)
        order = np.lexsort((contracts.traded_at[sharing], meters[sharing]))
        self._sharing = sharing[order]  # stable: equal times stay in order of id
        of_sharing = meters[self._sharing]
        self._first = np.searchsorted(of_sharing, of_sharing)

    def take(self, counted: Integers, *, at: int) -> Taken:
        """Give out what each meter `counted`, by its number, in a step that starts at the second `at`.

        Steps come in order of time. A number below nought is as nought.
        """
        asked = self._asked(at)
        found = counted[self._meters]
        taken = np.minimum(asked, np.maximum(found, 0))
        asked_here = asked[self._sharing]
        before = np.cumsum(asked_here) - asked_here
        ahead = before - before[self._first]
        taken[self._sharing] = np.minimum(asked_here, np.maximum(found[self._sharing] - ahead, 0))
        self._left -= taken
        return Taken(taken, ahead)

    def ahead(self, taken: Taken) -> Integers:
        """Return where in what its meter counted each contract's part of a step begins."""
        ahead = np.zeros_like(taken.wh)
        ahead[self._sharing] = taken.ahead_of_sharing
        return ahead

    def taken(self) -> Integers:
        """Return what each contract has taken so far."""
        return self._quantity - self._left

    def _asked(self, at: int) -> Integers:
        """Return what is left of each contract whose window is open."""
        passed = int(np.searchsorted(self._changes, at, side="right"))
        if passed != self._passed:
            running = (self._start <= at) & (at < self._end)
            self._passed, self._running = passed, None if running.all() else running
        return self._left if self._running is None else np.where(self._running, self._left, 0)
