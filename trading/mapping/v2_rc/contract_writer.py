"""EnergyTradeContract and EnergyTradeDelivery: what has been agreed, and what has come of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from schemas import iris
from trading.contract import Contract
from trading.delivery import (
    BillingCycleView,
    ContractView,
    Delivery,
    MeterReadingView,
    SettlementCycleView,
)
from trading.mapping.v2_rc.catalog_writer import write_source

_SECOND: Final = timedelta(seconds=1)


def write_contract(view: ContractView) -> dict[str, Any]:
    """Return the contract with its settlement and billing cycles as an EnergyTradeContract."""
    contract = view.contract
    bag: dict[str, Any] = {
        "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
        "@type": iris.ENERGY_TRADE_CONTRACT,
        "contractStatus": contract.status.value,
        **write_source(contract.source),
        "targetMeterId": contract.target_meter,
        "contractedQuantity": contract.quantity.kilowatt_hours,
        "tradeStartTime": format_instant(contract.window.start),
        "tradeEndTime": format_instant(contract.window.end),
        "settlementCycles": [_settlement_cycle(cycle) for cycle in view.cycles],
        "billingCycles": [_billing_cycle(bill) for bill in view.bills],
        "lastUpdated": format_instant(contract.updated_at),
    }
    return bag | _certification(contract) | _wheeling(contract)


def write_delivery(contract: Contract, delivery: Delivery) -> dict[str, Any]:
    """Return the delivery as an EnergyTradeDelivery."""
    bag: dict[str, Any] = {
        "@context": iris.ENERGY_TRADE_DELIVERY_CONTEXT,
        "@type": iris.ENERGY_TRADE_DELIVERY,
        "deliveryStatus": delivery.status.value,
        "deliveryMode": contract.source.delivery_mode.value,
        "deliveredQuantity": delivery.delivered.kilowatt_hours,
        "deliveryStartTime": format_instant(delivery.window.start),
        "deliveryEndTime": format_instant(delivery.window.end) if delivery.ended else None,
        "meterReadings": [_reading(row) for row in delivery.readings],
        "lastUpdated": format_instant(contract.updated_at),
    }
    cycle = delivery.settlement_cycle_id
    return bag | ({"settlementCycleId": cycle} if cycle else {})


def _certification(contract: Contract) -> dict[str, Any]:
    certification = contract.source.certification
    if certification is None:
        return {}
    certificates = list(certification.certificates)
    return {"certification": {"status": certification.status, "certificates": certificates}}


def _wheeling(contract: Contract) -> dict[str, Any]:
    wheeling = contract.terms.wheeling
    if wheeling is None:
        return {}
    charges = {"utilityName": wheeling.utility_name, **_amount("amount", wheeling.amount)}
    return {
        "wheelingCharges": charges | ({"description": wheeling.description} if wheeling.description else {})
    }


def _settlement_cycle(cycle: SettlementCycleView) -> dict[str, Any]:
    return {
        "cycleId": cycle.cycle_id,
        **_span(cycle.period),
        "status": cycle.status,
        **_amount("amount", cycle.amount),
    }


def _billing_cycle(bill: BillingCycleView) -> dict[str, Any]:
    return {
        "cycleId": bill.cycle_id,
        **_span(bill.period),
        "status": bill.status,
        **_amount("totalAmount", bill.total),
        "lineItems": [{"title": line.title, **_amount("amount", line.amount)} for line in bill.lines],
    }


def _reading(row: MeterReadingView) -> dict[str, Any]:
    return {
        "timestamp": format_instant(row.at),
        **_counted("sourceReading", row.source),
        **_counted("targetReading", row.target),
        "energyFlow": row.flow.kilowatt_hours,
    }


def _counted(key: str, energy: Energy | None) -> dict[str, Any]:
    return {} if energy is None else {key: energy.kilowatt_hours}


def _amount(key: str, money: Money) -> dict[str, Any]:
    return {key: money.amount, "currency": money.currency.code}


def _span(period: Interval) -> dict[str, str]:
    # The wire names a cycle's last second; the next cycle starts a second later.
    last = max(period.start, period.end - _SECOND)
    return {"startTime": format_instant(period.start), "endTime": format_instant(last)}
