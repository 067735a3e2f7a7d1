"""Orders as they are answered: what the buyer sent, with our part of it written over.

What the buyer sent and we do not know comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.clock import format_instant
from kernel.money import sum_money
from trading.delivery import ContractView
from trading.lifecycle import ContractStatus
from trading.listing import list_offer, list_terms
from trading.mapping.bags.amounts import plain
from trading.mapping.bags.contract import write_contract_over
from trading.mapping.bags.curtailment import cut_id, write_cut
from trading.mapping.bags.delivery import write_delivery
from trading.mapping.bags.offer import ToldPrice, told_price, write_terms
from trading.mapping.bags.proposal import PRICE, QUANTITY, write_proposal
from trading.mapping.bags.wishes import write_taken_over
from trading.mapping.find import Json, find_object, find_objects, find_text
from trading.mapping.v1_1.cancelling import write_cancelling
from trading.mapping.v1_1.catalog import write_offer
from trading.mapping.v1_1.measure import echo_measure
from trading.mapping.v1_1.payment import payment_sent, write_timing
from trading.mapping.v1_1.price import write_price, write_quote
from trading.mapping.v1_1.tags import PROPOSAL, write_tags
from trading.quote import Quote
from trading.request import OrderRequest, Selection

_STATUS: Final = {
    ContractStatus.PENDING: {"type": "DRAFT"},
    ContractStatus.ACTIVE: {"type": "DEFAULT", "status": "ACTIVE"},
    ContractStatus.COMPLETED: {"type": "DEFAULT", "status": "COMPLETE"},
    ContractStatus.TERMINATED: {"type": "DEFAULT", "status": "CANCELLED"},
}
"""An order has no status before it is confirmed; until then it is a draft."""


def write_quote_order(request: OrderRequest, selection: Selection, quote: Quote) -> Json:
    """Return the order that was asked for with its price: nothing is held, nothing agreed."""
    sent, offer = request.as_sent, list_offer(selection.offer, grid=selection.resource.grid)
    return _without_status(sent) | {
        "type": "DRAFT",
        "provider": find_object(sent, "provider") | {"id": offer.provider_id},
        "items": [_item(sent, offer.resource_id, told_price(offer.terms), quote)],
        "offers": [find_object(sent, "offers", 0) | write_offer(offer)],
        "quote": write_quote(quote),
        **_taken(sent, request, selection),
    }


def _taken(sent: Mapping[str, Any], request: OrderRequest, selection: Selection) -> Json:
    """Return the attributes of an order that has some, as it would be sold."""
    bag = find_object(sent, "orderAttributes")
    return {"orderAttributes": write_taken_over(bag, request, selection)} if bag else {}


def write_contract_order(view: ContractView) -> Json:
    """Return the order of a contract as it stands, with everything that came of it."""
    contract = view.contract
    sent, quote = contract.buyer_order, view.quote
    return _without_status(sent) | {
        "id": contract.id,
        **_STATUS[contract.status],
        "provider": find_object(sent, "provider") | {"id": contract.provider_id},
        "items": [_item(sent, contract.resource_id, told_price(list_terms(contract.terms)), quote)],
        "offers": [find_object(sent, "offers", 0) | _agreed_offer(view)],
        "quote": find_object(sent, "quote") | write_quote(quote),
        "payments": [_payment(view), *find_objects(sent, "payments")[1:]],
        "fulfillments": [_fulfillment(view), *_cuts(view), *_further(view)],
        "orderAttributes": write_contract_over(find_object(sent, "orderAttributes"), view),
        "created_at": format_instant(contract.created_at),
        "updated_at": format_instant(contract.updated_at),
        **_proposed(view),
        **write_cancelling(view),
    }


def write_trade(sent: Mapping[str, Any], *, order_id: str, status: ContractStatus, quote: Quote) -> Json:
    """Return a trade that was put before a utility, with what that charges for it."""
    return _without_status(sent) | {"id": order_id, **_STATUS[status], "quote": write_quote(quote)}


def _proposed(view: ContractView) -> Json:
    """Return a proposed change as tags beside those that the buyer sent, nothing if none was."""
    if view.proposal is None:
        return {}
    facts = write_proposal(view.proposal)
    facts |= {key: plain(facts[key]) for key in (QUANTITY, PRICE) if key in facts}
    sent = find_objects(view.contract.buyer_order, "tags")
    kept = [group for group in sent if find_text(group, "descriptor", "code") != PROPOSAL]
    return {"tags": [*kept, write_tags(PROPOSAL, facts)]}


def _without_status(sent: Mapping[str, Any]) -> Json:
    return {key: value for key, value in sent.items() if key != "status"}


def _item(sent: Mapping[str, Any], resource_id: str, told: ToldPrice, quote: Quote) -> Json:
    item = find_object(sent, "items", 0)
    quantity = find_object(item, "quantity")
    selected = find_object(quantity, "selected")
    measure = echo_measure(find_object(selected, "measure"), quote.quantity)
    return item | {
        "id": resource_id,
        "price": write_price(told),
        "quantity": quantity | {"selected": selected | {"measure": measure}},
    }


def _agreed_offer(view: ContractView) -> Json:
    contract = view.contract
    return {
        "id": contract.offer_id,
        "descriptor": {"name": contract.offer_name},
        "item_ids": [contract.resource_id],
        "offerAttributes": write_terms(list_terms(contract.terms)),
    }


def _payment(view: ContractView) -> Json:
    quoted = view.quote.total
    total = sum_money((bill.total for bill in view.bills), currency=quoted.currency) if view.bills else quoted
    sent = payment_sent(view.contract.buyer_order)
    amount = {"amount": plain(total.amount), "currency": total.currency.code}
    ours = {"status": "PAID" if view.is_paid else "NOT-PAID", "params": find_object(sent, "params") | amount}
    return {"collected_by": "BPP"} | sent | write_timing(view.contract.terms.payment, sent) | ours


def _further(view: ContractView) -> list[Json]:
    """Return the fulfilments that the buyer sent beside the delivery."""
    sent = find_objects(view.contract.buyer_order, "fulfillments")[1:]
    return [entry for entry in sent if entry.get("id") != cut_id(view.contract)]


def _cuts(view: ContractView) -> list[Json]:
    """Return what was cut as a fulfilment of its own, none if nothing was."""
    contract, cut = view.contract, view.delivery.cut
    if cut is None:
        return []
    state = {"descriptor": {"code": view.delivery.status.value}}
    bag = write_cut(contract, view.delivery, cut)
    return [{"id": cut_id(contract), "type": "CURTAILMENT", "state": state, "deliveryAttributes": bag}]


def _fulfillment(view: ContractView) -> Json:
    contract = view.contract
    sent = find_object(contract.buyer_order, "fulfillments", 0)
    session = view.delivery.session
    status = view.delivery.status if session is None else session.status
    state = find_object(sent, "state") | {
        "descriptor": {"code": status.value} | ({"name": session.why} if session and session.why else {}),
        "updated_at": format_instant(contract.updated_at),
    }
    preset = {
        "id": f"delivery-{contract.id}",
        "type": "DELIVERY" if contract.terms.session is None else "CHARGING",
        "customer": {"person": {"id": contract.buyer_id}},
    }
    ours = {"state": state, "deliveryAttributes": write_delivery(contract, view.delivery)}
    return preset | sent | ours
