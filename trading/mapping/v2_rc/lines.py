"""Orders of several lines: taken apart into orders of one line each, and put together again.

A line says in a bag of its own what an order of one line says in its attributes; so with its delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas import iris
from trading.fields import Field
from trading.mapping.bags.line import line_bag, own_bag
from trading.mapping.bags.line_delivery import write_line_delivery
from trading.mapping.find import Json, find_object, find_objects, find_text
from trading.mapping.v2_rc.paths import PATHS
from trading.order_lines import require_few

_LINES: Final = "beckn:orderItems"
_BAG: Final = "beckn:orderAttributes"
_VALUE: Final = "beckn:orderValue"
_OFFERS: Final = "beckn:acceptedOffers"
_ATTRIBUTES: Final = "beckn:orderItemAttributes"
_FULFILLMENT: Final = "beckn:fulfillment"
_DELIVERY: Final = "beckn:deliveryAttributes"
_CONTRACT: Final = "beckn:contractAttributes"
_LINE_ID: Final = "beckn:lineId"


def split_order(order: Mapping[str, Any]) -> list[Json]:
    """Return an order of one line for each line.

    Of one line, which has no bag of its own, it is the order itself. Raises: FieldInvalid.
    """
    lines = find_objects(order, _LINES)
    require_few(len(lines), path=PATHS[Field.ITEMS])
    if len(lines) < 2 and not find_object(lines, 0, _CONTRACT):
        return [dict(order)]
    return [_alone(order, line) for line in lines]


def join_order(whole: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Json:
    """Return `whole`, which speaks of all lines together, with the lines of orders of one line each."""
    joined = [_line(number, each) for number, each in enumerate(lines, start=1)]
    return dict(whole) | {_LINES: joined}


def _alone(order: Mapping[str, Any], line: Mapping[str, Any]) -> Json:
    own, delivery = find_object(line, _CONTRACT), find_object(line, _DELIVERY)
    price = find_object(line, "beckn:price")
    is_only = len(find_objects(order, _LINES)) == 1
    kept = {key: value for key, value in order.items() if key != _VALUE or is_only}
    if "beckn:acceptedOffer" in line:
        kept.pop(_OFFERS, None)
    ours: Json = {_LINES: [dict(line)], _BAG: line_bag(find_object(order, _BAG) | _offered(line), own)}
    if "value" in price:
        ours[_VALUE] = price
    if delivery:
        status = delivery.get("deliveryStatus")
        told = {"beckn:fulfillmentStatus": status} if isinstance(status, str) else {}
        ours[_FULFILLMENT] = find_object(order, _FULFILLMENT) | {_DELIVERY: delivery} | told
    return kept | ours


def _offered(line: Mapping[str, Any]) -> Json:
    """Return when the offer of a line has it delivered, if the buyer repeats that."""
    window = find_object(line, "beckn:acceptedOffer", "beckn:offerAttributes", "beckn:timeWindow")
    start, end = find_text(window, "schema:startTime"), find_text(window, "schema:endTime")
    return {"tradeStartTime": start, "tradeEndTime": end} if start and end else {}


def _line(number: int, order: Mapping[str, Any]) -> Json:
    line = find_object(order, _LINES, 0)
    bag, delivery = own_bag(find_object(order, _BAG)), find_object(order, _FULFILLMENT, _DELIVERY)
    further: Json = {_CONTRACT: bag} if bag else {}
    if delivery:
        further |= {_DELIVERY: delivery, _ATTRIBUTES: _attributes(line, bag, delivery)}
    return {_LINE_ID: line_id(number)} | line | further


def line_id(number: int) -> str:
    """Return the id of a line that its buyer gave none."""
    return f"line-{number}"


def _attributes(line: Mapping[str, Any], bag: Mapping[str, Any], delivery: Mapping[str, Any]) -> Json:
    """Return who provides the line and what has been delivered of it, over what the buyer sent there."""
    sent = find_object(line, _ATTRIBUTES)
    provider = {
        "@context": iris.P2P_CUSTOMER_CONTEXT,
        "@type": iris.ENERGY_CUSTOMER,
        "meterId": bag.get("sourceMeterId"),
    }
    preset = {
        "@context": iris.P2P_ORDER_ITEM_CONTEXT,
        "@type": iris.ENERGY_ORDER_ITEM,
        "providerAttributes": provider,
    }
    kept = sent if str(sent.get("@type")).endswith(iris.ENERGY_ORDER_ITEM) else {}
    cut = find_object(sent, "fulfillmentAttributes")
    return preset | kept | {"fulfillmentAttributes": write_line_delivery(delivery, cut)}
