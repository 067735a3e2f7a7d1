"""Where it is known from how much there will be of a resource, if the catalogue does not say it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule:
    """So many per cent of what the source's meter exported at the same local hour, on the mean of days.

    It is forecast for the rest of the day and `ahead_days` more, by the clock of `zone`.
    """

    share_percent: Decimal
    over_days: int
    ahead_days: int
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasting:
    """There is what the newest forecast says: of whoever makes them, or by a rule from the meter."""

    by_meter: MeterRule | None = None
