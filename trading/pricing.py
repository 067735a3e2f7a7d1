"""What an amount of energy costs under given terms: the same rule for a quote and for a bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from kernel.energy import Energy
from kernel.money import Money, round_to_minor
from trading.terms import Terms

_PRECISION = 60  # digits; enough for any Wh times any price, so products are exact


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCost:
    """The cost of energy before and after the offer's discount; `gross - discount == net`."""

    gross: Money
    discount: Money

    @property
    def net(self) -> Money:
        return self.gross - self.discount


def price_energy(energy: Energy, terms: Terms) -> EnergyCost:
    """Return what `energy` costs: kWh times the price, less the discount, each rounded once."""
    with localcontext() as context:
        context.prec = _PRECISION
        exact = energy.kilowatt_hours * terms.price.per_kwh
        percent = Decimal(0) if terms.discount is None else terms.discount.percent
        gross = round_to_minor(exact, terms.currency)
        discount = round_to_minor(exact * percent / 100, terms.currency)
    return EnergyCost(gross=gross, discount=discount)
