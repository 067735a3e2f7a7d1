"""Net power, which is kept apart from energy: never a watt-hour is made of it. Pure, exact.

Source: IEEE 2030.5 ReadingType with uom 38. The sign is the sender's: with flow direction 1 it is that
of the net power at the connection, negative where the site feeds in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from metering.documents import Reading, ReadingType
from metering.doubt import Doubt, Reason
from metering.energy import ELECTRICITY_COMMODITIES
from metering.verdict import ACCEPTED, DUPLICATE, Judgement, Verdict, quarantined

UOM_WATTS: Final = 38

PowerKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Power:
    """Power at an instant, or over a period where `start` and `end` differ.

    Units: `start` and `end` in seconds since 1970 UTC; `watts` exact, signed as sent.
    """

    start: int
    end: int
    watts: Decimal
    quality: int

    @property
    def key(self) -> PowerKey:
        """What makes two readings of a register statements about the same time."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class PowerScale:
    """How the values of a register become W: times ten to the power of `exponent`."""

    exponent: int


def power_scale_of(reading_type: ReadingType) -> PowerScale | Doubt | None:
    """Return how readings of this type become W, or why they do not; None: they are not in W."""
    if reading_type.uom != UOM_WATTS:
        return None
    if reading_type.commodity not in ELECTRICITY_COMMODITIES:
        return Doubt(Reason.NOT_ELECTRICITY, f"commodity {reading_type.commodity} is not electricity")
    return PowerScale(reading_type.power_of_ten_multiplier)


def measure_power(reading: Reading, scale: PowerScale) -> Power | Doubt:
    """Return what `reading` says in W, or why it says nothing."""
    if reading.value is None:
        return Doubt(Reason.NO_VALUE, "the reading has no value")
    period = reading.time_period
    if period is None:
        return Doubt(Reason.NO_PERIOD, "the reading has no timePeriod, so nobody can say when it was")
    watts = Decimal(reading.value).scaleb(scale.exponent)
    return Power(period.start, period.start + period.duration, watts, reading.quality_flags)


def judge_power(
    offered: Sequence[Power], known: Mapping[PowerKey, tuple[Power, int]], *, corrections: bool = True
) -> list[Judgement]:
    """Return the verdict on each reading that is offered for one register, in their order.

    `known` holds what is stored of the same times, with its revision. Power adds up to nothing, so that
    readings may overlap. Without `corrections` nothing that is known is replaced.
    """
    first: dict[PowerKey, Power] = {}
    contradicted = {item.key for item in offered if first.setdefault(item.key, item) != item}
    judged: list[Judgement] = []
    taken: set[PowerKey] = set()
    for item in offered:
        if item.key in contradicted:
            verdict = quarantined(Reason.CONTRADICTION, "the document gives two values for one period")
        elif item.key in taken:
            verdict = DUPLICATE
        else:
            verdict = _against(known.get(item.key), item, corrections=corrections)
        taken.add(item.key)
        judged.append(verdict)
    return judged


def _against(stored: tuple[Power, int] | None, offered: Power, *, corrections: bool) -> Judgement:
    if stored is None:
        return ACCEPTED
    if stored[0] == offered:
        return DUPLICATE
    if not corrections:
        return quarantined(Reason.CONTRADICTION, "another value has been taken since")
    return Judgement(Verdict.REVISED, stored[1] + 1)
