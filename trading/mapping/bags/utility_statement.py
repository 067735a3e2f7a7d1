"""EnergyTradeDelivery of the branch p2p-trading as a utility writes it: what it cuts, what it allocates.

When a cut begins and why stand in the EnergyTradeOrder beside it, whose keys are free.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from kernel.plain_text import one_line
from schemas import iris
from trading.delivery import DeliveryStatus
from trading.fields import Field
from trading.grid_statement import (
    MOST_PERIODS,
    MOST_PLACES,
    Allocation,
    Allocations,
    UtilityStatement,
)
from trading.mapping.bags.curtailment import find_cut
from trading.mapping.bags.period import read_period, write_period
from trading.mapping.find import Json, find_object, find_objects, find_text, read_decimal, without_none
from trading.refusals import FieldInvalid

_CUT: Final = "curtailedQuantity"
_DELIVERED: Final = "deliveredQuantity"
_READINGS: Final = "meterReadings"
_SINCE: Final = "curtailedFrom"
_NOTE: Final = "curtailmentNote"
_WATT_HOURS: Final = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}
_LONGEST_NOTE: Final = 200


def write_statement_bag(said: UtilityStatement) -> Json:
    """Return what is said as an EnergyTradeDelivery."""
    told, cut = said.allocations, said.cut
    bag: Json = {
        "@context": iris.P2P_DELIVERY_CONTEXT,
        "@type": iris.ENERGY_TRADE_DELIVERY,
        "deliveryStatus": DeliveryStatus.IN_PROGRESS.value,
        "lastUpdated": format_instant(said.said_at),
    }
    if cut is not None:
        bag |= {_CUT: cut.quantity.kilowatt_hours, "curtailmentReason": cut.reason.value}
    if told is not None:
        bag |= {} if told.delivered is None else {_DELIVERED: told.delivered.kilowatt_hours}
        bag |= {_READINGS: [_write_allocation(each) for each in told.by_period]}
    return bag


def write_when_and_why(said: UtilityStatement) -> Json:
    """Return from when on something is cut and why, for the attributes of the order."""
    since = None if said.since is None else format_instant(said.since)
    return without_none({_SINCE: since, _NOTE: said.note or None})


def find_statement(bags: Iterable[Json]) -> Json:
    """Return as one the bags that say of a cut or a delivery, the first word of each key; empty if none.

    Raises: FieldInvalid, if they are too many.
    """
    telling = [bag for bag in bags if {_CUT, _DELIVERED, _READINGS} & bag.keys()]
    _require_few(len(telling), "places", most=MOST_PLACES)
    return dict(ChainMap(*telling))


def read_statement_bag(
    bag: Mapping[str, Any], beside: Mapping[str, Any], *, order_id: str, said_at: datetime
) -> UtilityStatement:
    """Return what a bag says, with the order's attributes `beside` it.

    `said_at` is when the message was written, for a bag that does not say. Raises: LookupError, TypeError,
    ValueError, FieldInvalid.
    """
    at = parse_instant(bag["lastUpdated"]) if "lastUpdated" in bag else said_at
    since = find_text(beside, _SINCE)
    return UtilityStatement(
        order_id=order_id,
        said_at=at,
        cut=find_cut([bag]) if bag.get(_CUT) else None,
        since=None if since is None else parse_instant(since),
        note=one_line(find_text(beside, _NOTE) or "")[:_LONGEST_NOTE],
        allocations=_read_allocations(bag, at=at),
    )


def _write_allocation(each: Allocation) -> Json:
    told = {
        "consumedEnergy": each.consumed,
        "producedEnergy": each.produced,
        "allocatedEnergy": each.allocated,
    }
    return {
        "beckn:timeWindow": write_period(each.period),
        **{key: energy.kilowatt_hours for key, energy in told.items() if energy is not None},
        "unit": "kWh",
    }


def _read_allocations(bag: Mapping[str, Any], *, at: datetime) -> Allocations | None:
    rows = find_objects(bag, _READINGS)
    _require_few(len(rows), "periods", most=MOST_PERIODS)
    if not rows and (_DELIVERED not in bag or bag.get(_CUT)):
        return None
    delivered = _watt_hours(bag, _DELIVERED, per=_WATT_HOURS["kWh"])
    by_period = sorted((_read_allocation(row) for row in rows), key=lambda each: each.period)
    return Allocations(said_at=at, delivered=delivered, by_period=tuple(by_period))


def _require_few(count: int, what: str, *, most: int) -> None:
    if count > most:
        raise FieldInvalid(
            f"a statement tells of {most} {what} at most, and not of {count}",
            path=Field.ORDER,
            hint="Tell the rest in a message of its own.",
        )


def _read_allocation(row: Mapping[str, Any]) -> Allocation:
    per = _WATT_HOURS[row["unit"]]
    allocated = _watt_hours(row, "allocatedEnergy", per=per)
    if allocated is None:
        raise LookupError("allocatedEnergy")
    return Allocation(
        period=read_period(find_object(row, "beckn:timeWindow")),
        allocated=allocated,
        consumed=_watt_hours(row, "consumedEnergy", per=per),
        produced=_watt_hours(row, "producedEnergy", per=per),
    )


def _watt_hours(told: Mapping[str, Any], key: str, *, per: int) -> Energy | None:
    """Return the whole Wh of an amount, None if it is not told; a share may be finer than that."""
    if key not in told:
        return None
    exact = read_decimal(told[key], path=key) * Decimal(per)
    return Energy(int(exact.to_integral_value(rounding=ROUND_FLOOR)))
