"""What the sampled values of a charging station say of energy.

Sources: OCPP 1.6 (edition 2) 7.26 to 7.43 MeterValue, SampledValue, Measurand, Location, Phase, Unit;
OCPP 2.0.1 part 2, 2.30 and 2.43 MeterValueType, SampledValueType. What is missing has the default that
both versions give it: Energy.Active.Import.Register, Outlet, Wh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import reduce
from typing import Any, Final

from metering.documents import Reading, TimePeriod
from metering.energy import MAX_WATT_HOURS, Direction
from metering.sources.file_line import RegisterName

_DEFAULT: Final = "Energy.Active.Import.Register"
_MEASURANDS: Final[Mapping[str, tuple[Direction, bool]]] = {
    _DEFAULT: (Direction.IMPORT, True),
    "Energy.Active.Import.Interval": (Direction.IMPORT, False),
    "Energy.Active.Export.Register": (Direction.EXPORT, True),
    "Energy.Active.Export.Interval": (Direction.EXPORT, False),
}
"""The measurands that are energy of one direction, each with whether it is the stand of a register."""
_CONTEXTS: Final = frozenset(
    {
        "Interruption.Begin", "Interruption.End", "Other", "Sample.Clock", "Sample.Periodic",
        "Transaction.Begin", "Transaction.End", "Trigger",
    }
)  # fmt: skip
_LOCATIONS: Final = frozenset({"Outlet", "Inlet"})
_PHASES: Final = {f"L{number}{to}": number for number in (1, 2, 3) for to in ("", "-N")}
_UNITS: Final = {"Wh": 0, "kWh": 3}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,12})?")
_GREATEST_MULTIPLIER: Final = 9
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_THREE: Final = 3


class ValueRefused(ValueError):
    """A sampled value says nothing that can be taken; `code` says why in a word."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Sample:
    """Energy that a station states: of the whole connection or of one phase. Units: Wh, exact."""

    direction: Direction
    is_stand: bool
    location: str
    phase: int | None
    watt_hours: Decimal


def readings_of(
    meter_values: Iterable[Any], *, interval_seconds: int | None
) -> list[tuple[RegisterName, Reading]]:
    """Return what the meter values of one message say of energy; other measurands are passed over.

    A stand belongs to its instant, cut to the second; where several of a register fall into one second,
    the last of them stands for it. Interval energy needs `interval_seconds`, which no message states,
    and of one register at one second there may be only one amount of it. Raises: ValueRefused.
    """
    found: dict[tuple[RegisterName, int], tuple[datetime, Reading]] = {}
    for meter_value in meter_values:
        members = _object(meter_value, "a meterValue")
        taken_at = _instant(members.get("timestamp"))
        sampled = members.get("sampledValue")
        if not isinstance(sampled, list):
            raise ValueRefused("SAMPLED_VALUE", "a meterValue has no list sampledValue")
        samples = [sample for each in sampled if (sample := _sample(_object(each, "a sampledValue")))]
        for sample in _totals(samples):
            register = RegisterName(sample.location, sample.direction, sample.is_stand)
            reading = _reading(sample, taken_at, interval_seconds)
            key = register, (taken_at - _EPOCH) // _SECOND
            before = found.get(key)
            if before is not None and not sample.is_stand and before[1] != reading:
                raise ValueRefused("TWO_VALUES", "it says two amounts of energy of one interval")
            if before is None or before[0] <= taken_at:
                found[key] = taken_at, reading
    return [(register, reading) for (register, _), (_, reading) in found.items()]


def _object(value: Any, what: str) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise ValueRefused("SAMPLED_VALUE", f"{what} is no object")
    return value


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueRefused("TIME_UNREADABLE", f"{str(value)[:40]!r} is no timestamp") from None
    if instant.tzinfo is None:
        raise ValueRefused("LOCAL_TIME", f"{str(value)[:40]} has no offset")
    return instant


