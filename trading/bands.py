"""Bands: what energy that is priced alike has in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

EVERYTHING: Final = "ALL"
ALWAYS: Final = ""
OTHER_HOURS: Final = "other hours"
WITHIN_FEE: Final = "within the fee"
"""What a band without hours is called; labels of energy without hours, of hours that no rate names, and of
energy that a subscription's fee includes."""


@dataclass(frozen=True, slots=True)
class Band:
    """Energy at one rate; watt-hours of the same band can be added before they are priced.

    `label` names the hours on the bill, where there are several. `period` is the first day of the
    calendar period that the energy lies in, under SUBSCRIPTION. `discounts` are the positions, among
    the terms' percentages, of those that hold; under SUBSCRIPTION that is no matter of the band.
    """

    rate: Decimal
    label: str = ALWAYS
    period: date | None = None
    discounts: tuple[int, ...] = ()

    @property
    def within_fee(self) -> Band:
        """The band of what the fee of the same period includes."""
        return Band(Decimal(0), label=WITHIN_FEE, period=self.period)

    def __str__(self) -> str:
        period = self.period.isoformat() if self.period else ""
        return f"{period} {self.label}".strip() or EVERYTHING
