"""Orders as the buyer's side reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.clock import parse_instant
from trading.mapping.bags.contract import read_contract_terms, read_source
from trading.mapping.bags.curtailment import find_cut
from trading.mapping.bags.delivery import mode_of, read_delivery
from trading.mapping.find import Json, find_object, find_objects, find_text, reading
from trading.mapping.parts import OrderParts
from trading.mapping.v1_1.payment import read_timing
from trading.mapping.v1_1.price import read_quote
from trading.mapping.v1_1.tags import PROPOSAL, find_facts
from trading.report import ContractReport

_DELIVERY: Final = ("fulfillments", 0, "deliveryAttributes")


def find_parts(order: Mapping[str, Any]) -> OrderParts:
    """Return the parts of an order of any shape."""
    return OrderParts(
        order_id=find_text(order, "id"),
        status=find_text(order, "status") or find_text(order, "type"),
        contract=find_object(order, "orderAttributes") or None,
        delivery=find_object(order, *_DELIVERY) or None,
        value=_value(order),
        proposal=find_facts(order, group=PROPOSAL) or None,
        payment=read_timing(order),
    )


def read_contract(order: Mapping[str, Any]) -> ContractReport:
    """Return what the order of a contract says. Raises: FieldInvalid."""
    with reading("the order"):
        bag, delivery = order["orderAttributes"], find_object(order, *_DELIVERY)
        terms = read_contract_terms(bag)
        return ContractReport(
            order_id=order["id"],
            provider_id=order["provider"]["id"],
            resource_id=order["items"][0]["id"],
            offer_id=order["offers"][0]["id"],
            source=read_source(bag, mode=mode_of(delivery)),
            quote=read_quote(order["quote"], terms["quantity"]),
            delivery=read_delivery(delivery, window=terms["window"], cut=find_cut(_deliveries(order))),
            updated_at=parse_instant(bag["lastUpdated"]),
            **terms,
        )


def _deliveries(order: Mapping[str, Any]) -> list[Json]:
    return [find_object(entry, "deliveryAttributes") for entry in find_objects(order, "fulfillments")]


def _value(order: Mapping[str, Any]) -> Json | None:
    price = find_object(order, "quote", "price")
    components = [
        find_object(part, "price")
        | {
            "type": find_text(part, "item", "descriptor", "code"),
            "description": find_text(part, "item", "descriptor", "name"),
        }
        for part in find_objects(order, "quote", "breakup")
    ]
    return price | {"components": components} if price else None
