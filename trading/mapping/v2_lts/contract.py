"""Contracts as they are answered: what the buyer sent, with our part of it written over.

What the buyer sent and we do not know comes back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from kernel.energy import Energy
from schemas import iris
from trading.contract import Contract
from trading.delivery import ContractView
from trading.lifecycle import ContractStatus
from trading.mapping.bags.contract import write_contract_over
from trading.mapping.bags.curtailment import cut_id, write_cut
from trading.mapping.bags.delivery import write_delivery
from trading.mapping.bags.proposal import write_proposal
from trading.mapping.bags.purchase_terms import write_agreed_terms
from trading.mapping.bags.quantity import echo_quantity
from trading.mapping.bags.stall_session import write_ledger
from trading.mapping.bags.wishes import write_taken_over
from trading.mapping.find import Json, find_object, find_objects, without_none
from trading.mapping.v2_lts.contract_request import COMMITMENT
from trading.mapping.v2_lts.flows import (
    SETTLED,
    STALL_SETTLED,
    write_quote,
    write_settled,
    write_stall_settled,
)
from trading.mapping.v2_lts.participants import write_participants
from trading.mapping.v2_lts.paths import PROPOSAL, PURCHASE_TERMS
from trading.mapping.v2_lts.stall import (
    stall_of,
    told_status,
    write_stall_parts,
)
from trading.mapping.v2_lts.time_series import write_agreed, write_series_over
from trading.quote import Quote
from trading.request import OrderRequest, Selection
from trading.terms import Terms

_STATUS: Final = {
    ContractStatus.PENDING: "DRAFT",
    ContractStatus.ACTIVE: "ACTIVE",
    ContractStatus.COMPLETED: "COMPLETE",
    ContractStatus.TERMINATED: "CANCELLED",
}
_COMMITMENT_STATUS: Final = {
    ContractStatus.PENDING: "DRAFT",
    ContractStatus.ACTIVE: "ACTIVE",
    ContractStatus.COMPLETED: "CLOSED",
    ContractStatus.TERMINATED: "CLOSED",
}
_SETTLEMENT_STATUS: Final = {"PENDING": "COMMITTED", "SETTLED": "COMPLETE", "FAILED": "DRAFT"}


def write_quote_order(request: OrderRequest, selection: Selection, quote: Quote) -> Json:
    """Return the contract that was asked for with its price: nothing is held, nothing agreed."""
    sent, offer = request.as_sent, selection.offer
    stall = stall_of(offer.terms)
    commitment = _commitment(
        sent,
        status="DRAFT",
        resource_id=selection.resource.id,
        offer_id=offer.id,
        offer_name=offer.name,
        quantity=quote.quantity,
        series=write_agreed(selection.window, price=offer.terms.told_price, requested=quote.quantity),
    )
    if stall is not None:
        start = selection.window.start
        commitment |= write_stall_parts(find_object(sent, "commitments", 0), commitment, stall, start)
    commitment |= _agreed_terms(commitment, offer.terms)
    return dict(sent) | {
        "status": find_object(sent, "status") | {"code": "DRAFT"},
        "commitments": [commitment],
        "consideration": _over(find_objects(sent, "consideration"), [write_quote(quote)]),
        "participants": write_participants(
            sent, seller=selection.resource.provider_id, buyer=request.buyer_id
        ),
        **_taken(sent, request, selection),
    }


def _taken(sent: Mapping[str, Any], request: OrderRequest, selection: Selection) -> Json:
    """Return the attributes of an order that has some, as it would be sold."""
    bag = find_object(sent, "contractAttributes")
    return {"contractAttributes": write_taken_over(bag, request, selection)} if bag else {}


def write_contract_order(view: ContractView) -> Json:
    """Return a contract as it stands, with everything that came of it."""
    contract = view.contract
    sent, status = contract.buyer_order, told_status(view)
    return dict(sent) | {
        "id": contract.id,
        "status": find_object(sent, "status") | {"code": _STATUS[status]} | _why_ended(view),
        "commitments": [_agreed_commitment(view) | _proposed(view)],
        "consideration": _over(find_objects(sent, "consideration"), _considerations(view)),
        "participants": write_participants(sent, seller=contract.provider_id, buyer=contract.buyer_id),
        "performance": [_performance(view), *_over(find_objects(sent, "performance")[1:], _cuts(view))],
        "settlements": _over(find_objects(sent, "settlements"), _settlements(view)),
        "contractAttributes": _attributes(view),
    }


def write_trade(sent: Mapping[str, Any], *, order_id: str, status: ContractStatus, quote: Quote) -> Json:
    """Return a trade that was put before a utility, with what that charges for it."""
    return dict(sent) | {
        "id": order_id,
        "status": find_object(sent, "status") | {"code": _STATUS[status]},
        "consideration": _over(find_objects(sent, "consideration"), [write_quote(quote)]),
    }


def _agreed_commitment(view: ContractView) -> Json:
    status, start = told_status(view), view.delivery.reserved_start
    commitment = write_agreed_commitment(view.contract, status=status, delivered=_final(view), start=start)
    return commitment | _agreed_terms(commitment, view.contract.terms)


def _agreed_terms(commitment: Mapping[str, Any], terms: Terms) -> Json:
    agreed = write_agreed_terms(find_object(commitment, PURCHASE_TERMS), terms)
    return {PURCHASE_TERMS: agreed} if agreed else {}


def _proposed(view: ContractView) -> Json:
    return {} if view.proposal is None else {PROPOSAL: write_proposal(view.proposal)}


def _why_ended(view: ContractView) -> Json:
    """Return who cancelled and why, nothing of a contract that nobody cancelled."""
    ended = view.cancellation
    if ended is None:
        return {}
    words = f"Cancelled by the {ended.side.lower()}"
    said = f"{words}: {ended.reason.words}" if ended.reason.words else words
    return without_none({"name": ended.reason.code or None, "shortDesc": said})


def write_agreed_commitment(
    contract: Contract,
    *,
    status: ContractStatus | None = None,
    delivered: Energy | None = None,
    start: datetime | None = None,
) -> Json:
    """Return what was agreed to be provided; `status` if another is told, `delivered` once it is final.

    `start` is when a session at a stall was to begin, if another than it did.
    """
    stall = stall_of(contract.terms)
    written = _commitment(
        contract.buyer_order,
        status=_COMMITMENT_STATUS[status or contract.status],
        resource_id=contract.resource_id,
        offer_id=contract.offer_id,
        offer_name=contract.offer_name,
        quantity=contract.quantity,
        series=write_agreed(
            contract.window,
            price=contract.terms.told_price,
            requested=contract.quantity,
            delivered=delivered,
        ),
    )
    if stall is None:
        return written
    sent = find_object(contract.buyer_order, "commitments", 0)
    return written | write_stall_parts(sent, written, stall, start or contract.window.start)


def _commitment(
    contract: Mapping[str, Any],
    *,
    status: str,
    resource_id: str,
    offer_id: str,
    offer_name: str,
    quantity: Energy,
    series: Json,
) -> Json:
    sent = find_object(contract, "commitments", 0)
    resource, offer = find_object(sent, "resources", 0), find_object(sent, "offer")
    descriptor = find_object(sent, "status", "descriptor") | {"code": status}
    amount = echo_quantity(find_object(resource, "quantity"), quantity)
    terms = {"descriptor": {"name": offer_name}} | offer | {"id": offer_id, "resourceIds": [resource_id]}
    return (
        {"id": COMMITMENT}
        | sent
        | {
            "status": find_object(sent, "status") | {"descriptor": descriptor},
            "resources": [resource | {"id": resource_id, "quantity": amount}],
            "offer": terms,
            "commitmentAttributes": write_series_over(find_object(sent, "commitmentAttributes"), series),
        }
    )


def _considerations(view: ContractView) -> list[Json]:
    quote = view.quote
    if stall_of(view.contract.terms) is not None:
        is_settled = all(cycle.status == "SETTLED" for cycle in view.cycles)
        settled = [write_stall_settled(view.flows, is_settled=is_settled)] if view.flows else []
        return [write_quote(quote), *settled]
    settled = [write_settled(view.cycles, total=view.total, penalty=view.penalty)] if view.cycles else []
    return [write_quote(quote), *settled]


def _settlements(view: ContractView) -> list[Json]:
    paid_for = SETTLED if stall_of(view.contract.terms) is None else STALL_SETTLED
    return [
        {"id": cycle.cycle_id, "considerationId": paid_for, "status": _SETTLEMENT_STATUS[cycle.status]}
        for cycle in view.cycles
    ]


def _performance(view: ContractView) -> Json:
    contract = view.contract
    sent = find_object(contract.buyer_order, "performance", 0)
    session = view.delivery.session
    words = {"name": session.why} if session is not None and session.why else {}
    ours = {
        "status": {"code": view.delivery.status.value} | words,
        "performanceAttributes": write_ledger(session.rows)
        if session is not None and session.rows
        else write_delivery(contract, view.delivery),
    }
    return {"id": f"delivery-{contract.id}", "commitmentIds": [_commitment_id(contract)]} | sent | ours


def _cuts(view: ContractView) -> list[Json]:
    """Return what was cut as a performance of its own, none if nothing was."""
    contract, cut = view.contract, view.delivery.cut
    if cut is None:
        return []
    return [
        {
            "id": cut_id(contract),
            "commitmentIds": [_commitment_id(contract)],
            "status": {"code": view.delivery.status.value},
            "performanceAttributes": write_cut(contract, view.delivery, cut),
        }
    ]


def _commitment_id(contract: Contract) -> Any:  # noqa: ANN401  as the buyer sent it
    return find_object(contract.buyer_order, "commitments", 0).get("id", COMMITMENT)


def _attributes(view: ContractView) -> Json:
    """Return the contract; what the buyer wrote in another family's bag stays a bag of that family."""
    sent = find_object(view.contract.buyer_order, "contractAttributes")
    bag = write_contract_over(sent, view)
    is_ours = bag["@context"] in (iris.ENERGY_TRADE_CONTRACT_CONTEXT, iris.P2P_TRADE_ORDER_CONTEXT)
    return bag if is_ours else bag | {"@type": sent["@type"]}


def _final(view: ContractView) -> Energy | None:
    return view.delivery.delivered if view.delivery.ended else None


def _over(sent: Iterable[Json], ours: Sequence[Json]) -> list[Json]:
    """Return our entries, and those that the buyer sent under other ids."""
    known = {entry["id"] for entry in ours}
    return [*ours, *(entry for entry in sent if entry.get("id") not in known)]
