"""RevenueFlow: who pays and who is paid. What flows adds up to nothing, exactly.

There are two considerations: what the whole quantity will cost, and what the settled days came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from schemas import iris
from trading.costs import ENERGY_COST, INCLUDED_ENERGY, SUBSCRIPTION_FEE
from trading.delivery import Flow, SettlementCycleView
from trading.mapping.bags.amounts import DoesNotAddUp
from trading.mapping.bags.stall_offer import DRIVER, OPERATOR
from trading.mapping.find import Json, find_objects, find_text, read_decimal
from trading.mapping.v2_lts.participants import BUYER
from trading.quote import Component, ComponentType, Quote

QUOTED: Final = "quote"
SETTLED: Final = "auto-settlement-flows"
STALL_SETTLED: Final = "settlement"
"""The ids of the considerations; what a session at a stall came to has one of its own."""

_BUYER: Final = BUYER[0]
_SELLER: Final = "seller"
_UTILITY: Final = "utility"
_TAXES: Final = "taxAuthority"
_PENALTY: Final = "Penalty of the seller"
_ENERGY: Final = (ENERGY_COST, SUBSCRIPTION_FEE, INCLUDED_ENERGY)
_PAID_TO: Final = {
    ComponentType.UNIT: _SELLER,
    ComponentType.SURCHARGE: _SELLER,
    ComponentType.DISCOUNT: _SELLER,
    ComponentType.FEE: _UTILITY,
    ComponentType.TAX: _TAXES,
}
"""Who is paid a part of a price; a discount takes something off again."""


def write_quote(quote: Quote) -> Json:
    """Return what the whole quantity will cost: a flow for each part, against what the buyer pays."""
    parts = [_flow(_PAID_TO[part.type], part.amount, part.description) for part in quote.components]
    return _consideration(QUOTED, "QUOTED", [_paid(quote.total, "Price"), *parts])


def write_expected(total: Decimal, currency: str) -> Json:
    """Return the price that a buyer expects."""
    amounts = ((_BUYER, -total), (_SELLER, total))
    flows = [{"role": role, "value": value, "currency": currency} for role, value in amounts]
    return _consideration(QUOTED, "QUOTED", flows)


def write_settled(
    cycles: Sequence[SettlementCycleView], *, total: Money, penalty: Money | None = None
) -> Json:
    """Return what the settled cycles came to; `cycles` need not be all.

    `penalty` is what the seller pays the buyer for falling short.
    """
    flows = [_paid(total, "Energy received"), _flow(_SELLER, total, "Energy delivered")]
    if penalty is not None and penalty.minor:
        back = Money.zero(penalty.currency) - penalty
        flows += [_flow(_BUYER, penalty, _PENALTY), _flow(_SELLER, back, _PENALTY)]
    is_settled = all(cycle.status == "SETTLED" for cycle in cycles)
    return _consideration(SETTLED, "SETTLED" if is_settled else "PENDING", flows)


def write_stall_settled(flows: Iterable[Flow], *, is_settled: bool) -> Json:
    """Return what a session at a stall came to: what the driver pays or gets, and the operator against it."""
    written: list[Json] = []
    for flow in flows:
        back = Money.zero(flow.driver.currency) - flow.driver
        written += [_flow(DRIVER, flow.driver, flow.title), _flow(OPERATOR, back, flow.title)]
    return _consideration(STALL_SETTLED, "SETTLED" if is_settled else "PENDING", written)


def find_flows(contract: Mapping[str, Any]) -> list[Json]:
    """Return the flows of what the whole quantity costs."""
    for consideration in find_objects(contract, "consideration"):
        flows = find_objects(consideration, "considerationAttributes", "revenueFlows")
        if flows and find_text(consideration, "id") not in (SETTLED, STALL_SETTLED):
            return flows
    return []


def read_expected(flows: Sequence[Json], *, path: str) -> Decimal | None:
    """Return what the buyer pays, None if nothing says so. Raises: FieldInvalid."""
    paid = [read_decimal(flow.get("value"), path=path) for flow in flows if flow.get("role") in BUYER]
    return -sum(paid, Decimal(0)) if paid else None


def find_currency(flows: Sequence[Json]) -> str | None:
    """Return the currency of what the buyer pays, None if nothing says so."""
    return next((find_text(flow, "currency") for flow in flows if flow.get("role") in BUYER), None)


def read_quote(contract: Mapping[str, Any], quantity: Energy) -> Quote:
    """Return the quote for `quantity`. Raises: LookupError, ValueError."""
    flows = find_flows(contract)
    paid_to = [flow for flow in flows if flow["role"] not in BUYER]
    if sum(Decimal(flow["value"]) for flow in flows):
        raise DoesNotAddUp("the flows of the quote do not add up to nothing")
    return Quote(
        quantity=quantity,
        currency=Currency(flows[0]["currency"]),
        components=tuple(_read_component(flow, paid_to) for flow in paid_to),
    )


def component_type(flow: Mapping[str, Any], paid_to: Sequence[Mapping[str, Any]]) -> ComponentType:
    """Return what a flow is for.

    The seller's first is the energy, and what is called so; of what follows, less than nothing is
    taken off and more is added.
    """
    if flow.get("role") != _SELLER:
        return ComponentType.TAX if flow.get("role") == _TAXES else ComponentType.FEE
    first = next(other for other in paid_to if other.get("role") == _SELLER)
    if flow is first or str(flow.get("description")).startswith(_ENERGY):
        return ComponentType.UNIT
    return ComponentType.DISCOUNT if read_decimal(flow.get("value"), path="") < 0 else ComponentType.SURCHARGE


def _read_component(flow: Json, paid_to: Sequence[Json]) -> Component:
    return Component(
        type=component_type(flow, paid_to),
        amount=Money.of(flow["value"], Currency(flow["currency"])),
        description=flow["description"],
    )


def _consideration(identifier: str, status: str, flows: list[Json]) -> Json:
    return {
        "id": identifier,
        "status": {"code": status},
        "considerationAttributes": {
            "@context": iris.REVENUE_FLOW_CONTEXT,
            "@type": iris.REVENUE_FLOW,
            "revenueFlows": flows,
        },
    }


def _paid(total: Money, description: str) -> Json:
    return _flow(_BUYER, Money.zero(total.currency) - total, description)


def _flow(role: str, money: Money, description: str) -> Json:
    return {
        "role": role,
        "value": money.amount,
        "currency": money.currency.code,
        "description": description,
    }
