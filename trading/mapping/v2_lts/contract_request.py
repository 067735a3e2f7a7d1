"""Contracts as buyers ask for them.

The message has passed the schema of its action; bags of attributes of other families and the keys that
the schema leaves open have not, so what is taken out of them is looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.cancellation import Reason
from trading.fields import Field
from trading.mapping.bags.charging_session import read_wish, write_wish
from trading.mapping.bags.proposal import read_answer as read_said
from trading.mapping.bags.proposal import write_said
from trading.mapping.bags.purchase_terms import read_asked_terms, write_asked_terms
from trading.mapping.bags.quantity import echo_quantity, read_quantity
from trading.mapping.bags.stall_commitment import read_stall_wishes, write_stall_wishes
from trading.mapping.bags.wishes import Wishes, read_meter, read_wishes, write_wishes
from trading.mapping.find import Json, find_object, find_objects, find_text, without_none
from trading.mapping.v2_lts.flows import find_currency, find_flows, read_expected, write_expected
from trading.mapping.v2_lts.participants import (
    BUYER,
    SELLER,
    find_id,
    find_participant,
    write_participants,
)
from trading.mapping.v2_lts.paths import PATHS, PROPOSAL, PURCHASE_TERMS
from trading.mapping.v2_lts.time_series import read_bounds, read_requested
from trading.order_lines import NamedLine
from trading.proposal import Answer
from trading.refusals import FieldMissing, OneItemOnly
from trading.request import OrderRequest

COMMITMENT: Final = "commitment-1"
"""The id of a commitment that the buyer gave none."""

_SERIES: Final = "$.message.contract.commitments[0].commitmentAttributes"


def read_order(message: Mapping[str, Any]) -> OrderRequest:
    """Return the contract of a select, init, confirm or update. Raises: OneItemOnly, FieldInvalid."""
    contract = message["contract"]
    commitment = _commitment(contract)
    series = find_object(commitment, "commitmentAttributes")
    wishes = _wishes(contract, series)
    sent = commitment["resources"][0]["quantity"] if commitment["resources"] else {}
    ordered = read_quantity(sent, path=PATHS[Field.QUANTITY])
    requested = read_requested(series, path=_SERIES) if ordered is None else ordered
    flows = find_flows(contract)
    offer = commitment["offer"]
    at_stall = read_stall_wishes(series, path=_SERIES)
    wishes["trade_start"] = wishes["trade_start"] or at_stall.start
    return OrderRequest(
        order_id=contract.get("id"),
        seller=find_id(find_participant(contract, SELLER)) or find_text(offer, "provider", "id"),
        buyer_id=find_id(find_participant(contract, BUYER)),
        resource_id=find_text(commitment, "resources", 0, "id"),
        offer_id=offer["id"] or None,
        quantity=wishes["contracted"] if requested is None else requested,
        total=read_expected(flows, path=PATHS[Field.TOTAL]),
        currency=find_currency(flows),
        as_sent=contract,
        session=read_wish(find_object(contract, "performance", 0, "performanceAttributes")),
        vehicle_power=at_stall.vehicle_power,
        **read_asked_terms(find_object(commitment, PURCHASE_TERMS), PATHS),
        **wishes,
    )


def write_order_request(request: OrderRequest) -> Json:
    """Return the message of a select, init, confirm or update, over what the buyer sent before."""
    sent = request.as_sent
    expected = (
        None
        if request.total is None or request.currency is None
        else [write_expected(request.total, request.currency)]
    )
    ours = {
        "id": request.order_id,
        "status": find_object(sent, "status") or {"code": "DRAFT"},
        "commitments": [write_commitment(request)],
        "consideration": expected,
        "participants": write_participants(sent, seller=request.seller, buyer=request.buyer_id) or None,
        "contractAttributes": write_wishes(request, find_object(sent, "contractAttributes")) or None,
        "performance": _performance(request),
    }
    return {"contract": dict(sent) | without_none(ours)}


write_update = write_order_request


def _performance(request: OrderRequest) -> list[Json] | None:
    """Return the performances over what the buyer sent, with what is wanted of a session."""
    sent = find_objects(request.as_sent, "performance")
    if request.session is None:
        return sent or None
    first = sent[0] if sent else {"id": "session", "commitmentIds": [write_commitment(request)["id"]]}
    return [first | {"performanceAttributes": write_wish(request.session)}, *sent[1:]]


def write_commitment(request: OrderRequest) -> Json:
    """Return what is to be provided, over what the buyer sent."""
    sent = find_object(request.as_sent, "commitments", 0)
    resource, offer = find_object(sent, "resources", 0), find_object(sent, "offer")
    quantity = find_object(resource, "quantity")
    if request.quantity is not None:
        quantity = echo_quantity(quantity, request.quantity)
    item = request.resource_id
    preset = {"id": COMMITMENT, "status": {"descriptor": {"code": "DRAFT"}}}
    resources = [] if item is None else [resource | {"id": item, "quantity": quantity}]
    terms = {"resourceIds": [] if item is None else [item]} | offer | {"id": request.offer_id or ""}
    asked = without_none({PURCHASE_TERMS: write_asked_terms(request, find_object(sent, PURCHASE_TERMS))})
    wanted: Json = {"resources": resources, "offer": terms}
    return preset | sent | wanted | _at_stall(request, sent) | asked


def _at_stall(request: OrderRequest, sent: Mapping[str, Any]) -> Json:
    """Return what is asked for at a stall, nothing where no vehicle is named."""
    if request.vehicle_power is None:
        return {}
    asked = find_object(sent, "commitmentAttributes")
    wishes = write_stall_wishes(asked, vehicle_power=request.vehicle_power, start=request.trade_start)
    return {"commitmentAttributes": wishes}


def read_order_id(message: Mapping[str, Any]) -> str:
    """Return the contract that a status or cancel is about. Raises: FieldMissing."""
    return _known(message, "contract", field=Field.REFERENCE)


def write_order_id(request: OrderRequest) -> Json:
    """Return the message of a status or cancel of the contract that `request` names."""
    return {"contract": write_known(request)}


def read_answer(message: Mapping[str, Any]) -> Answer | None:
    """Return what an update says to a proposal, None if nothing."""
    return read_said(find_object(message, "contract", "commitments", 0, PROPOSAL))


def write_answer(request: OrderRequest, answer: Answer) -> Json:
    """Return the message of an update that answers a proposal."""
    message = write_order_request(request)
    message["contract"]["commitments"][0] |= {PROPOSAL: write_said(answer)}
    return message


def read_reason(message: Mapping[str, Any]) -> Reason:
    """Return why a contract is cancelled: what its status says, in words."""
    status = find_object(message, "contract", "status")
    words = find_text(status, "shortDesc") or find_text(status, "longDesc")
    return Reason.told(find_text(status, "name"), words)


def read_cancelled(_message: Mapping[str, Any], _sent: Mapping[str, Any]) -> list[NamedLine]:
    """Return the lines that a cancel names: here one names some commitment always, and means all."""
    return []


def write_cancel(request: OrderRequest, reason: Reason) -> Json:
    """Return the message of a cancel of the contract that `request` names."""
    status = {"code": "CANCELLED", "name": reason.code or None, "shortDesc": reason.words or None}
    known = write_known(request)
    return {"contract": known | ({"status": without_none(status)} if str(reason) else {})}


def read_track(message: Mapping[str, Any]) -> str:
    """Return the contract that is to be followed. Raises: FieldMissing."""
    return _known(message, "tracking", "contract", field=Field.TRACKED)


def write_track(request: OrderRequest, *, callback_url: str) -> Json:
    """Return the message of a track of the contract that `request` names."""
    return {"tracking": {"contract": write_known(request), "url": callback_url, "status": "ACTIVE"}}


def write_known(request: OrderRequest) -> Json:
    """Return a contract by its id; the schema wants its commitment along."""
    return {"id": request.order_id, "commitments": [write_commitment(request)]}


def _known(message: Mapping[str, Any], *steps: str, field: Field) -> str:
    order_id = find_text(message, *steps, "id")
    if not order_id:
        raise FieldMissing("the message names no contract", path=PATHS[field])
    return order_id


def _commitment(contract: Mapping[str, Any]) -> Json:
    """Return the only commitment, with one resource at most. Raises: OneItemOnly."""
    commitments = find_objects(contract, "commitments")
    count = sum(max(1, len(commitment["resources"])) for commitment in commitments)
    if count > 1:
        raise OneItemOnly(
            f"the contract is about {count} things",
            path=PATHS[Field.ITEMS],
            hint="Order one resource in a transaction; open another transaction for the next.",
        )
    return commitments[0]


def _wishes(contract: Mapping[str, Any], series: Mapping[str, Any]) -> Wishes:
    """Return what the contract's attributes ask for; what they leave out, others may say."""
    wishes = read_wishes(find_object(contract, "contractAttributes"), PATHS)
    start, end = read_bounds(series, path=_SERIES)
    buyer = find_object(find_participant(contract, BUYER), "participantAttributes")
    return Wishes(
        contracted=wishes["contracted"],
        target_meter=wishes["target_meter"]
        or read_meter(buyer, "meterId", path="$.message.contract.participants"),
        trade_start=wishes["trade_start"] or start,
        trade_end=wishes["trade_end"] or end,
        finder_fee=wishes["finder_fee"],
        buyer_utility=wishes["buyer_utility"] or find_text(buyer, "utilityId"),
    )
