"""First come, first served at one meter: which contracts its energy goes to, for all meters at once.

Contracts of a meter are served in the order in which they were traded, ties by id, each up to what is
left of its quantity. The order is worked out once; every step is a handful of operations on columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from settlement.engines.contract_table import ContractTable, Integers


@dataclass(frozen=True, slots=True)
class Taken:
    """What contracts took in one step, in the order of the table. Units: Wh.

    A contract takes the part from `ahead` to `ahead + wh` of what its meter counted.
    """

    ahead: Integers
    wh: Integers


class MeterSide:
    """One side of all contracts, the sources' or the targets', and what is left of each quantity."""

    def __init__(self, contracts: ContractTable, meters: Integers) -> None:
        order = np.lexsort((contracts.traded_at, meters))  # stable: equal times stay in order of id
        self._order = order
        self._meters = meters[order]
        self._first = np.searchsorted(self._meters, self._meters)
        self._start, self._end = contracts.start[order], contracts.end[order]
        self._quantity = contracts.quantity[order]
        self._left = self._quantity.copy()

    def take(self, counted: Integers, *, at: int) -> Taken:
        """Give out what each meter `counted`, by its number, in a step that starts at the second `at`.

        A number below nought is as nought.
        """
        asked = self._left * ((self._start <= at) & (at < self._end))
        before = np.cumsum(asked) - asked
        ahead = before - before[self._first]
        taken = np.minimum(asked, np.maximum(counted[self._meters] - ahead, 0))
        self._left -= taken
        return Taken(self._in_table_order(ahead), self._in_table_order(taken))

    def taken(self) -> Integers:
        """Return what each contract has taken so far."""
        return self._in_table_order(self._quantity - self._left)

    def _in_table_order(self, column: Integers) -> Integers:
        placed = np.empty_like(column)
        placed[self._order] = column
        return placed
