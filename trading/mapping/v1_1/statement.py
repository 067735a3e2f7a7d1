"""What a utility says of a trade unasked: a fulfilment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading.mapping.find import Json, find_object, find_objects


def write_statement(order: Mapping[str, Any], bag: Mapping[str, Any], *, meter: str) -> Json:
    """Return an order with what is said of it; the provider's `meter` has no place there."""
    del meter
    said = {
        "id": f"statement-{order['id']}",
        "type": "STATEMENT",
        "state": {"descriptor": {"code": bag["deliveryStatus"]}},
        "deliveryAttributes": dict(bag),
    }
    return dict(order) | {"fulfillments": [*find_objects(order, "fulfillments"), said]}


def find_statements(order: Mapping[str, Any]) -> list[Json]:
    """Return where something may be said of an order's delivery."""
    return [find_object(entry, "deliveryAttributes") for entry in find_objects(order, "fulfillments")]
