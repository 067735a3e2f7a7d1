"""Money as whole minor units with its currency, and the one place where it is rounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from functools import total_ordering
from typing import Final, Self

from kernel.currency import Currency
from kernel.proportion import split_whole

_DIGITS: Final = 60  # of the largest amount; keeps 1E+999999999 from being spelled out
_EXACT: Final = Context(prec=_DIGITS, traps=[Inexact, InvalidOperation])
"""Where a result does not fit, it raises instead of rounding."""
_ROUNDING: Final = Context(prec=_DIGITS, traps=[InvalidOperation])


class Rounding(StrEnum):
    """How a line's exact amount becomes minor units; a property of a ledger, never mixed."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


class NotMinorUnits(ValueError):
    """An amount has more decimals than its currency has, or is no amount at all."""


@total_ordering
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

        Raises: NotMinorUnits, if it does not fit the currency's minor unit or is no amount at all.
        """
        if isinstance(amount, float | bool):
            raise TypeError(f"money is a Decimal, int or str in major units, not {amount!r}")
        try:
            return cls(_minor(_EXACT.quantize(Decimal(amount), _unit(currency)), currency), currency)
        except Inexact as error:
            raise NotMinorUnits(
                f"{amount} {currency.code} has more than {currency.exponent} decimals"
            ) from error
        except (InvalidOperation, ValueError) as error:  # the latter of NaN
            raise NotMinorUnits(f"{amount!r} is no amount of {currency.code}") from error

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact, with the currency's number of decimals."""
        return _EXACT.scaleb(Decimal(self.minor), Decimal(-self.currency.exponent))

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
        return [Money(share, self.currency) for share in split_whole(self.minor, weights)]


def round_to_minor(
    exact: Decimal | Fraction, currency: Currency, *, rounding: Rounding = Rounding.HALF_UP
) -> Money:
    """Return the one amount of money nearest to `exact` major units.

    This is where rounding happens, once, at the line item; nothing else rounds money.
    Raises: NotMinorUnits, if it is no amount at all.
    """
    if isinstance(exact, Fraction):
        return Money(_nearest(exact * 10**currency.exponent, rounding), currency)
    try:
        rounded = exact.quantize(_unit(currency), rounding=rounding.value, context=_ROUNDING)
        return Money(_minor(rounded, currency), currency)
    except (InvalidOperation, ValueError) as error:  # the latter of NaN
        raise NotMinorUnits(f"{exact} is no amount of {currency.code}") from error


def sum_money(amounts: Iterable[Money], *, currency: Currency) -> Money:
    """Return the exact sum of `amounts`, nought of `currency` when there are none."""
    return sum(amounts, Money.zero(currency))


def _unit(currency: Currency) -> Decimal:
    return Decimal((0, (1,), -currency.exponent))


def _nearest(exact: Fraction, rounding: Rounding) -> int:
    """Return the nearest whole number; a half goes away from nought, or to the even neighbour."""
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    beyond = 2 * rest - exact.denominator
    up = beyond > 0 or (beyond == 0 and (rounding is Rounding.HALF_UP or whole % 2 == 1))
    nearest = whole + up
    return -nearest if exact < 0 else nearest


def _minor(quantized: Decimal, currency: Currency) -> int:
    return int(_EXACT.scaleb(quantized, Decimal(currency.exponent)))
