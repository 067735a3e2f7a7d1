"""What an amount of energy costs under given terms: the same rule for a quote and for a bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from kernel.energy import Energy
from kernel.money import Money, round_to_minor
from trading.terms import Terms

_EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Terms bound their decimals, so no product is ever rounded here; one that were would raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCost:
    """The cost of energy before and after the offer's discount; `gross - discount == net`."""

    gross: Money
    net: Money

    @property
    def discount(self) -> Money:
        """What the offer takes off."""
        return self.gross - self.net


def price_energy(energy: Energy, terms: Terms) -> EnergyCost:
    """Return what `energy` costs: kWh times the price, less the discount.

    The net amount is rounded once, from the exact one: more energy never costs less, which a
    difference of two rounded amounts would not hold to.
    """
    off = Decimal(0) if terms.discount is None else terms.discount.percent
    gross = _EXACT.multiply(energy.kilowatt_hours, terms.price.per_kwh)
    net = _EXACT.multiply(gross, _EXACT.subtract(Decimal(1), off.scaleb(-2, context=_EXACT)))
    return EnergyCost(gross=round_to_minor(gross, terms.currency), net=round_to_minor(net, terms.currency))
