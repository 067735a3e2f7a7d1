"""Orders as buyers send them.

The schema asks for hardly anything, and for nothing in the contract that rides as `orderAttributes`:
what is missing is left open, and what is there is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.energy import Energy
from trading.cancellation import Reason
from trading.fields import Field
from trading.mapping.bags.amounts import plain
from trading.mapping.bags.charging_session import read_wish, write_wish
from trading.mapping.bags.proposal import read_answer as read_said
from trading.mapping.bags.proposal import write_said
from trading.mapping.bags.purchase_terms import read_asked_terms
from trading.mapping.bags.wishes import read_wishes, write_wishes
from trading.mapping.find import (
    Json,
    find,
    find_object,
    find_objects,
    find_text,
    read_decimal,
    without_none,
)
from trading.mapping.v1_1.measure import echo_measure, read_measure
from trading.mapping.v1_1.paths import PATHS
from trading.mapping.v1_1.payment import payment_sent, read_timing, write_timing
from trading.mapping.v1_1.tags import PROPOSAL, PURCHASE_TERMS, find_facts, write_tags
from trading.order_lines import NamedLine
from trading.proposal import Answer
from trading.refusals import FieldMissing, OneItemOnly, UpdateTargetInvalid
from trading.request import OrderRequest, SessionWish

_STATES: Final = {"start-charging": SessionWish.START, "end-charging": SessionWish.STOP}
"""What the state of a fulfilment wants of a session."""

_CHANGEABLE: Final = ("order.fulfillments[0].state", "order.items", "order.orderAttributes", "items", "item")
"""How an update names what of an order can be changed."""


def read_order(message: Mapping[str, Any]) -> OrderRequest:
    """Return the order of a select, init, confirm or update.

    Raises: OneItemOnly, FieldInvalid, UpdateTargetInvalid.
    """
    order = message["order"]
    _require_known_target(message)
    _require_one(order)
    wishes = read_wishes(find_object(order, "orderAttributes"), PATHS)
    measure = find_object(order, "items", 0, "quantity", "selected", "measure")
    selected = read_measure(measure, path=PATHS[Field.QUANTITY])
    total = find(order, "quote", "price", "value")
    return OrderRequest(
        order_id=find_text(order, "id"),
        seller=find_text(order, "provider", "id"),
        buyer_id=find_text(order, "fulfillments", 0, "customer", "person", "id"),
        resource_id=find_text(order, "items", 0, "id"),
        offer_id=find_text(order, "offers", 0, "id"),
        quantity=wishes["contracted"] if selected is None else selected,
        total=None if total is None else read_decimal(total, path=PATHS[Field.TOTAL]),
        currency=find_text(order, "quote", "price", "currency"),
        as_sent=order,
        session=_read_wish(find_object(order, "fulfillments", 0)),
        **read_asked_terms(find_facts(order, group=PURCHASE_TERMS) | _payment_asked(order), PATHS),
        **wishes,
    )


def write_order_request(request: OrderRequest) -> Json:
    """Return the message of a select, init, confirm or update, over what the buyer sent before."""
    sent = request.as_sent
    ours = {
        "id": request.order_id,
        "provider": _identified(find_object(sent, "provider"), request.seller),
        "items": _first(sent, "items", _item(request)),
        "offers": _first(sent, "offers", without_none({"id": request.offer_id})),
        "fulfillments": _first(sent, "fulfillments", _receiver(request) | _wanted(request)),
        "quote": _quote(request) or None,
        "payments": _first(sent, "payments", write_timing(request.payment, payment_sent(sent))),
        "tags": _tags(request),
        "orderAttributes": write_wishes(request, find_object(sent, "orderAttributes")) or None,
    }
    return {"order": dict(sent) | without_none(ours)}


def write_update(request: OrderRequest) -> Json:
    """Return the message of an update: of an order, what is bought can be changed, or its session."""
    target = "order.items" if request.session is None else "order.fulfillments[0].state"
    return {"update_target": target} | write_order_request(request)


def read_order_id(message: Mapping[str, Any]) -> str:
    """Return the order that a status or cancel is about. Raises: FieldMissing."""
    order_id = find_text(message, "order_id")
    if not order_id:
        raise FieldMissing("the message names no order", path=PATHS[Field.REFERENCE])
    return order_id


def write_order_id(request: OrderRequest) -> Json:
    """Return the message of a status or cancel of the order that `request` names."""
    return {"order_id": request.order_id}


def read_answer(message: Mapping[str, Any]) -> Answer | None:
    """Return what an update says to a proposal, None if nothing."""
    return read_said(find_facts(find_object(message, "order"), group=PROPOSAL))


def write_answer(request: OrderRequest, answer: Answer) -> Json:
    """Return the message of an update that answers a proposal."""
    message = write_update(request)
    message["order"] |= {"tags": [write_tags(PROPOSAL, write_said(answer))]}
    return message


def read_reason(message: Mapping[str, Any]) -> Reason:
    """Return why an order is cancelled: a code and words, where the message has them."""
    said = find_text(message, "descriptor", "short_desc") or find_text(message, "descriptor", "name")
    words = said or find_text(message, "descriptor", "long_desc")
    return Reason.told(find_text(message, "cancellation_reason_id"), words)


def read_cancelled(_message: Mapping[str, Any], _sent: Mapping[str, Any]) -> list[NamedLine]:
    """Return the lines that a cancel names: on this wire it means all of them."""
    return []


def write_cancel(request: OrderRequest, reason: Reason) -> Json:
    """Return the message of a cancel of the order that `request` names."""
    words = {"descriptor": {"short_desc": reason.words}} if reason.words else {}
    code = {"cancellation_reason_id": reason.code} if reason.code else {}
    return write_order_id(request) | code | words


read_track = read_order_id


def write_track(request: OrderRequest, *, callback_url: str) -> Json:
    """Return the message of a track of the order that `request` names."""
    return {"order_id": request.order_id, "callback_url": callback_url}


def _read_wish(fulfillment: Mapping[str, Any]) -> SessionWish | None:
    code = find_text(fulfillment, "state", "descriptor", "code") or ""
    return _STATES.get(code) or read_wish(find_object(fulfillment, "deliveryAttributes"))


def _wanted(request: OrderRequest) -> Json:
    """Return the part of the fulfilment that wants something of a session."""
    if request.session is None:
        return {}
    code = next(code for code, wish in _STATES.items() if wish is request.session)
    return {"state": {"descriptor": {"code": code}}, "deliveryAttributes": write_wish(request.session)}


def _require_known_target(message: Mapping[str, Any]) -> None:
    """Raises: UpdateTargetInvalid, if all that is to be updated is something that cannot be."""
    if "update_target" not in message:
        return
    targets = str(message["update_target"]).split(",")
    if not any(target.strip().startswith(_CHANGEABLE) for target in targets):
        raise UpdateTargetInvalid(
            "only the quantity can be changed", path="$.message.update_target", hint="Name order.items there."
        )


def _require_one(order: Mapping[str, Any]) -> None:
    for key, field in (("items", Field.ITEMS), ("offers", Field.OFFER)):
        count = len(find_objects(order, key))
        if count > 1:
            raise OneItemOnly(
                f"the order has {count} {key}",
                path=PATHS[field],
                hint="Order one item on one offer in a transaction; open another transaction for the next.",
            )


def _first(sent: Mapping[str, Any], key: str, ours: Json) -> list[Json] | None:
    """Return the list with `ours` over its first entry; None if there is nothing to say."""
    entries = find_objects(sent, key) or [{}]
    first = entries[0] | ours
    return [first, *entries[1:]] if first else None


def _identified(sent: Json, identifier: str | None) -> Json | None:
    return (sent | without_none({"id": identifier})) or None


def _item(request: OrderRequest) -> Json:
    sent = find_object(request.as_sent, "items", 0, "quantity")
    return without_none({"id": request.resource_id, "quantity": _quantity(request.quantity, sent)})


def _quantity(quantity: Energy | None, sent: Json) -> Json | None:
    if quantity is None:
        return None
    measure = find_object(sent, "selected", "measure")
    return sent | {"selected": find_object(sent, "selected") | {"measure": echo_measure(measure, quantity)}}


def _payment_asked(order: Mapping[str, Any]) -> Json:
    """Return when the order is to be paid in the words that other generations have for it."""
    timing = read_timing(order)
    return {} if timing is None else {"payment": timing.name}


def _tags(request: OrderRequest) -> list[Json] | None:
    """Return the tags that the buyer sent, with the code that it names."""
    sent = find_objects(request.as_sent, "tags")
    if request.code is None:
        return sent or None
    kept = [group for group in sent if find_text(group, "descriptor", "code") != PURCHASE_TERMS]
    return [*kept, write_tags(PURCHASE_TERMS, {"promotionCode": request.code})]


def _receiver(request: OrderRequest) -> Json:
    if request.buyer_id is None:
        return {}
    customer = find_object(request.as_sent, "fulfillments", 0, "customer")
    return {"customer": customer | {"person": find_object(customer, "person") | {"id": request.buyer_id}}}


def _quote(request: OrderRequest) -> Json:
    quote = find_object(request.as_sent, "quote")
    value = None if request.total is None else plain(request.total)
    price = find_object(quote, "price") | without_none({"value": value, "currency": request.currency})
    return quote | ({"price": price} if price else {})
