"""From raw readings to exact watt-hours: codes, multiplier, sign. Pure, integers only.

Sources: IEEE 2030.5 ReadingType and Reading; the codes are those of IEC 61968-9 annex C.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from metering.documents import Reading, ReadingType, TimePeriod
from metering.doubt import Doubt, Reason

UOM_WATT_HOURS: Final = 72
DELTA_DATA: Final = 4
REGISTER_BEHAVIOURS: Final = frozenset({3, 9})
"""Cumulative and Summation: running registers; some meters say 3 where they mean 9."""
ELECTRICITY_COMMODITIES: Final = frozenset({0, 1})
ENERGY_KINDS: Final = frozenset({0, 12})
PLAIN_QUALIFIERS: Final = frozenset({0, 12})
ALL_PHASES: Final = frozenset({0, 224})
MAX_WATT_HOURS: Final = 10**15
"""More than any meter measures in its life; keeps sums far inside 64 bits."""


class Direction(IntEnum):
    """Which way the energy of a register flows, in the codes of 2030.5."""

    IMPORT = 1
    """Forward: delivered to the customer."""
    EXPORT = 19
    """Reverse: received from the customer."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How the values of a register become Wh: `value * numerator / denominator`."""

    direction: Direction
    is_register: bool
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Energy that flowed from `start` to `end`, or a register's stand where the two are one instant.

    Units: `start` and `end` in seconds since 1970 UTC.
    """

    direction: Direction
    tou_tier: int
    consumption_block: int
    start: int
    end: int
    watt_hours: int
    quality: int

    @property
    def is_snapshot(self) -> bool:
        return self.start == self.end

    @property
    def lane(self) -> Lane:
        """What a register counts separately."""
        return self.direction, self.tou_tier, self.consumption_block

    @property
    def key(self) -> Key:
        """What makes two measurements statements about the same thing."""
        return self.direction, self.tou_tier, self.consumption_block, self.start, self.end


Lane = tuple[Direction, int, int]
Key = tuple[Direction, int, int, int, int]


@lru_cache(maxsize=1_024)  # there are few of them, and one for every document
def scale_of(reading_type: ReadingType) -> Scale | Doubt:
    """Return how readings of this type become Wh, or why they do not."""
    doubt = _doubt_of_type(reading_type)
    if doubt is not None:
        return doubt
    exponent = reading_type.power_of_ten_multiplier
    return Scale(
        direction=Direction(reading_type.flow_direction),
        is_register=reading_type.accumulation_behaviour in REGISTER_BEHAVIOURS,
        numerator=10 ** max(exponent, 0),
        denominator=10 ** max(-exponent, 0),
    )


def _doubt_of_type(kind: ReadingType) -> Doubt | None:
    behaviour = kind.accumulation_behaviour
    rules = (
        (kind.uom == UOM_WATT_HOURS, Reason.NOT_WATT_HOURS, f"unit of measure {kind.uom} is not Wh (72)"),
        (
            kind.commodity in ELECTRICITY_COMMODITIES,
            Reason.NOT_ELECTRICITY,
            f"commodity {kind.commodity} is not electricity at the customer's voltage (1)",
        ),
        (
            behaviour == DELTA_DATA or behaviour in REGISTER_BEHAVIOURS,
            Reason.NOT_ENERGY,
            f"accumulation behaviour {behaviour} is neither interval energy (4) nor a register (9)",
        ),
        (kind.kind in ENERGY_KINDS, Reason.NOT_ENERGY, f"kind {kind.kind} is not energy (12)"),
        (
            kind.data_qualifier in PLAIN_QUALIFIERS,
            Reason.NOT_ENERGY,
            f"data qualifier {kind.data_qualifier} is not the plain value (12)",
        ),
        (
            kind.phase in ALL_PHASES,
            Reason.ONE_PHASE,
            f"phase {kind.phase} alone is not the energy of the meter",
        ),
        (
            kind.flow_direction in tuple(Direction),
            Reason.NO_DIRECTION,
            f"flow direction {kind.flow_direction} is neither import (1) nor export (19)",
        ),
    )
    return next((Doubt(reason, sentence) for holds, reason, sentence in rules if not holds), None)


def measure(reading: Reading, scale: Scale) -> Measurement | Doubt:
    """Return what `reading` says in Wh, or why it says nothing that can be settled.

    Interval energy finer than 1 Wh is not rounded but set aside; a register's stand is rounded down,
    so that differences of stands never count a watt-hour twice. A register's stand is that of the end
    of its time period (2030.5 has a duration of 0 for the instant of a snapshot).
    """
    period = reading.time_period
    if reading.value is None:
        return Doubt(Reason.NO_VALUE, "the reading has no value")
    if period is None:
        return Doubt(Reason.NO_PERIOD, "the reading has no timePeriod, so nobody can say when it was")
    watt_hours, finer = divmod(reading.value * scale.numerator, scale.denominator)
    doubt = _doubt_of_amount(reading.value, watt_hours)
    if doubt is None and not scale.is_register:
        doubt = _doubt_of_interval(period, finer, scale)
    if doubt is not None:
        return doubt
    end = period.start + period.duration
    return Measurement(
        scale.direction,
        reading.tou_tier,
        reading.consumption_block,
        end if scale.is_register else period.start,
        end,
        watt_hours,
        reading.quality_flags,
    )


def _doubt_of_amount(value: int, watt_hours: int) -> Doubt | None:
    if value < 0:
        return Doubt(Reason.NEGATIVE, f"the value {value} is negative; registers count forward")
    if watt_hours > MAX_WATT_HOURS:
        return Doubt(Reason.TOO_LARGE, f"{watt_hours} Wh is more than any meter counts")
    return None


def _doubt_of_interval(period: TimePeriod, finer: int, scale: Scale) -> Doubt | None:
    if period.duration == 0:
        return Doubt(Reason.EMPTY_PERIOD, "interval energy with a duration of 0 flowed at no time")
    if finer:
        return Doubt(
            Reason.FINER_THAN_WATT_HOUR,
            f"a remainder of {finer}/{scale.denominator} Wh is finer than 1 Wh, which is never rounded",
        )
    return None
