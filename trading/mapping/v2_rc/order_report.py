"""Orders as the buyer's side reads them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.mapping.bags.amounts import require_sum
from trading.mapping.bags.contract import read_contract_terms, read_source
from trading.mapping.bags.curtailment import find_cut
from trading.mapping.bags.delivery import mode_of, read_delivery
from trading.mapping.bags.purchase_terms import find_payment
from trading.mapping.find import find_object, find_text, reading
from trading.mapping.parts import OrderParts
from trading.mapping.v2_rc.paths import PROPOSAL, PURCHASE_TERMS
from trading.quote import Component, ComponentType, Quote
from trading.report import ContractReport

_CONTRACT = "beckn:orderAttributes"
_DELIVERY = ("beckn:fulfillment", "beckn:deliveryAttributes")
_CUT = ("beckn:orderItemAttributes", "fulfillmentAttributes")


def find_parts(order: Mapping[str, Any]) -> OrderParts:
    """Return the parts of an order of any shape."""
    return OrderParts(
        order_id=find_text(order, "beckn:id"),
        status=find_text(order, "beckn:orderStatus"),
        contract=find_object(order, _CONTRACT) or None,
        delivery=find_object(order, *_DELIVERY) or None,
        value=find_object(order, "beckn:orderValue") or None,
        proposal=find_object(order, "beckn:orderItems", 0, PROPOSAL) or None,
        payment=find_payment(find_object(order, "beckn:orderItems", 0, PURCHASE_TERMS)),
    )


def read_contract(order: Mapping[str, Any]) -> ContractReport:
    """Return what the order of a contract says. Raises: FieldInvalid."""
    with reading("the order"):
        bag, delivery = order[_CONTRACT], find_object(order, *_DELIVERY)
        terms = read_contract_terms(bag)
        line = order["beckn:orderItems"][0]
        return ContractReport(
            order_id=order["beckn:id"],
            provider_id=order["beckn:seller"],
            resource_id=line["beckn:orderedItem"],
            offer_id=line["beckn:acceptedOffer"]["beckn:id"],
            source=read_source(bag, mode=mode_of(delivery)),
            quote=read_quote(order["beckn:orderValue"], terms["quantity"]),
            delivery=read_delivery(
                delivery, window=terms["window"], cut=find_cut([find_object(line, *_CUT)])
            ),
            updated_at=parse_instant(bag["lastUpdated"]),
            **terms,
        )


def read_quote(value: Mapping[str, Any], quantity: Energy) -> Quote:
    """Return the quote for `quantity`. Raises: LookupError, ValueError, if its parts are not its value."""
    currency = Currency(value["currency"])
    components = tuple(
        Component(
            type=ComponentType(part["type"]),
            amount=Money.of(Decimal(part["value"]), Currency(part["currency"])),
            description=part["description"],
        )
        for part in value["components"]
    )
    total = Money.of(Decimal(value["value"]), currency)
    require_sum(total, (part.amount for part in components), of="the parts of the price")
    return Quote(quantity=quantity, currency=currency, components=components)
