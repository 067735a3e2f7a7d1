"""Bands: what energy that is priced alike has in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

ALWAYS: Final = ""
OTHER_HOURS: Final = "other hours"
"""Labels of energy whose price knows no hours, and of that which no hours are named for."""


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
