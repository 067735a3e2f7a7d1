"""Bands: what energy that is priced alike has in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

EVERYTHING: Final = "ALL"
ALWAYS: Final = ""
OTHER_HOURS: Final = "other hours"
"""What a band without hours is called; labels of energy without hours, and of hours that no rate names."""


@dataclass(frozen=True, slots=True)
class Band:
    """Energy at one rate; watt-hours of the same band can be added before they are priced.

    `label` names the hours on the bill, where there are several. `period` is the first day of the
    calendar period that the energy lies in, under SUBSCRIPTION. `discounts` are the positions, among
    the terms' percentages, of those that hold.
    """

    rate: Decimal
    label: str = ALWAYS
    period: date | None = None
    discounts: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.label or (self.period.isoformat() if self.period else EVERYTHING)
