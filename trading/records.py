"""Terms and sources as they are kept in the database: plain JSON, decimals and times as text.

What a contract's terms do not have is left out, so that a record reads like the terms it is of. Records of
before a term was known lack it and mean its default: they are read for as long as contracts last.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax, Value
from trading.charging.records import session_from_record, session_to_record
from trading.delivery_records import (
    cancellation_from_record,
    delivery_to_record,
    losses_from_record,
    metering_from_record,
    penalty_from_record,
    share_from_record,
)
from trading.matching import Matching
from trading.offer import Certification, DeliveryMode, EnergySource, SourceType
from trading.periods import BillingPeriod
from trading.rates import DayRates, IntervalPrices, Price, TimeOfDayRate
from trading.terms import PaymentTiming, PricingModel, SettlementType, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

Record = dict[str, Any]


def terms_to_record(terms: Terms) -> Record:
    """Return `terms` as JSON that `terms_from_record` reads back exactly."""
    record: Record = {
        "currency": terms.currency.code,
        "price_per_kwh": str(terms.price.per_kwh),
        "pricing_model": terms.pricing_model.value,
        "settlement_type": terms.settlement_type.value,
        "billing_period": terms.billing_period.value,
        "wheeling": terms.wheeling and wheeling_to_record(terms.wheeling),
        "discount": terms.discount and _discount_to(terms.discount),
    }
    further = {
        "rates": terms.rates and _rates_to(terms.rates),
        "subscription": terms.subscription and _subscription_to(terms.subscription),
        "fixed_minor": None if terms.fixed is None else terms.fixed.minor,
        "by_interval": terms.by_interval and _by_interval_to(terms.by_interval),
        "further_wheeling": [wheeling_to_record(wheeling) for wheeling in terms.further_wheeling] or None,
        "promotions": [_discount_to(promotion) for promotion in terms.promotions] or None,
        "charges": [_charge_to(charge) for charge in terms.charges] or None,
        "taxes": [_tax_to(tax) for tax in terms.taxes] or None,
        **delivery_to_record(terms),
        "session": terms.session and session_to_record(terms.session),
        "payment": None if terms.payment is PaymentTiming.POSTPAID else terms.payment.value,
    }
    return record | {key: value for key, value in further.items() if value is not None}


def terms_from_record(record: Record) -> Terms:
    """Return the terms that were kept as `record`."""
    currency = Currency(record["currency"])
    wheeling, discount = record["wheeling"], record["discount"]
    charges = tuple(_charge_from(entry, currency) for entry in record.get("charges", ()))
    return Terms(
        price=Price(per_kwh=Decimal(record["price_per_kwh"]), currency=currency),
        wheeling=wheeling and wheeling_from_record(wheeling, currency),
        discount=discount and _percent_off_from(discount),
        pricing_model=PricingModel(record["pricing_model"]),
        settlement_type=SettlementType(record["settlement_type"]),
        billing_period=BillingPeriod(record.get("billing_period", BillingPeriod.MONTHLY)),
        rates=_rates_from(record["rates"]) if "rates" in record else None,
        subscription=_subscription_from(record["subscription"], currency)
        if "subscription" in record
        else None,
        fixed=Money(record["fixed_minor"], currency) if "fixed_minor" in record else None,
        by_interval=_by_interval_from(record["by_interval"]) if "by_interval" in record else None,
        further_wheeling=tuple(
            wheeling_from_record(entry, currency) for entry in record.get("further_wheeling", ())
        ),
        promotions=tuple(_promotion_from(entry, currency) for entry in record.get("promotions", ())),
        charges=charges,
        taxes=tuple(_tax_from(entry) for entry in record.get("taxes", ())),
        matching=Matching(record.get("matching", Matching.WINDOW)),
        metering=metering_from_record(record),
        losses=losses_from_record(record.get("losses")),
        penalties=tuple(penalty_from_record(entry, currency) for entry in record.get("penalties", ())),
        payment=PaymentTiming(record.get("payment", PaymentTiming.POSTPAID)),
        share_percent=share_from_record(record),
        session=session_from_record(record["session"], currency, charges) if "session" in record else None,
        cancellation=tuple(
            cancellation_from_record(entry, currency) for entry in record.get("cancellation", ())
        ),
    )


def source_to_record(source: EnergySource) -> Record:
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


def source_from_record(record: Record) -> EnergySource:
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


def wheeling_to_record(wheeling: Wheeling) -> Record:
    """Return `wheeling` as JSON that `wheeling_from_record` reads back."""
    record: Record = {
        "utility_name": wheeling.utility_name,
        "minor": wheeling.amount.minor,
        "description": wheeling.description,
        "basis": wheeling.basis.value,
        "side": wheeling.side.value,
        "collected_by": wheeling.collected_by.value,
        "charge_on_zero": wheeling.charge_on_zero,
    }
    return record | ({"per_kwh": str(wheeling.price.per_kwh)} if wheeling.price else {})


def wheeling_from_record(record: Record, currency: Currency) -> Wheeling:
    """Return the charge in `currency` that was kept as `record`."""
    price = record.get("per_kwh")
    return Wheeling(
        utility_name=record["utility_name"],
        amount=Money(record["minor"], currency),
        description=record["description"],
        basis=WheelingBasis(record.get("basis", WheelingBasis.FIXED_PER_CYCLE)),
        price=None if price is None else Price(per_kwh=Decimal(price), currency=currency),
        side=Side(record.get("side", Side.BUYER)),
        collected_by=Collector(record.get("collected_by", Collector.PLATFORM)),
        charge_on_zero=record.get("charge_on_zero", False),
    )


def _rates_to(rates: DayRates) -> Record:
    hours = [
        {"start": rate.start.isoformat(), "end": rate.end.isoformat(), "rate": str(rate.rate)}
        for rate in rates.rates
    ]
    return {"grid_minutes": rates.grid // timedelta(minutes=1), "hours": hours}


def _rates_from(record: Record) -> DayRates:
    return DayRates(
        rates=tuple(
            TimeOfDayRate(
                start=time.fromisoformat(hours["start"]),
                end=time.fromisoformat(hours["end"]),
                rate=Decimal(hours["rate"]),
            )
            for hours in record["hours"]
        ),
        grid=timedelta(minutes=record["grid_minutes"]),
    )


def _subscription_to(subscription: Subscription) -> Record:
    return {
        "fee_minor": subscription.fee.minor,
        "every": subscription.every.value,
        "included_wh": subscription.included.watt_hours,
    }


def _subscription_from(record: Record, currency: Currency) -> Subscription:
    return Subscription(
        fee=Money(record["fee_minor"], currency),
        every=BillingPeriod(record["every"]),
        included=Energy(record["included_wh"]),
    )


def _by_interval_to(prices: IntervalPrices) -> Record:
    return {
        "start": prices.start.isoformat(),
        "step_us": prices.step // timedelta(microseconds=1),
        "prices": [str(price) for price in prices.prices],
    }


def _by_interval_from(record: Record) -> IntervalPrices:
    return IntervalPrices(
        start=datetime.fromisoformat(record["start"]),
        step=timedelta(microseconds=record["step_us"]),
        prices=tuple(Decimal(price) for price in record["prices"]),
    )


def _discount_to(discount: Discount | AmountOff) -> Record:
    record: Record = {"title": discount.title}
    if isinstance(discount, AmountOff):
        record["minor"] = discount.amount.minor
    else:
        record["percent"] = str(discount.percent)
    if discount.validity is not None:
        record["from"] = discount.validity.start.isoformat()
        record["until"] = discount.validity.end.isoformat()
    return record


def _percent_off_from(record: Record) -> Discount:
    return Discount(
        title=record["title"], percent=Decimal(record["percent"]), validity=_validity_from(record)
    )


def _promotion_from(record: Record, currency: Currency) -> Discount | AmountOff:
    if "percent" in record:
        return _percent_off_from(record)
    amount = Money(record["minor"], currency)
    return AmountOff(title=record["title"], amount=amount, validity=_validity_from(record))


def _validity_from(record: Record) -> Interval | None:
    if "from" not in record:
        return None
    return Interval(datetime.fromisoformat(record["from"]), datetime.fromisoformat(record["until"]))


def _charge_to(charge: Charge) -> Record:
    record: Record = {"kind": charge.kind.value, "title": charge.title}
    if charge.every is not None:
        record["every"] = charge.every.value
    return record | _value_to(charge.value)


def _value_to(value: Value) -> Record:
    if isinstance(value, Money):
        return {"minor": value.minor}
    if isinstance(value, Price):
        return {"per_kwh": str(value.per_kwh)}
    before = {"before_discounts": True} if value.before_discounts else {}
    return {"percent": str(value.of_energy)} | before


def _charge_from(record: Record, currency: Currency) -> Charge:
    return Charge(
        kind=LineKind(record["kind"]),
        title=record["title"],
        value=_value_from(record, currency),
        every=BillingPeriod(record["every"]) if "every" in record else None,
    )


def _value_from(record: Record, currency: Currency) -> Value:
    if "minor" in record:
        return Money(record["minor"], currency)
    if "per_kwh" in record:
        return Price(per_kwh=Decimal(record["per_kwh"]), currency=currency)
    before = record.get("before_discounts", False)
    return Percent(of_energy=Decimal(record["percent"]), before_discounts=before)


def _tax_to(tax: Tax) -> Record:
    return {
        "title": tax.title,
        "percent": str(tax.percent),
        "jurisdiction": tax.jurisdiction,
        "applies_to": sorted(kind.value for kind in tax.applies_to),
    }


def _tax_from(record: Record) -> Tax:
    return Tax(
        title=record["title"],
        percent=Decimal(record["percent"]),
        jurisdiction=record["jurisdiction"],
        applies_to=frozenset(LineKind(kind) for kind in record["applies_to"]),
    )
