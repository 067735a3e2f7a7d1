"""Terms and sources as they are kept in the database: plain JSON, decimals as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kernel.currency import Currency
from kernel.money import Money
from trading.offer import Certification, DeliveryMode, EnergySource, SourceType
from trading.terms import Discount, Price, PricingModel, SettlementType, Terms, Wheeling


def terms_to_record(terms: Terms) -> dict[str, Any]:
    """Return `terms` as JSON that `terms_from_record` reads back exactly."""
    wheeling, discount = terms.wheeling, terms.discount
    return {
        "currency": terms.currency.code,
        "price_per_kwh": str(terms.price.per_kwh),
        "pricing_model": terms.pricing_model.value,
        "settlement_type": terms.settlement_type.value,
        "wheeling": wheeling
        and {
            "utility_name": wheeling.utility_name,
            "minor": wheeling.amount.minor,
            "description": wheeling.description,
        },
        "discount": discount and {"title": discount.title, "percent": str(discount.percent)},
    }


def terms_from_record(record: dict[str, Any]) -> Terms:
    """Return the terms that were kept as `record`."""
    currency = Currency(record["currency"])
    wheeling, discount = record["wheeling"], record["discount"]
    return Terms(
        price=Price(per_kwh=Decimal(record["price_per_kwh"]), currency=currency),
        wheeling=wheeling
        and Wheeling(
            utility_name=wheeling["utility_name"],
            amount=Money(wheeling["minor"], currency),
            description=wheeling["description"],
        ),
        discount=discount and Discount(title=discount["title"], percent=Decimal(discount["percent"])),
        pricing_model=PricingModel(record["pricing_model"]),
        settlement_type=SettlementType(record["settlement_type"]),
    )


def source_to_record(source: EnergySource) -> dict[str, Any]:
    """Return `source` as JSON that `source_from_record` reads back."""
    certification = source.certification
    return {
        "source_type": source.source_type.value,
        "delivery_mode": source.delivery_mode.value,
        "meter_id": source.meter_id,
        "inverter_id": source.inverter_id,
        "certification": certification
        and {"status": certification.status, "certificates": list(certification.certificates)},
    }


def source_from_record(record: dict[str, Any]) -> EnergySource:
    """Return the source that was kept as `record`."""
    certification = record["certification"]
    return EnergySource(
        source_type=SourceType(record["source_type"]),
        delivery_mode=DeliveryMode(record["delivery_mode"]),
        meter_id=record["meter_id"],
        inverter_id=record["inverter_id"],
        certification=certification
        and Certification(status=certification["status"], certificates=tuple(certification["certificates"])),
    )
