"""Orders and criteria as buyers send them.

The message has passed the schema of its action; bags of attributes of other families have not, so
what is taken out of a bag is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kernel.clock import parse_instant
from kernel.energy import Energy
from trading.mapping.v2_rc.quantity import read_energy, read_quantity
from trading.refusals import FieldInvalid, FieldMissing, OneItemOnly, QuoteChanged, SearchUnsupported
from trading.request import Criteria, OrderRequest

_ORDER: Final = "$.message.order"
_LINE: Final = f"{_ORDER}['beckn:orderItems'][0]"
_BAG: Final = f"{_ORDER}['beckn:orderAttributes']"
_METER_SCHEME: Final = "der://meter/"
"""Older messages put this before an mRID."""


def read_order(message: Mapping[str, Any]) -> OrderRequest:
    """Return the order of a select, init, confirm or update.

    Raises: OneItemOnly, FieldInvalid, QuoteChanged.
    """
    order = message["order"]
    lines = order["beckn:orderItems"]
    if len(lines) > 1:
        raise OneItemOnly(
            f"the order has {len(lines)} items",
            path=f"{_ORDER}['beckn:orderItems']",
            hint="Order one item in a transaction; open another transaction for the next.",
        )
    line = lines[0]
    bag = order.get("beckn:orderAttributes", {})
    return OrderRequest(
        order_id=order.get("beckn:id"),
        seller=order["beckn:seller"],
        buyer_id=order["beckn:buyer"]["beckn:id"],
        resource_id=line["beckn:orderedItem"],
        offer_id=_offer_id(order, line),
        quantity=_quantity(line, bag),
        target_meter=_meter(bag),
        trade_start=_instant(bag, "tradeStartTime"),
        trade_end=_instant(bag, "tradeEndTime"),
        total=_total(order),
        currency=order.get("beckn:orderValue", {}).get("currency"),
        as_sent=order,
    )


def read_order_id(message: Mapping[str, Any]) -> str:
    """Return the order that a status or cancel is about. Raises: FieldMissing."""
    order_id = message["order"].get("beckn:id")
    if not order_id:
        raise FieldMissing("the message names no order", path=f"{_ORDER}['beckn:id']")
    return str(order_id)


def read_criteria(message: Mapping[str, Any]) -> Criteria:
    """Return what a discover looks for. Raises: SearchUnsupported."""
    for key, what in (("spatial", "by place"), ("media_search", "by picture, sound or film")):
        if message.get(key):
            raise SearchUnsupported(
                f"this platform does not search {what}",
                path=f"$.message.{key}",
                hint="Use text_search, or filters with a JSONPath.",
            )
    words = tuple(message.get("text_search", "").casefold().split())
    return Criteria(words=words, expression=message.get("filters", {}).get("expression"))


def _offer_id(order: Mapping[str, Any], line: Mapping[str, Any]) -> str | None:
    offers = [line["beckn:acceptedOffer"]] if "beckn:acceptedOffer" in line else []
    offers += order.get("beckn:acceptedOffers", [])
    ids = {offer["beckn:id"] for offer in offers}
    if len(ids) > 1:
        raise OneItemOnly("the order accepts several offers for one item", path=_LINE)
    return ids.pop() if ids else None


def _quantity(line: Mapping[str, Any], bag: Mapping[str, Any]) -> Energy | None:
    ordered = read_quantity(line.get("beckn:quantity", {}), path=f"{_LINE}['beckn:quantity']")
    if ordered is not None or "contractedQuantity" not in bag:
        return ordered
    return read_energy(bag["contractedQuantity"], path=f"{_BAG}.contractedQuantity")


def require_one_quantity(message: Mapping[str, Any]) -> None:
    """Raises: QuoteChanged, if line and contract of a new order are about different quantities."""
    order = message["order"]
    line, bag = order["beckn:orderItems"][0], order.get("beckn:orderAttributes", {})
    if "contractedQuantity" not in bag:
        return
    contracted = read_energy(bag["contractedQuantity"], path=f"{_BAG}.contractedQuantity")
    if _quantity(line, bag) != contracted:
        raise QuoteChanged(
            "beckn:quantity and contractedQuantity differ",
            path=f"{_BAG}.contractedQuantity",
            hint="Write the same quantity in both, or leave contractedQuantity out.",
        )


def _meter(bag: Mapping[str, Any]) -> str | None:
    meter = bag.get("targetMeterId")
    if meter is None:
        return None
    if not isinstance(meter, str):
        raise FieldInvalid("a meter is named by text", path=f"{_BAG}.targetMeterId")
    return meter.removeprefix(_METER_SCHEME)


def _instant(bag: Mapping[str, Any], key: str) -> datetime | None:
    if bag.get(key) is None:
        return None
    try:
        return parse_instant(bag[key])
    except (TypeError, ValueError, OverflowError) as error:
        raise FieldInvalid(
            "that is no instant",
            path=f"{_BAG}.{key}",
            hint="Write RFC 3339 with an offset, like 2026-01-09T10:00:00Z.",
        ) from error


def _total(order: Mapping[str, Any]) -> Decimal | None:
    value = order.get("beckn:orderValue", {}).get("value")
    return None if value is None else Decimal(value)