def _sample(value: Mapping[str, Any]) -> Sample | None:
    measurand = str(value.get("measurand", _DEFAULT))
    if measurand not in _MEASURANDS:
        return None
    direction, is_stand = _MEASURANDS[measurand]
    if value.get("format") == "SignedData" or "signedMeterValue" in value:
        raise ValueRefused("SIGNED_VALUE", "the value is signed, and nobody here can check that signature")
    _check(value, "context", _CONTEXTS, "Sample.Periodic")
    location = _check(value, "location", _LOCATIONS, "Outlet")
    phase = value.get("phase")
    if phase is not None and phase not in _PHASES:
        raise ValueRefused("ONE_PHASE", f"energy on phase {str(phase)[:20]!r} is no part of a sum")
    return Sample(direction, is_stand, location, _PHASES.get(str(phase)), _watt_hours(value))


def _check(value: Mapping[str, Any], name: str, known: frozenset[str], default: str) -> str:
    stated = str(value.get(name, default))
    if stated not in known:
        raise ValueRefused(name.upper(), f"{name} {stated[:40]!r} is none of {', '.join(sorted(known))}")
    return stated


def _watt_hours(value: Mapping[str, Any]) -> Decimal:
    stated, exponent = value.get("value"), 0
    if isinstance(stated, bool) or not isinstance(stated, str | int | Decimal):
        raise ValueRefused("NO_VALUE", "the sampledValue has no value")
    written = format(stated, "f") if isinstance(stated, Decimal) else str(stated).strip()
    if not _NUMBER.fullmatch(written):
        raise ValueRefused("NO_VALUE", f"{written[:40]!r} is no plain decimal number")
    unit = value.get("unit", "Wh")
    if isinstance(of_measure := value.get("unitOfMeasure"), dict):  # OCPP 2.0.1
        unit, exponent = of_measure.get("unit", "Wh"), of_measure.get("multiplier", 0)
    if unit not in _UNITS:
        raise ValueRefused("NOT_WATT_HOURS", f"{str(unit)[:20]!r} is neither Wh nor kWh")
    if type(exponent) is not int or abs(exponent) > _GREATEST_MULTIPLIER:
        raise ValueRefused("MULTIPLIER", f"{str(exponent)[:20]!r} is no power of ten from -9 to 9")
    watt_hours = Decimal(written).scaleb(exponent + _UNITS[unit], _EXACT)
    if watt_hours < 0:
        raise ValueRefused("NEGATIVE", f"{written[:40]} is negative; energy the other way is Export")
    if watt_hours > MAX_WATT_HOURS:
        raise ValueRefused("TOO_LARGE", f"{written[:40]} {unit} is more than any meter counts")
    return watt_hours


def _totals(samples: list[Sample]) -> list[Sample]:
    """Return the samples of the whole connection, summed up where only all three phases are stated.

    Raises: ValueRefused.
    """
    groups: dict[tuple[Direction, bool, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.direction, sample.is_stand, sample.location), []).append(sample)
    totals: list[Sample] = []
    for (direction, is_stand, location), group in groups.items():
        whole = [sample for sample in group if sample.phase is None]
        phases = {sample.phase: sample.watt_hours for sample in group if sample.phase is not None}
        if whole:
            totals += whole
        elif len(phases) == len(group) == _THREE:
            totals.append(Sample(direction, is_stand, location, None, reduce(_EXACT.add, phases.values())))
        else:
            raise ValueRefused("ONE_PHASE", "some phases alone are not the energy of the connection")
    return totals


def _reading(sample: Sample, taken_at: datetime, interval_seconds: int | None) -> Reading:
    second = (taken_at - _EPOCH) // _SECOND
    if sample.is_stand:  # rounded down, as of every register, so that no Wh is counted twice
        return Reading(value=int(sample.watt_hours // 1), time_period=TimePeriod(start=second, duration=0))
    if interval_seconds is None:
        raise ValueRefused(
            "INTERVAL_UNKNOWN", "no message says how long an interval is: say it by --interval"
        )
    if sample.watt_hours % 1:
        raise ValueRefused("FINER_THAN_WATT_HOUR", f"{sample.watt_hours} Wh is finer than 1 Wh")
    period = TimePeriod(start=second - interval_seconds, duration=interval_seconds)
    return Reading(value=int(sample.watt_hours), time_period=period)
