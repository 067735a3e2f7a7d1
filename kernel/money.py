"""Money as whole minor units with its currency, and the one place where it is rounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from typing import Self

from kernel.currency import Currency


class Rounding(StrEnum):
    """How a line's exact amount becomes minor units; a property of a ledger, never mixed."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


class NotMinorUnits(ValueError):
    """An amount has more decimals than its currency has."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, in its minor units (cents, paise, fils; yen have none)."""

    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is a whole number of minor units, not {self.minor!r}")

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        return cls(0, currency)

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: Currency) -> Self:
        """Return the money of an exact decimal amount in major units.

        Raises: NotMinorUnits, if it does not fit the currency's minor unit.
        """
        if isinstance(amount, float):
            raise TypeError("floats are refused for money; pass Decimal, int or str")
        scaled = Decimal(amount).scaleb(currency.exponent)
        if scaled != scaled.to_integral_value():
            raise NotMinorUnits(f"{amount} {currency.code} has more than {currency.exponent} decimals")
        return cls(int(scaled), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact, with the currency's number of decimals."""
        return Decimal(self.minor).scaleb(-self.currency.exponent)

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self} and {other} cannot be added")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __str__(self) -> str:
        return f"{self.amount} {self.currency.code}"

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Return shares in proportion to `weights` that add up to this amount exactly.

        What is left after rounding down goes to the largest remainders, the earlier first.
        Raises: ValueError, if a weight is negative or all are nought.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError(f"weights must be positive: {list(weights)}")
        floors = [self.minor * weight // total for weight in weights]
        remainders = [self.minor * weight % total for weight in weights]
        missing = self.minor - sum(floors)
        for index in sorted(range(len(weights)), key=lambda i: -remainders[i])[:missing]:
            floors[index] += 1
        return [Money(share, self.currency) for share in floors]


def round_to_minor(exact: Decimal, currency: Currency, *, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """Return the one amount of money nearest to `exact` major units.

    This is where rounding happens, once, at the line item; nothing else rounds money.
    """
    with localcontext() as context:
        context.prec = max(28, len(exact.as_tuple().digits) + 8)
        unit = Decimal(1).scaleb(-currency.exponent)
        return Money.of(exact.quantize(unit, rounding=rounding.value), currency)


def sum_money(amounts: Iterable[Money], *, currency: Currency) -> Money:
    """Return the exact sum of `amounts`, nought of `currency` when there are none."""
    return sum(amounts, Money.zero(currency))
