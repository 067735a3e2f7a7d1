"""EvChargingOffer: what charging at a connector costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.currency import Currency
from kernel.money import Money
from schemas import iris
from trading.charging.fees import MinuteFee
from trading.listing import ListedTerms
from trading.mapping.find import Json
from trading.rates import Price
from trading.terms import PricingModel, SettlementType

_MODELS: Final = {
    "PER_KWH": PricingModel.PER_KWH,
    "PER_MINUTE": PricingModel.PER_KWH,
    "SUBSCRIPTION": PricingModel.SUBSCRIPTION,
    "TIME_OF_DAY": PricingModel.TIME_OF_DAY,
}
"""The models of a tariff; what a minute costs is told beside the price of a kWh, which is then nothing."""


def write_charging_offer(terms: ListedTerms) -> Json:
    """Return terms as a ChargingOffer; it has no room for the price."""
    bag: Json = {
        "@context": iris.CHARGING_OFFER_CONTEXT,
        "@type": iris.CHARGING_OFFER,
        "tariffModel": terms.pricing_model.value,
    }
    return bag | ({"idleFeePolicy": _write_fee(terms.idle)} if terms.idle else {})


def is_charging_offer(bag: Mapping[str, Any]) -> bool:
    return "tariffModel" in bag


def read_charging_offer(bag: Mapping[str, Any], *, price: Price) -> ListedTerms:
    """Return the terms that a ChargingOffer holds. Raises: LookupError, TypeError, ValueError."""
    idle = bag.get("idleFeePolicy")
    return ListedTerms(
        price=price,
        pricing_model=_MODELS[bag["tariffModel"]],
        settlement_type=SettlementType.DAILY,
        is_session=True,
        idle=_read_fee(idle) if idle else None,
    )


def _write_fee(fee: MinuteFee) -> Json:
    quantity = {"unitCode": "MIN", "unitText": "minutes", "unitQuantity": fee.minutes}
    return {
        "currency": fee.amount.currency.code,
        "value": fee.amount.amount,
        "applicableQuantity": quantity,
    }


def _read_fee(policy: Mapping[str, Any]) -> MinuteFee:
    minutes = policy.get("applicableQuantity", {}).get("unitQuantity", 1)
    amount = Money.of(policy["value"], Currency(policy["currency"]))
    return MinuteFee(amount=amount, minutes=int(minutes))
