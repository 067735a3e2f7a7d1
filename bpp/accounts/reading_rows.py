"""Both meters of a contract side by side, row by row, as its buyer is told of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final

from bpp.accounts.known import MeterAccount, agreement_of
from bpp.accounts.meter_sharing import Metered
from kernel.energy import ZERO_ENERGY, Energy
from settlement.quantities import delivered_by
from trading.contract import Contract
from trading.delivery import (
    Cut,
    MeterReadingView,
)

MOST_ROWS: Final = 100
"""Readings of a delivery that are told; more are thinned out evenly, the last always stays."""


def reading_rows(
    contract: Contract, meters: MeterAccount, *, cut: Cut | None = None
) -> tuple[MeterReadingView, ...]:
    """Return both meters side by side, from the window's start and at the end of every interval.

    The readings are the meters' own, whoever their energy goes to; the flows are this contract's.
    """
    if not meters.counted.have_reported:
        return ()
    source, target = _Stands(meters.counted.exported), _Stands(meters.counted.imported)
    instants = _thinned(sorted({*source.ends, *target.ends}))
    rows = [contract.window.start, *instants]
    left = meters.left
    delivered = delivered_by(
        agreement_of(contract, cut=cut), exported=left.exported, imported=left.imported, instants=rows
    )
    return tuple(
        MeterReadingView(at=at, source=source.at(at), target=target.at(at), flow=now - before)
        for at, before, now in zip(rows, [ZERO_ENERGY, *delivered], delivered, strict=False)
    )


class _Stands:
    """What a meter had counted since the window began, at the end of every interval."""

    def __init__(self, metered: Metered) -> None:
        self.ends = [interval.end for interval, _ in metered]
        self._totals = list(accumulate((energy.watt_hours for _, energy in metered), initial=0))

    def at(self, instant: datetime) -> Energy | None:
        """Return the stand at an instant; None of a meter that told nothing."""
        return Energy(self._totals[bisect_right(self.ends, instant)]) if self.ends else None


def _thinned(instants: Sequence[datetime]) -> Sequence[datetime]:
    step = -(-len(instants) // MOST_ROWS)
    return instants[::-1][::step][::-1]
