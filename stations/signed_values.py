"""Meter values with signatures: what is plain, what is signed, what the meter vouches for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.clock import parse_instant
from metering.documents import Reading, TimePeriod
from metering.doubt import Doubt, Reason
from metering.energy import Direction
from metering.sources.file_line import RegisterName
from metering.sources.ocpp_values import ValueRefused
from stations.ocmf import MeterKey, RecordRefused, read_record

Found = tuple[RegisterName, Reading]
"""A reading, with the register that it is of."""

_BY_REGISTER: Final[Mapping[str, Direction]] = {
    "Energy.Active.Import.Register": Direction.IMPORT,
    "Energy.Active.Export.Register": Direction.EXPORT,
}
_DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COARSEST: Final = 10
"""Wh: a value that is written beside a signed one may be rounded to a hundredth of a kWh."""


def second_of(at: datetime) -> int:
    """Return the second of an instant, since 1970."""
    return (at - _EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed record as it was sent, and the direction of the register that it was sent for."""

    record: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a meter vouches for at a `second`, by direction: nothing against it, or a doubt.

    `plain` are readings that count as they are told, unless they are doubted; `signed` are as the meter
    signed them. `untold` says what is wrong with records that have no value beside them.
    """

    second: int
    plain: Sequence[Found]
    signed: Sequence[Found]
    verdicts: Mapping[Direction, Doubt | None]
    untold: Sequence[str]


def parted(meter_value: Mapping[str, Any]) -> tuple[dict[str, Any], list[Signed]]:
    """Return a meter value with its plain stands of registers at the outlet only, and their signed records.

    OCPP 1.6 writes a record in place of a value, 2.0.1 beside it.
    """
    plain: list[dict[str, Any]] = []
    signed: list[Signed] = []
    for each in meter_value["sampledValue"]:
        direction = _BY_REGISTER.get(each.get("measurand", _DEFAULT_MEASURAND))
        if direction is None or each.get("location", "Outlet") != "Outlet":
            continue
        if each.get("format") == "SignedData":
            signed.append(Signed(str(each["value"]), direction))
            continue
        if "signedMeterValue" in each:
            signed.append(Signed(str(each["signedMeterValue"]["signedMeterData"]), direction))
        plain.append({name: value for name, value in each.items() if name != "signedMeterValue"})
    return {**meter_value, "sampledValue": plain}, signed


def vouched(found: Sequence[Found], signed: Sequence[Signed], *, at: str, key: MeterKey) -> Vouched:
    """Return what of a meter value its meter vouches for.

    A record without a plain value beside it is a reading itself; a value of the other direction that is
    sent without a record is none of the records' business. Raises: ValueRefused, of no instant.
    """
    second, told = _second(at), {each[0].direction: each for each in found}
    stands, refused = _stands(signed, key)
    sent_for = {each.direction for each in signed} | (stands.keys() if not told else set())
    verdicts = {one: refused or _contradiction(told.get(one), stands.get(one)) for one in sent_for}
    good = [one for one, doubt in verdicts.items() if doubt is None]
    return Vouched(
        second,
        plain=[each for each in found if each[0].direction not in good],
        signed=[_stand(one, stands[one], second) for one in good],
        verdicts=verdicts,
        untold=[doubt.sentence for one, doubt in verdicts.items() if doubt and one not in told],
    )


def _second(at: str) -> int:
    try:
        return second_of(parse_instant(at))
    except ValueError as error:
        raise ValueRefused("TIME_UNREADABLE", str(error)) from error


def _stands(signed: Sequence[Signed], key: MeterKey) -> tuple[dict[Direction, Decimal], Doubt | None]:
    """Return what all records say, nothing as soon as one cannot be believed, and why."""
    stands: dict[Direction, Decimal] = {}
    try:
        for each in signed:
            stands |= read_record(each.record, key=key)
    except RecordRefused as error:
        return {}, Doubt(Reason.SIGNATURE_INVALID, str(error))
    return stands, None


def _contradiction(told: Found | None, stand: Decimal | None) -> Doubt | None:
    """Return what is wrong between a plain value, if there is one, and what is signed, if anything is."""
    if stand is None:
        return Doubt(Reason.SIGNED_OTHERWISE, "the signed record says nothing of this register")
    value = None if told is None else told[1].value
    if value is None or abs(value - stand) <= COARSEST:
        return None
    sentence = f"the value says {value} Wh, and the meter has signed {stand.normalize():f} Wh"
    return Doubt(Reason.SIGNED_OTHERWISE, sentence)


def _stand(direction: Direction, watt_hours: Decimal, second: int) -> Found:
    """Return a stand, rounded down as every register's is."""
    period = TimePeriod(start=second, duration=0)
    return RegisterName("Outlet", direction, True), Reading(value=int(watt_hours // 1), time_period=period)
