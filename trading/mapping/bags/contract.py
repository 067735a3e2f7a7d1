"""EnergyTradeContract: what has been agreed, with its settlement and billing cycles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from schemas import iris
from trading.contract import Contract
from trading.delivery import (
    BillingCycleView,
    ContractView,
    LineItemView,
    SettlementCycleView,
)
from trading.lifecycle import ContractStatus
from trading.mapping.bags.amounts import (
    read_amount,
    read_cycle_span,
    require_sum,
    write_amount,
    write_cycle_span,
)
from trading.mapping.bags.grid import LIMIT, write_limit, write_parties
from trading.mapping.bags.utility_account import ACCOUNTS, read_accounts, write_accounts
from trading.mapping.find import Json
from trading.offer import Certification, DeliveryMode, EnergySource, SourceType
from trading.terms import Wheeling
from trading.utility_account import UtilityAccount

_OPTIONAL: Final = frozenset({"certification", "wheelingCharges", "inverterId", LIMIT, ACCOUNTS})
"""Keys of the contract that only the seller fills in: if there is nothing to say, nothing is said."""


def write_contract(view: ContractView) -> Json:
    """Return the contract as an EnergyTradeContract."""
    contract = view.contract
    bag: Json = {
        "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
        "@type": iris.ENERGY_TRADE_CONTRACT,
        "contractStatus": contract.status.value,
        **_source(contract.source),
        "targetMeterId": contract.target_meter,
        "contractedQuantity": contract.quantity.kilowatt_hours,
        "tradeStartTime": format_instant(contract.window.start),
        "tradeEndTime": format_instant(contract.window.end),
        "settlementCycles": [_settlement_cycle(cycle) for cycle in view.cycles],
        "billingCycles": [_billing_cycle(bill) for bill in view.bills],
        "lastUpdated": format_instant(contract.updated_at),
    }
    return bag | _certification(contract) | _wheeling(contract) | _grid(view)


def write_contract_over(sent: Mapping[str, Any], view: ContractView) -> Json:
    """Return the contract, with what else the buyer put beside it, under the context that explains that."""
    ours = write_contract(view)
    unknown = {key: value for key, value in sent.items() if key not in ours and key not in _OPTIONAL}
    explained = any(not key.startswith("@") for key in unknown) and "@context" in sent
    return unknown | ours | ({"@context": sent["@context"]} if explained else {})


class ContractTerms(TypedDict):
    """The parts of a `ContractReport` that stand in an EnergyTradeContract."""

    status: ContractStatus
    target_meter: str
    quantity: Energy
    window: Interval
    wheeling: Wheeling | None
    cycles: tuple[SettlementCycleView, ...]
    bills: tuple[BillingCycleView, ...]
    utilities: tuple[UtilityAccount, ...]


def read_contract_terms(bag: Mapping[str, Any]) -> ContractTerms:
    """Return what an EnergyTradeContract says. Raises: LookupError, TypeError, ValueError."""
    return ContractTerms(
        status=ContractStatus(bag["contractStatus"]),
        target_meter=bag["targetMeterId"],
        quantity=Energy.from_kwh(bag["contractedQuantity"]),
        window=Interval(parse_instant(bag["tradeStartTime"]), parse_instant(bag["tradeEndTime"])),
        wheeling=_read_wheeling(bag),
        cycles=tuple(_read_settlement_cycle(cycle) for cycle in bag.get("settlementCycles", [])),
        bills=tuple(_read_billing_cycle(bill) for bill in bag.get("billingCycles", [])),
        utilities=read_accounts(bag),
    )


def read_source(bag: Mapping[str, Any], *, mode: str) -> EnergySource:
    """Return the source that a contract repeats; `mode` is told with its delivery.

    Raises: LookupError, ValueError.
    """
    certification = bag.get("certification")
    return EnergySource(
        source_type=SourceType(bag["sourceType"]),
        delivery_mode=DeliveryMode(mode),
        meter_id=bag["sourceMeterId"],
        inverter_id=bag.get("inverterId"),
        certification=certification
        and Certification(status=certification["status"], certificates=tuple(certification["certificates"])),
    )


def _grid(view: ContractView) -> Json:
    """Return the utilities of a trade in a bag with room for them, and what they say."""
    contract, grid = view.contract, view.contract.grid
    if grid is None:
        return {}
    parties = write_parties(
        buyer_platform=contract.bap_id,
        seller_platform=grid.platform,
        buyer_utility=grid.buyer_utility,
        seller_utility=grid.seller_utility,
        quantity=contract.quantity,
    )
    limit = {} if grid.limit is None else {LIMIT: write_limit(grid.limit)}
    return parties | limit | write_accounts(view.utilities)


def _source(source: EnergySource) -> Json:
    written = {"sourceType": source.source_type.value, "sourceMeterId": source.meter_id}
    return written | ({"inverterId": source.inverter_id} if source.inverter_id else {})


def _certification(contract: Contract) -> Json:
    certification = contract.source.certification
    if certification is None:
        return {}
    certificates = list(certification.certificates)
    return {"certification": {"status": certification.status, "certificates": certificates}}


def _wheeling(contract: Contract) -> Json:
    wheeling = contract.terms.told_wheeling
    if wheeling is None:
        return {}
    charges = {"utilityName": wheeling.utility_name, **write_amount("amount", wheeling.amount)}
    return {
        "wheelingCharges": charges | ({"description": wheeling.description} if wheeling.description else {})
    }


def _read_wheeling(bag: Mapping[str, Any]) -> Wheeling | None:
    charges = bag.get("wheelingCharges")
    return charges and Wheeling(
        utility_name=charges["utilityName"],
        amount=read_amount(charges, "amount"),
        description=charges.get("description", ""),
    )


def _settlement_cycle(cycle: SettlementCycleView) -> Json:
    return {
        "cycleId": cycle.cycle_id,
        **write_cycle_span(cycle.period),
        "status": cycle.status,
        **write_amount("amount", cycle.amount),
    }


def _read_settlement_cycle(cycle: Mapping[str, Any]) -> SettlementCycleView:
    return SettlementCycleView(
        cycle_id=cycle["cycleId"],
        period=read_cycle_span(cycle),
        status=cycle["status"],
        amount=read_amount(cycle, "amount"),
    )


def _billing_cycle(bill: BillingCycleView) -> Json:
    return {
        "cycleId": bill.cycle_id,
        **write_cycle_span(bill.period),
        "status": bill.status,
        **write_amount("totalAmount", bill.total),
        "lineItems": [{"title": line.title, **write_amount("amount", line.amount)} for line in bill.lines],
    }


def _read_billing_cycle(bill: Mapping[str, Any]) -> BillingCycleView:
    total = read_amount(bill, "totalAmount")
    lines = tuple(
        LineItemView(title=line["title"], amount=read_amount(line, "amount")) for line in bill["lineItems"]
    )
    require_sum(total, (line.amount for line in lines), of=f"the lines of {bill['cycleId']}")
    return BillingCycleView(
        cycle_id=bill["cycleId"],
        period=read_cycle_span(bill),
        status=bill["status"],
        total=total,
        lines=lines,
    )
