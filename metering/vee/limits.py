"""Between what each parameter of the rules may be set; a name means the same in every rule that has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from metering.vee.records import WEEKS_OF_COMPARISON

_DAY: Final = 86_400  # s


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the greatest that is taken, both included."""

    least: int
    greatest: int

    def hold(self, value: int) -> bool:
        return self.least <= value <= self.greatest

    def nearest(self, value: int) -> int:
        return max(self.least, min(self.greatest, value))


_ENERGY: Final = Limits(0, 10**12)
_TIMES: Final = Limits(100, 100_000)

LIMITS: Final[Mapping[str, Limits]] = {
    "max_offset_seconds": Limits(0, _DAY),
    "worst_quality": Limits(0, 7),
    "tolerated_seconds": Limits(0, _DAY),
    "skew_seconds": Limits(0, _DAY),
    "longest_seconds": Limits(0, 35 * _DAY),
    "horizon_days": Limits(0, 36_500),
    "least_days": Limits(1, WEEKS_OF_COMPARISON),
    "tolerated_watt_hours": _ENERGY,
    "floor_watt_hours": _ENERGY,
    "coarsest_step_watt_hours": _ENERGY,
    "margin_percent": _TIMES,
    "double_percent": _TIMES,
    "high_percent": _TIMES,
    "low_percent": Limits(0, 100),
    "tolerance_percent": Limits(0, 1_000_000),
    "tolerance_per_mille": Limits(0, 1_000),
    "accuracy_per_mille": Limits(0, 1_000),
}
