"""Taxes on lines that are rounded already: one rounding for each rate and jurisdiction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from kernel.currency import Currency
from kernel.money import Money, Rounding, round_to_minor, sum_money
from trading.charges import WHOLE_PERCENT, LineKind, Tax

Taxable: TypeAlias = tuple[LineKind, Money]
"""A line of a bill or a quote: what it is for, and its rounded amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxGroup:
    """A tax at one rate in one jurisdiction; `shares` show it over the lines and add up to `amount`."""

    title: str
    percent: Decimal
    jurisdiction: str
    amount: Money
    shares: tuple[Money, ...]

    @property
    def label(self) -> str:
        """The tax as a line names it."""
        return f"{self.title} ({self.percent.normalize():f} %, {self.jurisdiction})"


def group_taxes(
    lines: Sequence[Taxable],
    taxes: Sequence[Tax],
    *,
    currency: Currency,
    rounding: Rounding = Rounding.HALF_UP,
) -> list[TaxGroup]:
    """Return the taxes on `lines`, without those that come to nothing.

    Taxes of the same rate and jurisdiction are one: their lines are added up, multiplied and rounded
    once. A line that two of them name is taxed once.
    """
    groups: dict[tuple[Decimal, str], list[Tax]] = {}
    for tax in taxes:
        groups.setdefault(tax.group, []).append(tax)
    made = [_tax(lines, members, currency=currency, rounding=rounding) for members in groups.values()]
    return [group for group in made if group.amount.minor]


def _tax(
    lines: Sequence[Taxable], members: Sequence[Tax], *, currency: Currency, rounding: Rounding
) -> TaxGroup:
    nought = Money.zero(currency)
    kinds = frozenset[LineKind]().union(*(tax.applies_to for tax in members))
    taxed = [amount if kind in kinds else nought for kind, amount in lines]
    base = sum_money(taxed, currency=currency)
    percent, jurisdiction = members[0].group
    exact = Fraction(base.amount) * Fraction(percent) / WHOLE_PERCENT
    amount = round_to_minor(exact, currency, rounding=rounding)
    shares = amount.split([money.minor for money in taxed]) if amount.minor else [nought] * len(taxed)
    return TaxGroup(
        title=members[0].title,
        percent=percent,
        jurisdiction=jurisdiction,
        amount=amount,
        shares=tuple(shares),
    )
