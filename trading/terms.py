"""The commercial terms of an offer; frozen into the contract when it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money

_WHOLE_PERCENT = 100


class PricingModel(StrEnum):
    """How energy is priced (EnergyTradeOffer v0.2)."""

    PER_KWH = "PER_KWH"


class SettlementType(StrEnum):
    """How often a contract settles (EnergyTradeOffer v0.2)."""

    DAILY = "DAILY"


class TermsInvalid(ValueError):
    """Terms that cannot be traded on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price per kWh: an exact decimal, finer than the minor unit if need be."""

    per_kwh: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.per_kwh) is not Decimal:
            raise TypeError(f"a price is a Decimal, not {self.per_kwh!r}")
        if not self.per_kwh.is_finite() or self.per_kwh < 0:
            raise TermsInvalid(f"a price per kWh is not negative: {self.per_kwh}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheeling:
    """What the utility charges for carrying the energy: one fixed amount per settlement cycle."""

    utility_name: str
    amount: Money
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What an offer takes off the energy cost, in per cent of it."""

    title: str
    percent: Decimal

    def __post_init__(self) -> None:
        if not 0 < self.percent <= _WHOLE_PERCENT:
            raise TermsInvalid(f"a discount is more than 0 and at most 100 per cent: {self.percent}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that decides what a delivered watt-hour costs."""

    price: Price
    wheeling: Wheeling | None = None
    discount: Discount | None = None
    pricing_model: PricingModel = PricingModel.PER_KWH
    settlement_type: SettlementType = SettlementType.DAILY

    def __post_init__(self) -> None:
        if self.wheeling is not None and self.wheeling.amount.currency != self.price.currency:
            raise CurrencyMismatch(
                f"wheeling is in {self.wheeling.amount.currency}, the energy in {self.price.currency}: "
                "a contract has one currency"
            )

    @property
    def currency(self) -> Currency:
        return self.price.currency
