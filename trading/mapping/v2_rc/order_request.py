"""Orders as buyers send them.

The message has passed the schema of its action; bags of attributes of other families have not, so
what is taken out of a bag is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kernel.energy import Energy
from schemas import iris
from trading.cancellation import NO_REASON, Reason
from trading.fields import Field
from trading.mapping.bags.charging_session import read_wish, write_wish
from trading.mapping.bags.proposal import read_answer as read_said
from trading.mapping.bags.proposal import write_said
from trading.mapping.bags.purchase_terms import read_asked_terms, write_asked_terms
from trading.mapping.bags.quantity import echo_quantity, read_quantity
from trading.mapping.bags.wishes import read_wishes, write_wishes
from trading.mapping.find import Json, find_object, find_objects, find_text, read_decimal, without_none
from trading.mapping.v2_rc.catalog import write_accepted_offer
from trading.mapping.v2_rc.lines import line_id
from trading.mapping.v2_rc.paths import PATHS, PROPOSAL, PURCHASE_TERMS
from trading.order_lines import MOST_LINES, NamedLine
from trading.proposal import Answer
from trading.refusals import FieldMissing, OneItemOnly, UpdateInconsistent
from trading.request import OrderRequest

_DELIVERY: Final = ("beckn:fulfillment", "beckn:deliveryAttributes")


def read_order(message: Mapping[str, Any]) -> OrderRequest:
    """Return the order of a select, init, confirm or update. Raises: OneItemOnly, FieldInvalid."""
    order = message["order"]
    lines = order["beckn:orderItems"]
    if len(lines) > 1:
        raise OneItemOnly(
            f"the order has {len(lines)} items",
            path=PATHS[Field.ITEMS],
            hint="Order one item in a transaction; open another transaction for the next.",
        )
    line = lines[0]
    wishes = read_wishes(find_object(order, "beckn:orderAttributes"), PATHS)
    wishes["buyer_utility"] = wishes["buyer_utility"] or _utility_of(order)
    ordered = read_quantity(line.get("beckn:quantity", {}), path=PATHS[Field.QUANTITY])
    value = find_object(order, "beckn:orderValue")
    return OrderRequest(
        order_id=order.get("beckn:id"),
        seller=order["beckn:seller"],
        buyer_id=order["beckn:buyer"]["beckn:id"],
        resource_id=line["beckn:orderedItem"],
        offer_id=_offer_id(order, line),
        quantity=wishes["contracted"] if ordered is None else ordered,
        total=read_decimal(value["value"], path=PATHS[Field.TOTAL]) if "value" in value else None,
        currency=value.get("currency"),
        as_sent=order,
        session=read_wish(find_object(order, *_DELIVERY)),
        **read_asked_terms(find_object(line, PURCHASE_TERMS), PATHS),
        **wishes,
    )


def write_order_request(request: OrderRequest) -> Json:
    """Return the message of a select, init, confirm or update, over what the buyer sent before."""
    sent = request.as_sent
    buyer = {"@context": iris.CORE_CONTEXT, "@type": "beckn:Buyer"} | find_object(sent, "beckn:buyer")
    value = without_none({"value": request.total, "currency": request.currency})
    bag = write_wishes(request, find_object(sent, "beckn:orderAttributes"))
    head = {"@context": iris.CORE_CONTEXT, "@type": "beckn:Order", "beckn:orderStatus": "CREATED"}
    ours = {
        "beckn:id": request.order_id,
        "beckn:seller": request.seller,
        "beckn:buyer": buyer | without_none({"beckn:id": request.buyer_id}),
        "beckn:orderItems": [_line(request)],
        "beckn:orderValue": (find_object(sent, "beckn:orderValue") | value) or None,
        "beckn:orderAttributes": bag or None,
        "beckn:fulfillment": _fulfillment(request),
    }
    return {"order": head | dict(sent) | without_none(ours)}


write_update = write_order_request


def read_order_id(message: Mapping[str, Any]) -> str:
    """Return the order that a status or cancel is about. Raises: FieldMissing."""
    order_id = message["order"].get("beckn:id")
    if not order_id:
        raise FieldMissing("the message names no order", path=PATHS[Field.REFERENCE])
    return str(order_id)


def write_order_id(request: OrderRequest) -> Json:
    """Return the message of a status or cancel of the order that `request` names."""
    return {"order": {"beckn:id": request.order_id}}


def read_answer(message: Mapping[str, Any]) -> Answer | None:
    """Return what an update says to a proposal, None if nothing."""
    return read_said(find_object(message, "order", "beckn:orderItems", 0, PROPOSAL))


def write_answer(request: OrderRequest, answer: Answer) -> Json:
    """Return the message of an update that answers a proposal."""
    message = write_order_request(request)
    message["order"]["beckn:orderItems"][0] |= {PROPOSAL: write_said(answer)}
    return message


def read_reason(_message: Mapping[str, Any]) -> Reason:
    """Return why an order is cancelled: this wire has no place for it."""
    return NO_REASON


def read_cancelled(message: Mapping[str, Any], sent: Mapping[str, Any]) -> list[NamedLine]:
    """Return which lines of an order a cancel names, none if it means all; `sent` is the order as it was.

    Raises: UpdateInconsistent.
    """
    told = [each.get("beckn:lineId") for each in find_objects(sent, "beckn:orderItems")]
    names = [name or line_id(number) for number, name in enumerate(told or [None] * MOST_LINES, start=1)]
    return [
        NamedLine(
            number=_number(line.get("beckn:lineId"), names),
            resource_id=line["beckn:orderedItem"],
            offer_id=find_text(line, "beckn:acceptedOffer", "beckn:id"),
        )
        for line in find_objects(message, "order", "beckn:orderItems")
    ]


def _number(name: str | None, names: Sequence[str]) -> int | None:
    """Return which line has that name, None if several have, or none is given. Raises: UpdateInconsistent."""
    if name and name not in names:
        raise UpdateInconsistent(
            f"the order has no line {name[:64]}",
            path=PATHS[Field.ITEMS],
            hint="Name lines by the beckn:lineId that on_init gave, or leave that out.",
        )
    return names.index(name) + 1 if name and names.count(name) == 1 else None


def write_cancel(request: OrderRequest, _reason: Reason) -> Json:
    """Return the message of a cancel of the order that `request` names."""
    return write_order_id(request)


def read_track(message: Mapping[str, Any]) -> str:
    """Return the order that is to be followed."""
    return str(message["tracking"]["id"])


def write_track(request: OrderRequest, *, callback_url: str) -> Json:
    """Return the message of a track of the order that `request` names."""
    return {"tracking": {"id": request.order_id, "callbackUrl": callback_url}}


def _utility_of(order: Mapping[str, Any]) -> str | None:
    return find_text(order, "beckn:buyer", "beckn:buyerAttributes", "utilityId")


def _offer_id(order: Mapping[str, Any], line: Mapping[str, Any]) -> str | None:
    offers = [line["beckn:acceptedOffer"]] if "beckn:acceptedOffer" in line else []
    offers += order.get("beckn:acceptedOffers", [])
    ids = {offer["beckn:id"] for offer in offers}
    if len(ids) > 1:
        raise OneItemOnly("the order accepts several offers for one item", path=PATHS[Field.OFFER])
    return ids.pop() if ids else None


def _fulfillment(request: OrderRequest) -> Json | None:
    """Return the fulfilment over what the buyer sent, with what is wanted of a session."""
    sent = find_object(request.as_sent, "beckn:fulfillment")
    if request.session is None:
        return sent or None
    preset = {"@context": iris.CORE_CONTEXT, "@type": "beckn:Fulfillment", "beckn:id": "session"}
    mode = {"beckn:mode": "RESERVATION"}
    return preset | mode | sent | {"beckn:deliveryAttributes": write_wish(request.session)}


def _line(request: OrderRequest) -> Json:
    line = next(iter(find_objects(request.as_sent, "beckn:orderItems")), {})
    ours = {
        "beckn:orderedItem": request.resource_id,
        "beckn:acceptedOffer": _accepted(request, find_object(line, "beckn:acceptedOffer")),
        "beckn:quantity": _quantity(request.quantity, find_object(line, "beckn:quantity")),
        PURCHASE_TERMS: write_asked_terms(request, find_object(line, PURCHASE_TERMS)),
    }
    return line | without_none(ours)


def _accepted(request: OrderRequest, sent: Json) -> Json | None:
    if request.offer_id is None:
        return sent or None
    accepted = write_accepted_offer(
        offer_id=request.offer_id,
        name="",
        provider_id=request.seller or "",
        resource_id=request.resource_id or "",
        attributes={},
    )
    del accepted["beckn:offerAttributes"]  # the seller knows its own terms
    return accepted | sent | {"beckn:id": request.offer_id}


def _quantity(quantity: Energy | None, sent: Json) -> Json | None:
    return None if quantity is None else echo_quantity(sent, quantity)
