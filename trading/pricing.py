"""What an amount of energy costs at one price per kWh, with nothing added but a wheeling charge per cycle.

For terms with anything else, `trading/costs.py` and `settlement/charges` have the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from kernel.energy import Energy
from kernel.money import Money, round_to_minor
from trading.terms import PricingModel, Terms

_EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Terms bound their decimals, so no product is ever rounded here; one that were would raise."""


class TermsNotPlain(ValueError):
    """Terms of which the price of a kWh is not all there is to know."""


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
    Raises: TermsNotPlain, for it would bill too little.
    """
    if not _are_plain(terms):
        raise TermsNotPlain(f"{terms.pricing_model} with these charges is more than a price per kWh")
    off = Decimal(0) if terms.discount is None else terms.discount.percent
    gross = _EXACT.multiply(energy.kilowatt_hours, terms.price.per_kwh)
    net = _EXACT.multiply(gross, _EXACT.subtract(Decimal(1), off.scaleb(-2, context=_EXACT)))
    return EnergyCost(gross=round_to_minor(gross, terms.currency), net=round_to_minor(net, terms.currency))


def _are_plain(terms: Terms) -> bool:
    further = (terms.by_interval, terms.further_wheeling, terms.promotions, terms.charges, terms.taxes)
    return (
        terms.pricing_model is PricingModel.PER_KWH
        and not any(further)
        and (terms.discount is None or terms.discount.validity is None)
        and terms.wheeling == terms.told_wheeling
    )
