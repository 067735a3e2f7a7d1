"""EnergyTradeDelivery of the branch p2p-trading: what has been delivered of one line of an order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from schemas import iris
from trading.mapping.find import Json, find_objects, without_none

_CUT: Final = ("curtailedQuantity", "curtailmentReason")
_FLOWS: Final = (("consumedEnergy", "targetReading"), ("producedEnergy", "sourceReading"))


def write_line_delivery(delivery: Mapping[str, Any], cut: Mapping[str, Any]) -> Json:
    """Return a delivery as p2p-trading tells that of a line; `cut` is what is told of a curtailment."""
    rows = find_objects(delivery, "meterReadings")
    return {
        "@context": iris.P2P_DELIVERY_CONTEXT,
        "@type": iris.ENERGY_TRADE_DELIVERY,
        "deliveryStatus": delivery["deliveryStatus"],
        "deliveryMode": delivery["deliveryMode"],
        "deliveredQuantity": delivery["deliveredQuantity"],
        "meterReadings": [_reading(before, row) for before, row in pairwise(rows)],
        "lastUpdated": delivery["lastUpdated"],
        **{key: cut[key] for key in _CUT if key in cut},
    }


def _reading(before: Mapping[str, Any], row: Mapping[str, Any]) -> Json:
    """Return what both meters counted since the row before, and what of it counts for the line."""
    window = {
        "@type": "beckn:TimePeriod",
        "schema:startTime": before["timestamp"],
        "schema:endTime": row["timestamp"],
    }
    counted = {told: _since(before, row, key) for told, key in _FLOWS}
    return {
        "beckn:timeWindow": window,
        **without_none(counted),
        "allocatedEnergy": row["energyFlow"],
        "unit": "kWh",
    }


def _since(before: Mapping[str, Any], row: Mapping[str, Any], key: str) -> Decimal | None:
    """Return what a meter counted between two rows, None of one that told nothing."""
    if key not in row:
        return None
    return max(Decimal(0), Decimal(row[key]) - Decimal(before.get(key, 0)))
