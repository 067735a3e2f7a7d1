"""A line of what a settlement cycle costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kernel.energy import Energy
from kernel.money import Money
from trading.charges import LineKind
from trading.wheeling import Collector, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLine:
    """One thing that is charged: `gross` before discounts, `net` after them; neither is negative.

    `quantity` and `rate` (per kWh, in major units) are there where the amount is a product of both. A line
    of the seller's side, or one that the retailer collects, is shown and is no part of the bill's total.
    """

    kind: LineKind
    title: str
    gross: Money
    net: Money
    quantity: Energy | None = None
    rate: Decimal | None = None
    side: Side = Side.BUYER
    collected_by: Collector = Collector.PLATFORM

    @property
    def discount(self) -> Money:
        """What was taken off."""
        return self.gross - self.net

    @property
    def is_billed(self) -> bool:
        """Whether the buyer pays it to the platform."""
        return self.side is Side.BUYER and self.collected_by is Collector.PLATFORM
