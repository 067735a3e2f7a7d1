"""What utilities charge for carrying the energy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money
from trading.rates import Price, TermsInvalid


class WheelingBasis(StrEnum):
    """What a wheeling charge is due for."""

    FIXED_PER_CYCLE = "FIXED_PER_CYCLE"
    FIXED_PER_CONTRACT = "FIXED_PER_CONTRACT"
    PER_KWH = "PER_KWH"


class Side(StrEnum):
    """Who of a trade is charged."""

    BUYER = "BUYER"
    SELLER = "SELLER"


class Collector(StrEnum):
    """Who collects a charge: the platform, within the bill's total, or the retailer, outside it."""

    PLATFORM = "PLATFORM"
    RETAILER = "RETAILER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheeling:
    """What one utility charges one side of a trade for carrying the energy.

    An amount is due once for each settlement cycle, or once for the contract, if anything was settled
    by then, or even if nothing was (`charge_on_zero`). Under PER_KWH it is `price`, on what was settled, and
    the amount is nought.
    """

    utility_name: str
    amount: Money
    description: str = ""
    basis: WheelingBasis = WheelingBasis.FIXED_PER_CYCLE
    price: Price | None = None
    side: Side = Side.BUYER
    collected_by: Collector = Collector.PLATFORM
    charge_on_zero: bool = False

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency):
            raise TermsInvalid(f"a wheeling charge is not negative: {self.amount}")
        if (self.price is not None) != (self.basis is WheelingBasis.PER_KWH):
            raise TermsInvalid("a wheeling charge has a price per kWh under PER_KWH, and only then")
        if self.price is None:
            return
        if self.amount.minor or self.charge_on_zero:
            raise TermsInvalid("a wheeling charge per kWh has no amount and is not due for nothing")
        if self.price.currency != self.amount.currency:
            raise CurrencyMismatch(f"a wheeling charge in {self.amount.currency} and {self.price.currency}")

    @classmethod
    def per_kwh(cls, price: Price, *, utility_name: str, description: str = "") -> Wheeling:
        """Return a charge of `price` on every kWh that the buyer is settled for."""
        return cls(
            utility_name=utility_name,
            amount=Money.zero(price.currency),
            description=description,
            basis=WheelingBasis.PER_KWH,
            price=price,
        )

    @property
    def currency(self) -> Currency:
        return self.amount.currency

    @property
    def is_billed(self) -> bool:
        """Whether it is part of what the buyer pays the platform."""
        return self.side is Side.BUYER and self.collected_by is Collector.PLATFORM
