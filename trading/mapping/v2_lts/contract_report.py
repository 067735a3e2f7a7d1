"""Contracts as the buyer's side reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.clock import parse_instant
from trading.mapping.bags.contract import read_contract_terms, read_source
from trading.mapping.bags.curtailment import find_cut
from trading.mapping.bags.delivery import mode_of, read_delivery
from trading.mapping.bags.purchase_terms import find_payment
from trading.mapping.find import Json, find_object, find_objects, find_text, reading
from trading.mapping.parts import OrderParts
from trading.mapping.v2_lts.flows import (
    component_type,
    find_currency,
    find_flows,
    read_expected,
    read_quote,
)
from trading.mapping.v2_lts.participants import BUYER, SELLER, find_id, find_participant
from trading.mapping.v2_lts.paths import PROPOSAL, PURCHASE_TERMS
from trading.refusals import FieldInvalid
from trading.report import ContractReport

_DELIVERY: Final = ("performance", 0, "performanceAttributes")


def find_parts(contract: Mapping[str, Any]) -> OrderParts:
    """Return the parts of a contract of any shape."""
    return OrderParts(
        order_id=find_text(contract, "id"),
        status=find_text(contract, "status", "code"),
        contract=find_object(contract, "contractAttributes") or None,
        delivery=find_object(contract, *_DELIVERY) or None,
        value=_value(contract),
        proposal=find_object(contract, "commitments", 0, PROPOSAL) or None,
        payment=find_payment(find_object(contract, "commitments", 0, PURCHASE_TERMS)),
    )


def read_contract(contract: Mapping[str, Any]) -> ContractReport:
    """Return what a contract says. Raises: FieldInvalid."""
    with reading("the contract"):
        bag, delivery = contract["contractAttributes"], find_object(contract, *_DELIVERY)
        terms = read_contract_terms(bag)
        commitment = contract["commitments"][0]
        return ContractReport(
            order_id=contract["id"],
            provider_id=find_id(find_participant(contract, SELLER)) or "",
            resource_id=commitment["resources"][0]["id"],
            offer_id=commitment["offer"]["id"],
            source=read_source(bag, mode=mode_of(delivery)),
            quote=read_quote(contract, terms["quantity"]),
            delivery=read_delivery(delivery, window=terms["window"], cut=find_cut(_deliveries(contract))),
            updated_at=parse_instant(bag["lastUpdated"]),
            **terms,
        )


def _deliveries(contract: Mapping[str, Any]) -> list[Json]:
    return [find_object(entry, "performanceAttributes") for entry in find_objects(contract, "performance")]


def _value(contract: Mapping[str, Any]) -> Json | None:
    flows = find_flows(contract)
    paid_to = [flow for flow in flows if flow.get("role") not in BUYER]
    try:
        total = read_expected(flows, path="")
        components = [flow | {"type": component_type(flow, paid_to).value} for flow in paid_to]
    except FieldInvalid:
        return None
    if total is None:
        return None
    return {"value": total, "currency": find_currency(flows), "components": components}
