"""Settlement by own deviation: the trade is paid in full, and each side's utility makes up what it lacked.

The buyer pays for the whole trade, less what its utility gives it for energy that it did not take; the
seller gets the whole trade, less what it pays its utility for energy that it did not give. Nobody
pays for another's deviation, and the four flows add up to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kernel.currency import Currency
from kernel.money import Money, Rounding
from settlement.shortfall.exact_cost import cost_of
from trading.penalties import shortfall


class DeviationInvalid(ValueError):
    """A trade or prices by which nobody could settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationPrices:
    """What a kWh costs, in major units of one currency. Raises: DeviationInvalid."""

    trade: Decimal
    export_at_buyers_utility: Decimal
    """What the buyer's utility pays for energy that the buyer did not take."""
    import_at_sellers_utility: Decimal
    """What the seller's utility charges for energy that the seller did not give."""
    currency: Currency
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        for price in (self.trade, self.export_at_buyers_utility, self.import_at_sellers_utility):
            if not (price.is_finite() and price >= 0):
                raise DeviationInvalid(f"a price is not {price} per kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationFlows:
    """Who pays and gets what. `buyer_pays` falls below nothing where its utility pays more than the price."""

    short_of_source_wh: int
    short_of_target_wh: int
    buyer_pays: Money
    seller_receives: Money
    sellers_utility_receives: Money
    buyers_utility_pays: Money

    @property
    def signed(self) -> tuple[Money, Money, Money, Money]:
        """What buyer, seller, seller's utility and buyer's utility put in, negative where they take out."""
        nothing = Money.zero(self.buyer_pays.currency)
        return (
            self.buyer_pays,
            nothing - self.seller_receives,
            nothing - self.sellers_utility_receives,
            self.buyers_utility_pays,
        )


def settle_deviation(
    *, deliverable_wh: int, given_wh: int, taken_wh: int, prices: DeviationPrices
) -> DeviationFlows:
    """Return the flows of a trade of `deliverable_wh`, of which its two sides gave and took so much.

    More than was agreed is no deviation here: it is nobody's trade, and its retailer's alone. Three
    amounts are rounded, once each: the trade's and both utilities'. The flows are their sums and
    differences, so that rounding leaves nothing over. Raises: DeviationInvalid.
    """
    if min(deliverable_wh, given_wh, taken_wh) < 0:
        raise DeviationInvalid("nothing negative can be agreed, given or taken")
    short_of_source = shortfall(deliverable=deliverable_wh, allocated=given_wh)
    short_of_target = shortfall(deliverable=deliverable_wh, allocated=taken_wh)
    traded, made_up, bought_back = (
        cost_of(watt_hours, price, prices.currency, rounding=prices.rounding)
        for watt_hours, price in (
            (deliverable_wh, prices.trade),
            (short_of_source, prices.import_at_sellers_utility),
            (short_of_target, prices.export_at_buyers_utility),
        )
    )
    return DeviationFlows(
        short_of_source_wh=short_of_source,
        short_of_target_wh=short_of_target,
        buyer_pays=traded - bought_back,
        seller_receives=traded - made_up,
        sellers_utility_receives=made_up,
        buyers_utility_pays=bought_back,
    )
