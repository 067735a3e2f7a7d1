"""What a meter tells of what it counted: its registers' readings, faults and all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from degnode.simulation.dice import Dice
from degnode.simulation.faults import Fault, FaultKind
from degnode.simulation.history import History
from metering.documents import Reading, ReadingType, TimePeriod
from metering.energy import DELTA_DATA, UOM_WATT_HOURS, Direction
from metering.quality import VALID

DRIFT_SECONDS: Final = 7
"""What a drifting clock gains with every interval."""
MODULUS: Final = 1_000_000_000
"""A register of six digits of kWh passes 0 here. Units: Wh."""

_SUMMATION, _INSTANTANEOUS, _ELECTRICITY, _ENERGY, _POWER, _WATTS = 9, 12, 1, 12, 37, 38
_SPIKE_FACTOR: Final = 20


class Registers(StrEnum):
    """Which registers a meter has."""

    INTERVALS = "intervals"
    STANDS = "stands"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register and all that it says, by the number of the interval that it says it of.

    `code` is two hexadecimal digits, `first_told` what was told wrongly before. A stand before the
    first interval belongs to interval -1.
    """

    code: str
    reading_type: ReadingType
    readings: Mapping[int, Reading]
    first_told: Mapping[int, Reading]


def registers_of(
    history: History,
    faults: Iterable[Fault],
    *,
    registers: Registers,
    telemetry: bool,
    modulus: int = MODULUS,
    seed: int,
) -> list[Register]:
    """Return the registers of a meter with what each of them says. Units: `modulus` in Wh."""
    meter = _Meter(history, list(faults), modulus=modulus, seed=seed)
    told = []
    for direction in history.directions:
        if registers is not Registers.STANDS:
            told.append(meter.intervals(direction))
        if registers is not Registers.INTERVALS:
            told.append(meter.stands(direction))
    return [*told, meter.power()] if telemetry else told


class _Meter:
    """One meter with what is wrong with it."""

    def __init__(self, history: History, faults: Sequence[Fault], *, modulus: int, seed: int) -> None:
        self._history = history
        self._modulus = modulus
        self._seed = seed
        self._at = {kind: {fault.at for fault in faults if fault.kind is kind} for kind in FaultKind}

    def intervals(self, direction: Direction) -> Register:
        energy = list(self._history.energy(direction))
        for at in self._at[FaultKind.STALE]:
            energy[at], energy[at + 1] = 0, energy[at] + energy[at + 1]
        for at in self._at[FaultKind.SPIKE]:
            if self._busier(at) is direction:
                energy[at] += _SPIKE_FACTOR * self._connection_energy
        kept = [at for at in range(self._history.count) if at not in self._at[FaultKind.GAP]]
        wrong = {
            at: energy[at] + 10 + energy[at] // 4
            for at in self._at[FaultKind.CORRECTION]
            if self._busier(at) is direction
        }
        return Register(
            code=f"{0x40 + direction:02X}",
            reading_type=self._type(DELTA_DATA, direction, interval_length=self._history.step),
            readings={at: self._reading(energy[at], at) for at in kept},
            first_told={at: self._reading(value, at) for at, value in sorted(wrong.items())},
        )

    def stands(self, direction: Direction) -> Register:
        counted = list(accumulate(self._history.energy(direction), initial=0))
        opening = self._opening(direction, counted)
        stands = [(opening + energy) % self._modulus for energy in counted]
        for at in self._at[FaultKind.RESET]:
            stands[at + 1 :] = [energy - counted[at] for energy in counted[at + 1 :]]
        for at in self._at[FaultKind.STALE]:
            stands[at + 1] = stands[at]
        return Register(
            code=f"{0x80 + direction:02X}",
            reading_type=self._type(_SUMMATION, direction),
            readings={
                at: self._snapshot(stands[at + 1], at)
                for at in range(-1, self._history.count)
                if at not in self._at[FaultKind.GAP]
            },
            first_told={},
        )

    def power(self) -> Register:
        """Return the net power at the end of every interval."""
        return Register(
            code="C1",
            reading_type=ReadingType(
                accumulation_behaviour=_INSTANTANEOUS,
                commodity=_ELECTRICITY,
                flow_direction=Direction.IMPORT.value,
                kind=_POWER,
                uom=_WATTS,
            ),
            readings={
                at: self._snapshot(watts, at)
                for at, watts in enumerate(self._history.net_watts)
                if at not in self._at[FaultKind.GAP]
            },
            first_told={},
        )

    def _opening(self, direction: Direction, counted: list[int]) -> int:
        """Return the stand before the first interval; with a rollover to come, it is so near the end."""
        for at in self._at[FaultKind.ROLLOVER] if direction is Direction.IMPORT else ():
            half = (self._history.imported[at] + 1) // 2
            return (self._modulus - counted[at] - half) % self._modulus
        premises = self._history.premises
        dice = Dice("stand", premises.number, direction.value, seed=self._seed)
        return dice.between(1_000, min(20_000_000, self._modulus // 50))

    def _busier(self, at: int) -> Direction:
        """Return the direction in which more energy flowed."""
        given = self._history.exported[at] > self._history.imported[at]
        return Direction.EXPORT if given else Direction.IMPORT

    @property
    def _connection_energy(self) -> int:
        return self._history.premises.connection_watts * self._history.step // 3600

    def _instant(self, interval: int) -> int:
        """Return when an interval begins by the meter's own clock."""
        ahead = sum(max(0, interval - at) * DRIFT_SECONDS for at in self._at[FaultKind.DRIFT])
        return self._history.begins(interval) + ahead

    def _reading(self, watt_hours: int, at: int) -> Reading:
        start = self._instant(at)
        period = TimePeriod(start=start, duration=self._instant(at + 1) - start)
        return Reading(value=watt_hours, time_period=period, quality_flags=VALID)

    def _snapshot(self, value: int, at: int) -> Reading:
        period = TimePeriod(start=self._instant(at + 1), duration=0)
        return Reading(value=value, time_period=period, quality_flags=VALID)

    @staticmethod
    def _type(behaviour: int, direction: Direction, *, interval_length: int | None = None) -> ReadingType:
        return ReadingType(
            accumulation_behaviour=behaviour,
            commodity=_ELECTRICITY,
            flow_direction=direction.value,
            interval_length=interval_length,
            kind=_ENERGY,
            uom=UOM_WATT_HOURS,
        )
