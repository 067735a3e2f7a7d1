"""EnergyTradeOrder between utilities: which serve a trade, what they charge, what they leave to be traded.

Its keys are free beyond a few, so an EnergyTradeContract fits in beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.energy import WATT_HOURS_PER_KWH, Energy
from kernel.money import Money
from schemas import iris
from trading.grid import GridRequest, SanctionedLoad, TradingLimit
from trading.mapping.find import Json, find_object, find_objects, without_none
from trading.rates import Price
from trading.terms import SettlementType
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

LIMIT: Final = "remainingTradingLimit"
BUYER_UTILITY: Final = "utilityIdBuyer"
SELLER_UTILITY: Final = "utilityIdSeller"
_TARIFF: Final = "wheelingTariff"
_LOAD_UNIT: Final = "kW"


def write_parties(
    *, buyer_platform: str, seller_platform: str, buyer_utility: str, seller_utility: str, quantity: Energy
) -> Json:
    """Return between whom energy is traded."""
    is_within = buyer_utility == seller_utility
    return {
        "@context": iris.P2P_TRADE_ORDER_CONTEXT,
        "@type": iris.ENERGY_TRADE_ORDER if is_within else iris.ENERGY_TRADE_ORDER_INTER_UTILITY,
        "bap_id": buyer_platform,
        "bpp_id": seller_platform,
        "total_quantity": quantity.kilowatt_hours,
        BUYER_UTILITY: buyer_utility,
        SELLER_UTILITY: seller_utility,
    }


def write_grid_bag(request: GridRequest) -> Json:
    """Return a trade as a utility is asked about it."""
    parties = write_parties(
        buyer_platform=request.buyer_platform,
        seller_platform=request.seller_platform,
        buyer_utility=request.buyer_utility,
        seller_utility=request.seller_utility,
        quantity=request.quantity,
    )
    return parties | {
        "sourceMeterId": request.source_meter,
        "targetMeterId": request.target_meter,
        "contractedQuantity": request.quantity.kilowatt_hours,
        "tradeStartTime": format_instant(request.window.start),
        "tradeEndTime": format_instant(request.window.end),
        "settlementType": request.settlement.value,
        "timeZone": request.zone,
    }


def read_settlement(bag: Mapping[str, Any]) -> SettlementType:
    """Return how often a trade settles; daily where nothing is said. Raises: ValueError."""
    return SettlementType(bag.get("settlementType", SettlementType.DAILY))


def write_limit(limit: TradingLimit) -> Json:
    """Return what a customer can still trade."""
    return without_none(
        {
            "remainingQuantity": limit.remaining.kilowatt_hours,
            "sanctionedLoad": limit.load and _write_load(limit.load),
            "validUntil": limit.valid_until and format_instant(limit.valid_until),
        }
    )


def read_limit(bag: Mapping[str, Any]) -> TradingLimit | None:
    """Return what a customer can still trade, None if that is not told. Raises: LookupError, ValueError."""
    told = find_object(bag, LIMIT)
    if not told:
        return None
    load = find_object(told, "sanctionedLoad")
    return TradingLimit(
        remaining=Energy.from_kwh(told["remainingQuantity"]),
        load=_read_load(load) if load else None,
        valid_until=parse_instant(told["validUntil"]) if "validUntil" in told else None,
    )


def write_tariff(charges: tuple[Wheeling, ...]) -> Json:
    """Return how a utility's charges are reckoned, beside what they come to."""
    return {_TARIFF: [_write_charge(charge) for charge in charges]}


def read_tariff(bag: Mapping[str, Any]) -> tuple[Wheeling, ...] | None:
    """Return a utility's charges, None where it tells only what they come to.

    Raises: LookupError, ValueError.
    """
    if _TARIFF not in bag:
        return None
    return tuple(_read_charge(charge) for charge in find_objects(bag, _TARIFF))


def _write_load(load: SanctionedLoad) -> Json:
    figures = {"total": load.total, "used": load.used, "remaining": load.remaining}
    return {key: Energy(value).kilowatt_hours for key, value in figures.items()} | {"unit": f"k{load.unit}"}


def _read_load(told: Mapping[str, Any]) -> SanctionedLoad:
    total, used = (int(Decimal(told[key]) * WATT_HOURS_PER_KWH) for key in ("total", "used"))
    return SanctionedLoad(total=total, used=used, unit=str(told.get("unit", _LOAD_UNIT)).removeprefix("k"))


def _write_charge(charge: Wheeling) -> Json:
    price = charge.price
    cost = {"amount": charge.amount.amount} if price is None else {"perKwh": price.per_kwh}
    return cost | {
        "utilityName": charge.utility_name,
        "currency": charge.currency.code,
        "basis": charge.basis.value,
        "side": charge.side.value,
        "collectedBy": charge.collected_by.value,
        "chargeOnZero": charge.charge_on_zero,
        "description": charge.description,
    }


def _read_charge(told: Mapping[str, Any]) -> Wheeling:
    currency = Currency(told["currency"])
    per_kwh = Decimal(told["perKwh"]) if "perKwh" in told else None
    return Wheeling(
        utility_name=told["utilityName"],
        amount=Money.of(told.get("amount", 0), currency),
        description=told.get("description", ""),
        basis=WheelingBasis(told["basis"]),
        price=None if per_kwh is None else Price(per_kwh=per_kwh, currency=currency),
        side=Side(told.get("side", Side.BUYER)),
        collected_by=Collector(told.get("collectedBy", Collector.PLATFORM)),
        charge_on_zero=told.get("chargeOnZero", False),
    )
