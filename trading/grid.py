"""The distribution utilities of a trade: whose customers its meters are, and what they can still trade."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kernel.energy import Energy
from kernel.interval import Interval
from trading.quote import Quote
from trading.terms import SettlementType, Terms
from trading.wheeling import Side, Wheeling


@dataclass(frozen=True, slots=True, kw_only=True)
class GridAccess:
    """Which utility serves a producer, and the `partners`: other utilities whose customers may buy.

    Utilities are named by their subscriber ids.
    """

    utility: str
    partners: tuple[str, ...] = ()

    def serves(self, buyer_utility: str) -> bool:
        """Say whether a customer of that utility may buy."""
        return buyer_utility == self.utility or buyer_utility in self.partners

    @property
    def words(self) -> str:
        """What buyers are told of it: no generation has a field for that."""
        asked = f"The utility {self.utility} serves the seller and is asked first; its customers can buy"
        if not self.partners:
            return f"{asked}."
        others = " and ".join(filter(None, (", ".join(self.partners[:-1]), self.partners[-1])))
        return f"{asked}, and so can those of {others}, who name their utility in the order."


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionedLoad:
    """How much of what a connection is approved for is used: W of a load, or Wh of energy."""

    total: int
    used: int
    unit: str

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingLimit:
    """What a utility's customer can still trade beside this: for how long its utility says so, if it does."""

    remaining: Energy
    load: SanctionedLoad | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridStanding:
    """What a contract has to do with utilities.

    `platform` is the seller's. `offered` is how many wheeling charges the offer itself has: those after them
    are the utilities' own. `limit` is what the buyer's utility said last of the buyer.
    """

    platform: str
    seller_utility: str
    buyer_utility: str
    offered: int
    limit: TradingLimit | None = None

    @property
    def sides(self) -> dict[str, frozenset[Side]]:
        """Each utility with the sides of the trade that it serves, the buyer's first."""
        if self.buyer_utility == self.seller_utility:
            return {self.buyer_utility: frozenset(Side)}
        return {
            self.buyer_utility: frozenset({Side.BUYER}),
            self.seller_utility: frozenset({Side.SELLER}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRequest:
    """A trade as a seller's platform puts it before a utility.

    `order_id` is the platform's own name of it. `settlement` and `zone` say which cycles a charge is due in.
    """

    order_id: str
    buyer_platform: str
    seller_platform: str
    buyer_utility: str
    seller_utility: str
    buyer_id: str
    provider_id: str
    resource_id: str
    offer_id: str
    source_meter: str
    target_meter: str
    quantity: Energy
    window: Interval
    settlement: SettlementType
    zone: str

    @property
    def is_within(self) -> bool:
        """Whether one utility serves both."""
        return self.buyer_utility == self.seller_utility


@dataclass(frozen=True, slots=True, kw_only=True)
class GridGrant:
    """What a utility answers to a trade that it lets pass: its charges, and its customer's limit.

    `order_id` is its name of the trade. `quote` is what the charges come to if all is delivered.
    """

    order_id: str
    wheeling: tuple[Wheeling, ...] = ()
    quote: Quote | None = None
    limit: TradingLimit | None = None


def with_wheeling(terms: Terms, quoted: tuple[Wheeling, ...], *, offered: int) -> Terms:
    """Return the terms with the utilities' charges behind the `offered` ones of the offer itself.

    Raises: CurrencyMismatch.
    """
    charges = (*terms.all_wheeling[:offered], *quoted)
    return replace(terms, wheeling=charges[0] if charges else None, further_wheeling=charges[1:])
