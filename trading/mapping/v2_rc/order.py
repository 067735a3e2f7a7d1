"""Orders as they are answered: what the buyer sent, with our part of it written over.

What the buyer sent and we do not know comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.money import sum_money
from schemas import iris
from trading.contract import Contract
from trading.delivery import ContractView, DeliveryStatus
from trading.lifecycle import ContractStatus
from trading.listing import list_offer, list_terms
from trading.mapping.bags.contract import write_contract_over
from trading.mapping.bags.curtailment import write_cut
from trading.mapping.bags.delivery import write_delivery
from trading.mapping.bags.offer import write_terms
from trading.mapping.bags.proposal import write_proposal
from trading.mapping.bags.purchase_terms import write_agreed_terms
from trading.mapping.bags.quantity import echo_quantity, write_quantity
from trading.mapping.bags.wishes import write_taken_over
from trading.mapping.find import Json, find_object
from trading.mapping.v2_rc.catalog import write_accepted_offer, write_offer
from trading.mapping.v2_rc.paths import PROPOSAL, PURCHASE_TERMS
from trading.quote import Quote
from trading.request import OrderRequest, Selection
from trading.terms import Terms

_ORDER_STATUS: Final = {
    ContractStatus.PENDING: "PENDING",
    ContractStatus.ACTIVE: "CONFIRMED",
    ContractStatus.COMPLETED: "COMPLETED",
    ContractStatus.TERMINATED: "CANCELLED",
}
_LINE_ATTRIBUTES: Final = "beckn:orderItemAttributes"


def write_quote_order(request: OrderRequest, selection: Selection, quote: Quote) -> Json:
    """Return the order that was asked for with its price: nothing is held, nothing agreed."""
    sent = request.as_sent
    line = _line(sent, quote, write_offer(list_offer(selection.offer, grid=selection.resource.grid)))
    line |= {"beckn:orderedItem": selection.resource.id} | _agreed_terms(line, selection.offer.terms)
    return dict(sent) | {
        "beckn:orderStatus": "CREATED",
        "beckn:orderItems": [line],
        "beckn:orderValue": _price(quote),
        **_taken(sent, request, selection),
    }


def _taken(sent: Mapping[str, Any], request: OrderRequest, selection: Selection) -> Json:
    """Return the attributes of an order that has some, as it would be sold."""
    bag = find_object(sent, "beckn:orderAttributes")
    return {"beckn:orderAttributes": write_taken_over(bag, request, selection)} if bag else {}


def write_contract_order(view: ContractView) -> Json:
    """Return the order of a contract as it stands, with everything that came of it."""
    contract = view.contract
    sent, quote = contract.buyer_order, view.quote
    offer = write_accepted_offer(
        offer_id=contract.offer_id,
        name=contract.offer_name,
        provider_id=contract.provider_id,
        resource_id=contract.resource_id,
        attributes=write_terms(list_terms(contract.terms)),
    )
    line = _line(sent, quote, offer) | {"beckn:orderedItem": contract.resource_id}
    return dict(sent) | {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:id": contract.id,
        "beckn:orderStatus": _order_status(view),
        "beckn:seller": contract.provider_id,
        "beckn:buyer": _buyer(contract) | find_object(sent, "beckn:buyer"),
        "beckn:orderItems": [
            line | _line_attributes(line, view) | _agreed_terms(line, contract.terms) | _proposed(view)
        ],
        "beckn:orderValue": _price(quote),
        "beckn:payment": _payment(view, sent.get("beckn:payment", {})),
        "beckn:fulfillment": _fulfillment(view, sent.get("beckn:fulfillment", {})),
        "beckn:orderAttributes": write_contract_over(sent.get("beckn:orderAttributes", {}), view),
    }


def write_trade(sent: Mapping[str, Any], *, order_id: str, status: ContractStatus, quote: Quote) -> Json:
    """Return a trade that was put before a utility, with what that charges for it."""
    return dict(sent) | {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:id": order_id,
        "beckn:orderStatus": _ORDER_STATUS[status],
        "beckn:orderValue": _price(quote),
    }


def _buyer(contract: Contract) -> Json:
    return {"@context": iris.CORE_CONTEXT, "@type": "beckn:Buyer", "beckn:id": contract.buyer_id}


def _order_status(view: ContractView) -> str:
    if view.contract.status is ContractStatus.ACTIVE and view.delivery.status is DeliveryStatus.IN_PROGRESS:
        return "INPROGRESS"
    return _ORDER_STATUS[view.contract.status]


def _line(sent: Mapping[str, Any], quote: Quote, offer: Mapping[str, Any]) -> Json:
    lines = sent.get("beckn:orderItems") or [{}]
    line = dict(lines[0])
    return line | {
        "beckn:acceptedOffer": dict(offer),
        "beckn:quantity": echo_quantity(line.get("beckn:quantity", {}), quote.quantity),
        "beckn:price": _price(quote),
    }


def _line_attributes(line: Mapping[str, Any], view: ContractView) -> Json:
    """Return what was cut as attributes of the line; a bag that has no place for it makes room."""
    contract, cut = view.contract, view.delivery.cut
    if cut is None:
        return {}
    sent = find_object(line, _LINE_ATTRIBUTES)
    provider = {
        "@context": iris.P2P_CUSTOMER_CONTEXT,
        "@type": iris.ENERGY_CUSTOMER,
        "meterId": contract.source_meter,
    }
    bag = {
        "@context": iris.P2P_ORDER_ITEM_CONTEXT,
        "@type": iris.ENERGY_ORDER_ITEM,
        "providerAttributes": provider,
    }
    kept = sent if str(sent.get("@type")).endswith(iris.ENERGY_ORDER_ITEM) else {}
    return {_LINE_ATTRIBUTES: bag | kept | {"fulfillmentAttributes": write_cut(contract, view.delivery, cut)}}


def _agreed_terms(line: Mapping[str, Any], terms: Terms) -> Json:
    agreed = write_agreed_terms(find_object(line, PURCHASE_TERMS), terms)
    return {PURCHASE_TERMS: agreed} if agreed else {}


def _proposed(view: ContractView) -> Json:
    return {} if view.proposal is None else {PROPOSAL: write_proposal(view.proposal)}


def _price(quote: Quote) -> Json:
    return {
        "currency": quote.currency.code,
        "value": quote.total.amount,
        "applicableQuantity": write_quantity(quote.quantity),
        "components": [
            {
                "type": part.type.value,
                "value": part.amount.amount,
                "currency": part.amount.currency.code,
                "description": part.description,
            }
            for part in quote.components
        ],
    }


def _payment(view: ContractView, sent: Mapping[str, Any]) -> Json:
    quoted = view.quote.total
    billed = sum_money((bill.total for bill in view.bills), currency=quoted.currency)
    total = billed if view.bills else quoted
    ours = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Payment",
        "beckn:paymentStatus": _payment_status(view),
        "beckn:amount": {"currency": total.currency.code, "value": total.amount},
    }
    return {"beckn:beneficiary": "BPP"} | dict(sent) | ours


def _payment_status(view: ContractView) -> str:
    if view.bills:
        return "SETTLED" if view.is_paid else "PENDING"
    return "VOIDED" if view.contract.status is ContractStatus.TERMINATED else "PENDING"


def _fulfillment(view: ContractView, sent: Mapping[str, Any]) -> Json:
    contract = view.contract
    ours = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Fulfillment",
        "beckn:fulfillmentStatus": view.delivery.status.value,
        "beckn:deliveryAttributes": write_delivery(contract, view.delivery),
    }
    mode = "DELIVERY" if contract.terms.session is None else "RESERVATION"
    return {"beckn:id": f"delivery-{contract.id}", "beckn:mode": mode} | dict(sent) | ours
