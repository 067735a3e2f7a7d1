"""What an order will cost: quantity × price + wheeling − offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money, sum_money
from trading.pricing import price_energy
from trading.terms import Terms

_INSTANT = timedelta(microseconds=1)


class ComponentType(StrEnum):
    """What a part of a price is (the wire's own words)."""

    UNIT = "UNIT"
    FEE = "FEE"
    DISCOUNT = "DISCOUNT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a price; a discount is negative."""

    type: ComponentType
    amount: Money
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of a quantity and what it is made of."""

    quantity: Energy
    currency: Currency
    components: tuple[Component, ...]

    @property
    def total(self) -> Money:
        """The exact sum of the components."""
        return sum_money((part.amount for part in self.components), currency=self.currency)


def quote_energy(quantity: Energy, terms: Terms, *, cycles: int = 1) -> Quote:
    """Return the price of `quantity` if all of it is delivered, over so many settlement cycles."""
    cost = price_energy(quantity, terms)
    price = f"{quantity} at {terms.price.per_kwh.normalize():f} {terms.currency} per kWh"
    parts = [
        Component(type=ComponentType.UNIT, amount=cost.gross, description=f"Energy Cost ({price})"),
        *_wheeling(terms, cycles),
        *_discount(terms, cost.discount),
    ]
    return Quote(quantity=quantity, currency=terms.currency, components=tuple(parts))


def count_cycles(window: Interval, zone: str) -> int:
    """Return how many days of `zone` the window touches: each is settled, and wheeled, by itself."""
    local = ZoneInfo(zone)
    first = window.start.astimezone(local).date()
    last = (window.end - _INSTANT).astimezone(local).date()
    return (last - first).days + 1


def _wheeling(terms: Terms, cycles: int) -> list[Component]:
    if terms.wheeling is None:
        return []
    once = terms.wheeling.amount
    days = f", {cycles} days at {once}" if cycles > 1 else ""
    words = f"Wheeling Charges ({terms.wheeling.utility_name}{days})"
    amount = Money(once.minor * cycles, once.currency)
    return [Component(type=ComponentType.FEE, amount=amount, description=words)]


def _discount(terms: Terms, discount: Money) -> list[Component]:
    if terms.discount is None:
        return []
    words = f"{terms.discount.title} ({terms.discount.percent.normalize():f} %)"
    amount = Money.zero(terms.currency) - discount
    return [Component(type=ComponentType.DISCOUNT, amount=amount, description=words)]
