"""Orders as they are answered: what the buyer sent, with our part of it written over.

What the buyer sent and we do not know comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import simplejson

from kernel.energy import Energy
from kernel.money import sum_money
from schemas import iris
from trading.delivery import ContractView, DeliveryStatus
from trading.lifecycle import ContractStatus
from trading.mapping.v2_rc.catalog_writer import write_accepted_offer, write_offer, write_terms
from trading.mapping.v2_rc.contract_writer import write_contract, write_delivery
from trading.mapping.v2_rc.quantity import read_quantity, write_quantity
from trading.quote import Quote
from trading.request import OrderRequest, Selection

_ORDER_STATUS: Final = {
    ContractStatus.PENDING: "PENDING",
    ContractStatus.ACTIVE: "CONFIRMED",
    ContractStatus.COMPLETED: "COMPLETED",
    ContractStatus.TERMINATED: "CANCELLED",
}
_BILL_PAID: Final = "PAID"


def write_quote_order(request: OrderRequest, selection: Selection, quote: Quote) -> dict[str, Any]:
    """Return the order that was asked for with its price: nothing is held, nothing agreed."""
    sent = request.as_sent
    line = _line(sent, quote, write_offer(selection.offer)) | {
        "beckn:orderedItem": selection.resource.id,
    }
    return dict(sent) | {
        "beckn:orderStatus": "CREATED",
        "beckn:orderItems": [line],
        "beckn:orderValue": _price(quote),
    }


def write_contract_order(view: ContractView) -> dict[str, Any]:
    """Return the order of a contract as it stands, with everything that came of it."""
    contract = view.contract
    sent, quote = contract.buyer_order, contract.quote
    offer = write_accepted_offer(
        offer_id=contract.offer_id,
        name=contract.offer_name,
        provider_id=contract.provider_id,
        resource_id=contract.resource_id,
        attributes=write_terms(contract.terms),
    )
    return dict(sent) | {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Order",
        "beckn:id": contract.id,
        "beckn:orderStatus": _order_status(view),
        "beckn:seller": contract.provider_id,
        "beckn:orderItems": [_line(sent, quote, offer) | {"beckn:orderedItem": contract.resource_id}],
        "beckn:orderValue": _price(quote),
        "beckn:payment": _payment(view, sent.get("beckn:payment", {})),
        "beckn:fulfillment": _fulfillment(view, sent.get("beckn:fulfillment", {})),
        "beckn:orderAttributes": _attributes(view, sent.get("beckn:orderAttributes", {})),
    }


def fingerprint_order(order: Mapping[str, Any]) -> str:
    """Return a hash of all that `order` says but the time of its last change, as hex."""
    text = simplejson.dumps(_timeless(order), use_decimal=True, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _timeless(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, Mapping):
        return {key: _timeless(inner) for key, inner in value.items() if key != "lastUpdated"}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _order_status(view: ContractView) -> str:
    if view.contract.status is ContractStatus.ACTIVE and view.delivery.status is DeliveryStatus.IN_PROGRESS:
        return "INPROGRESS"
    return _ORDER_STATUS[view.contract.status]


def _line(sent: Mapping[str, Any], quote: Quote, offer: Mapping[str, Any]) -> dict[str, Any]:
    lines = sent.get("beckn:orderItems") or [{}]
    line = dict(lines[0])
    return line | {
        "beckn:acceptedOffer": dict(offer),
        "beckn:quantity": _quantity(line.get("beckn:quantity", {}), quote.quantity),
        "beckn:price": _price(quote),
    }


def _quantity(sent: Mapping[str, Any], quantity: Energy) -> dict[str, Any]:
    """Return the quantity as the buyer wrote it, if it is still that, else in kWh."""
    if read_quantity(sent, path="") == quantity:
        return dict(sent)
    return write_quantity(quantity)


def _price(quote: Quote) -> dict[str, Any]:
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


def _payment(view: ContractView, sent: Mapping[str, Any]) -> dict[str, Any]:
    quoted = view.contract.quote.total
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
        return "SETTLED" if all(bill.status == _BILL_PAID for bill in view.bills) else "PENDING"
    return "VOIDED" if view.contract.status is ContractStatus.TERMINATED else "PENDING"


def _fulfillment(view: ContractView, sent: Mapping[str, Any]) -> dict[str, Any]:
    contract = view.contract
    ours = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Fulfillment",
        "beckn:fulfillmentStatus": view.delivery.status.value,
        "beckn:deliveryAttributes": write_delivery(contract, view.delivery),
    }
    return {"beckn:id": f"delivery-{contract.id}", "beckn:mode": "DELIVERY"} | dict(sent) | ours


def _attributes(view: ContractView, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract, with what else the buyer put beside it, under the context that explains that."""
    ours = write_contract(view)
    unknown = {key: value for key, value in sent.items() if key not in ours and key not in _OPTIONAL}
    context = sent["@context"] if any(not key.startswith("@") for key in unknown) else ours["@context"]
    return unknown | ours | {"@context": context}


_OPTIONAL: Final = frozenset({"certification", "wheelingCharges", "inverterId"})
"""Keys of the contract that only the seller fills in: if there is nothing to say, nothing is said."""
