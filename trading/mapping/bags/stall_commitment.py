"""EvChargingCommitment v1.0: what a driver asks for at a stall, and what the operator promises for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from kernel.clock import format_instant
from schemas import iris
from trading.charging.stall_terms import StallOffer
from trading.mapping.bags.amounts import read_instant
from trading.mapping.find import Json, find_object, read_decimal
from trading.refusals import FieldInvalid

_RESERVED: Final = "reservedStart"


class StallWishes(NamedTuple):
    """What a driver asks for: the power that its vehicle takes at most (kW), and the start it reserves."""

    vehicle_power: Decimal | None
    start: datetime | None


def read_stall_wishes(bag: Mapping[str, Any], *, path: str) -> StallWishes:
    """Return what a ChargingCommitment asks for; nothing of another bag. Raises: FieldInvalid."""
    told = find_object(bag, "vehicle").get("maxChargeKW")
    where = f"{path}.vehicle.maxChargeKW"
    power = None if told is None else read_decimal(told, path=where)
    if power is not None and power <= 0:
        raise FieldInvalid("a vehicle that is charged takes more power than nothing", path=where)
    return StallWishes(power, read_instant(bag, _RESERVED, path=f"{path}.{_RESERVED}"))


def write_stall_wishes(sent: Mapping[str, Any], *, vehicle_power: Decimal, start: datetime | None) -> Json:
    """Return the ChargingCommitment that asks for it, over what the buyer sent."""
    reserved = {} if start is None else {_RESERVED: format_instant(start)}
    vehicle = find_object(sent, "vehicle") | {"maxChargeKW": vehicle_power}
    return _named() | dict(sent) | {"vehicle": vehicle} | reserved


def write_promise(sent: Mapping[str, Any], stall: StallOffer, start: datetime) -> Json:
    """Return what was asked for with what the operator promises: its power, and about when it begins.

    A start that was reserved is kept for the grace; who walks in finds the stall free.
    """
    reserved = {} if stall.terms.reservation is None else {_RESERVED: format_instant(start)}
    begins = {"from": format_instant(start), "to": format_instant(start + stall.terms.grace)}
    ours = sent if sent.get("@type") == iris.CHARGING_COMMITMENT else {}
    quote = {"promisedKW": stall.promised, "estimatedStart": begins}
    return _named() | dict(ours) | reserved | {"quote": quote}


def _named() -> Json:
    return {"@context": iris.STALL_COMMITMENT_CONTEXT, "@type": iris.CHARGING_COMMITMENT}
