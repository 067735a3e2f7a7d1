"""What of a meter's energy was traded between peers, and what is left to its retailer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kernel.interval import Interval
from settlement.allocation.series import Series, in_order


class EnergySoldTwice(ValueError):
    """More is settled of a meter in an interval than it counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """One interval of a meter, in Wh: `p2p_settled_wh` is settled under contracts, the rest is not."""

    period: Interval
    metered_wh: int
    p2p_settled_wh: int

    @property
    def residual_wh(self) -> int:
        """What the retailer of the meter bills, and nobody else."""
        return self.metered_wh - self.p2p_settled_wh


def residuals_of(metered: Series, settled: Iterable[Mapping[Interval, int]]) -> list[Residual]:
    """Return what is left of one meter in each interval, in order of time.

    `settled` are the Wh by interval that each contract settles of this meter in this direction.
    Raises: EnergySoldTwice; ReadingsInvalid.
    """
    sold: Counter[Interval] = Counter()
    for of_contract in settled:
        sold.update(of_contract)
    found = [
        Residual(period=period, metered_wh=energy.watt_hours, p2p_settled_wh=sold.pop(period, 0))
        for period, energy in in_order(metered)
    ]
    oversold = [each.period for each in found if each.residual_wh < 0]
    oversold += [period for period, watt_hours in sold.items() if watt_hours]
    if oversold:
        raise EnergySoldTwice(f"more is settled than was counted from {min(oversold).start.isoformat()} on")
    return found
