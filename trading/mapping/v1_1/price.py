"""Money as v1.1 writes it: decimal numbers as text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.mapping.bags.amounts import plain
from trading.mapping.find import Json
from trading.quote import Component, ComponentType, Quote
from trading.terms import Price


def write_price(price: Price) -> Json:
    """Return a price for one kWh."""
    return {"currency": price.currency.code, "value": plain(price.per_kwh)}


def read_price(price: Mapping[str, Any]) -> Price:
    """Return the price for one kWh. Raises: LookupError, ValueError."""
    return Price(per_kwh=Decimal(price["value"]), currency=Currency(price["currency"]))


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
    """Return the quote for `quantity`. Raises: LookupError, ValueError."""
    return Quote(
        quantity=quantity,
        currency=Currency(quote["price"]["currency"]),
        components=tuple(_read_component(part) for part in quote["breakup"]),
    )


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
