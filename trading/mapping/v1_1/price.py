"""Money as v1.1 writes it: decimal numbers as text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.mapping.bags.amounts import DoesNotAddUp, plain, require_sum
from trading.mapping.bags.offer import ToldPrice
from trading.mapping.find import Json
from trading.mapping.v1_1.tags import find_values, write_group
from trading.quote import Component, ComponentType, Quote
from trading.rates import Price

_FLAT: Final = "flat"
_DUE: Final = "due"
_PER_KWH: Final = "perKwh"


def write_price(told: ToldPrice) -> Json:
    """Return what one kWh costs, with what is due anyway."""
    return {"currency": told.price.currency.code, "value": plain(told.first_kwh)}


def write_flat(told: ToldPrice) -> list[Json]:
    """Return what is due anyway, and what a kWh costs beside it, as tags; nothing if all is per kWh."""
    if told.flat is None:
        return []
    return [write_group(_FLAT, [(_DUE, plain(told.flat.amount)), (_PER_KWH, plain(told.price.per_kwh))])]


def read_price(price: Mapping[str, Any], *, beside: Mapping[str, Any]) -> ToldPrice:
    """Return what an offer costs; `beside` is where its tags are. Raises: LookupError, ValueError."""
    currency = Currency(price["currency"])
    due = find_values(beside, group=_FLAT, code=_DUE)
    if not due:
        return ToldPrice(Price(per_kwh=Decimal(price["value"]), currency=currency))
    per_kwh = find_values(beside, group=_FLAT, code=_PER_KWH)[0]
    told = ToldPrice(Price(per_kwh=Decimal(per_kwh), currency=currency), Money.of(due[0], currency))
    if told.first_kwh != Decimal(price["value"]):
        raise DoesNotAddUp(f"the parts of a price add up to {told.first_kwh}, not to {price['value']}")
    return told


def write_quote(quote: Quote) -> Json:
    """Return a quote with what it is made of."""
    return {
        "price": write_money(quote.total),
        "breakup": [
            {
                "item": {"descriptor": {"name": part.description, "code": part.type.value}},
                "price": write_money(part.amount),
            }
            for part in quote.components
        ],
    }


def read_quote(quote: Mapping[str, Any], quantity: Energy) -> Quote:
    """Return the quote for `quantity`. Raises: LookupError, ValueError, if its parts are not its price."""
    currency = Currency(quote["price"]["currency"])
    components = tuple(_read_component(part) for part in quote["breakup"])
    total = Money.of(quote["price"]["value"], currency)
    require_sum(total, (part.amount for part in components), of="the parts of the quote")
    return Quote(quantity=quantity, currency=currency, components=components)


def write_money(money: Money) -> Json:
    """Return an amount of money."""
    return {"currency": money.currency.code, "value": plain(money.amount)}


def _read_component(part: Mapping[str, Any]) -> Component:
    descriptor, price = part["item"]["descriptor"], part["price"]
    return Component(
        type=ComponentType(descriptor["code"]),
        amount=Money.of(price["value"], Currency(price["currency"])),
        description=descriptor["name"],
    )
