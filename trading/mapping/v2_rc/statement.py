"""What a utility says of a trade unasked: it stands in the attributes of the order's line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas import iris
from trading.mapping.find import Json, find_object, find_objects

_LINES: Final = "beckn:orderItems"
_ATTRIBUTES: Final = "beckn:orderItemAttributes"
_DELIVERY: Final = "fulfillmentAttributes"


def write_statement(order: Mapping[str, Any], bag: Mapping[str, Any], *, meter: str) -> Json:
    """Return an order with what is said of it; `meter` is the provider's."""
    provider = {"@context": iris.P2P_CUSTOMER_CONTEXT, "@type": iris.ENERGY_CUSTOMER, "meterId": meter}
    attributes = {
        "@context": iris.P2P_ORDER_ITEM_CONTEXT,
        "@type": iris.ENERGY_ORDER_ITEM,
        "providerAttributes": provider,
        _DELIVERY: dict(bag),
    }
    return dict(order) | {_LINES: [find_object(order, _LINES, 0) | {_ATTRIBUTES: attributes}]}


def find_statements(order: Mapping[str, Any]) -> list[Json]:
    """Return where something may be said of an order's delivery."""
    return [find_object(line, _ATTRIBUTES, _DELIVERY) for line in find_objects(order, _LINES)]
