"""What both sides of each contract agree on, run by run: the settled watt-hours per rate.

Matched by interval, what counts is the lesser of both sides in each interval. Matched over the window,
it is the lesser of both totals; that much is laid on the source's intervals in order of time, so that
each watt-hour has the rate of the time at which it was exported. What a source gave counts as it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable, Integers
from settlement.engines.losses import arriving
from settlement.engines.precedence import MeterSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """What a day brought: for each contract (a row) and rate (a column) whole Wh.

    `before` is what had been settled of each when the day began. `exported` and `imported` are what
    the sides gave to each contract on the day, as it arrived; `exported_in_all` and `imported_in_all`
    since its window began.
    """

    settled: Integers
    before: Integers
    exported: Integers
    imported: Integers
    exported_in_all: Integers
    imported_in_all: Integers


class Tally:
    """Gathers what the sides took, run by run, and says in the end what it comes to."""

    def __init__(self, contracts: ContractTable, calendar: Calendar) -> None:
        self._contracts, self._calendar = contracts, calendar
        self.source = MeterSide(contracts, contracts.sources, quantity=contracts.sent)
        self.target = MeterSide(contracts, contracts.targets, quantity=contracts.quantity)
        self._marks: list[tuple[Integers, Integers]] = []
        bands = max((len(tariff.rates) for tariff in contracts.tariffs), default=1)
        self._settled = np.zeros((len(contracts), bands), dtype=np.int64)
        self._before = np.zeros_like(self._settled)

    @property
    def run(self) -> int:
        """The run that is open."""
        return len(self._marks)

    def close_run(self) -> None:
        """Say that all of the open run has been taken."""
        arrived = arriving(self.source.taken(), self._contracts.lost)
        self._marks.append((arrived, self.target.taken()))

    def close_before(self, second: int) -> None:
        """Close every run that is over at an instant, also those in which nothing was counted."""
        while self.run < self._calendar.runs and self._calendar.edges[self.run + 1] <= second:
            self.close_run()

    def meet(self, wh: Integers, contracts: Integers, *, run: int) -> None:
        """Count what both sides had in the same intervals of a run, for contracts matched by interval."""
        calendar = self._calendar
        bands = calendar.bands[calendar.layout_of[contracts], run]
        into = self._settled if run >= calendar.first_run else self._before
        np.add.at(into, (contracts, bands), wh)

    def result(self) -> Quantities:
        """Return the day's quantities, once every run is closed."""
        first = self._calendar.first_run
        nothing = np.zeros(len(self._contracts), dtype=np.int64)
        opening = self._marks[first - 1] if first else (nothing, nothing)
        closing = self._marks[-1]
        self._lay(np.flatnonzero(~self._contracts.by_interval), opening, closing)
        return Quantities(
            settled=self._settled,
            before=self._before,
            exported=closing[0] - opening[0],
            imported=closing[1] - opening[1],
            exported_in_all=closing[0],
            imported_in_all=closing[1],
        )

    def _lay(
        self, contracts: Integers, opening: tuple[Integers, Integers], closing: tuple[Integers, Integers]
    ) -> None:
        """Lay what is matched over the window on the source's runs, in order of time."""
        before, after = (np.minimum(source, target)[contracts] for source, target in (opening, closing))
        calendar = self._calendar
        low = np.zeros(len(contracts), dtype=np.int64)
        for run, (taken, _) in enumerate(self._marks):
            high = taken[contracts]
            bands = calendar.bands[calendar.layout_of[contracts], run]
            earlier, all_of_it = (np.clip(upto, low, high) - low for upto in (before, after))
            self._before[contracts, bands] += earlier
            self._settled[contracts, bands] += all_of_it - earlier
            low = high
