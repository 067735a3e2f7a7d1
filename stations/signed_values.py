"""Meter values with signatures: what is plain, what is signed, what the meter vouches for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

_BY_REGISTER: Final = frozenset({"Energy.Active.Import.Register", "Energy.Active.Export.Register"})
_DEFAULT_MEASURAND: Final = "Energy.Active.Import.Register"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COARSEST: Final = 10
"""Wh: a value that is written beside a signed one may be rounded to a hundredth of a kWh."""


def second_of(at: datetime) -> int:
    """Return the second of an instant, since 1970."""
    return (at - _EPOCH) // timedelta(seconds=1)


def parted(meter_value: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a meter value with its plain stands of registers at the outlet only, and their signed records.

    OCPP 1.6 writes a record in place of a value, 2.0.1 beside it.
    """
    plain: list[dict[str, Any]] = []
    signed: list[str] = []
    for each in meter_value["sampledValue"]:
        is_of_register = each.get("measurand", _DEFAULT_MEASURAND) in _BY_REGISTER
        if not is_of_register or each.get("location", "Outlet") != "Outlet":
            continue
        if each.get("format") == "SignedData":
            signed.append(str(each["value"]))
            continue
        if "signedMeterValue" in each:
            signed.append(str(each["signedMeterValue"]["signedMeterData"]))
        plain.append({name: value for name, value in each.items() if name != "signedMeterValue"})
    return {**meter_value, "sampledValue": plain}, signed


def vouched(
    found: Sequence[Found], signed: Sequence[str], *, at: str, key: MeterKey
) -> tuple[list[Found], int, Doubt | None]:
    """Return the readings of a meter value as its meter vouches for them, their second, and any doubt.

    A record without a plain value beside it is a reading itself. `at` was read before, with the plain
    values. Raises: ValueRefused, if nothing can be read at all.
    """
    second = second_of(parse_instant(at))
    stands: dict[Direction, Decimal] = {}
    try:
        for record in signed:
            stands |= read_record(record, key=key)
    except RecordRefused as error:
        if not found:
            raise ValueRefused("SIGNED_VALUE", str(error)) from error
        return list(found), second, Doubt(Reason.SIGNATURE_INVALID, str(error))
    if not found:
        return [_stand(direction, value, second) for direction, value in stands.items()], second, None
    doubt = next((doubt for each in found if (doubt := _contradiction(each, stands))), None)
    if doubt is not None:
        return list(found), second, doubt
    return [_as_signed(each, stands) for each in found], second, None


def _contradiction(each: Found, stands: Mapping[Direction, Decimal]) -> Doubt | None:
    register, reading = each
    stand = stands.get(register.direction)
    if stand is None:
        return Doubt(Reason.SIGNED_OTHERWISE, "the signed record says nothing of this register")
    if abs((reading.value or 0) - stand) > _COARSEST:
        sentence = f"the value says {reading.value} Wh, and the meter has signed {stand.normalize():f} Wh"
        return Doubt(Reason.SIGNED_OTHERWISE, sentence)
    return None


def _as_signed(each: Found, stands: Mapping[Direction, Decimal]) -> Found:
    register, reading = each
    return register, reading._replace(value=int(stands[register.direction] // 1))


def _stand(direction: Direction, watt_hours: Decimal, second: int) -> Found:
    """Return a stand, rounded down as every register's is."""
    period = TimePeriod(start=second, duration=0)
    return RegisterName("Outlet", direction, True), Reading(value=int(watt_hours // 1), time_period=period)
