"""The commercial terms of an offer; frozen into the contract when it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.currency import Currency
from kernel.money import CurrencyMismatch, Money

_WHOLE_PERCENT: Final = 100
_MOST_PER_KWH: Final = 10**12  # major units; more than any currency asks for
_DECIMALS: Final = 6  # of a price and of a per cent; with the bound above, every product is exact


class PricingModel(StrEnum):
    """How energy is priced (EnergyTradeOffer v0.2)."""

    PER_KWH = "PER_KWH"


class SettlementType(StrEnum):
    """How often a contract settles (EnergyTradeOffer v0.2)."""

    REAL_TIME = "REAL_TIME"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class TermsInvalid(ValueError):
    """Terms that cannot be traded on."""


def _check_number(value: Decimal, *, name: str, most: int) -> None:
    if type(value) is not Decimal:
        raise TypeError(f"{name} is a Decimal, not {value!r}")
    if not value.is_finite() or not 0 <= value <= most:
        raise TermsInvalid(f"{name} is a number from 0 to {most}, not {value}")
    if round(value, _DECIMALS) != value:
        raise TermsInvalid(f"{name} has at most {_DECIMALS} decimals: {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price per kWh: an exact decimal, finer than the minor unit if need be, of six decimals at most."""

    per_kwh: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        _check_number(self.per_kwh, name="a price per kWh", most=_MOST_PER_KWH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheeling:
    """What the utility charges for carrying the energy: one fixed amount per settlement cycle."""

    utility_name: str
    amount: Money
    description: str = ""

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency):
            raise TermsInvalid(f"a wheeling charge is not negative: {self.amount}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What an offer takes off the energy cost, in per cent of it."""

    title: str
    percent: Decimal

    def __post_init__(self) -> None:
        _check_number(self.percent, name="a discount in per cent", most=_WHOLE_PERCENT)
        if self.percent == 0:
            raise TermsInvalid("a discount of 0 per cent is none; leave it out")


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
