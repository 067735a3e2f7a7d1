"""Penalties where the lesser of both sides is settled: whoever fell short pays for it.

What a meter owes depends on all that it fell short in an interval, not on how that was shared out over
its contracts; so it is computed once per meter and interval, and then attributed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kernel.currency import Currency
from kernel.money import Money, Rounding
from settlement.matching.result import Side
from settlement.shortfall.exact_cost import cost_of
from trading.penalties import TEN_PER_CENT, Payee, Tolerance, shortfall


class PenaltyInvalid(ValueError):
    """A rate at which nobody would be made to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyTerms:
    """What a kWh of shortfall costs, in major units, and to whom. Raises: PenaltyInvalid."""

    per_kwh: Decimal
    currency: Currency
    payee: Payee = Payee.INJURED_SIDES_UTILITY
    tolerance: Tolerance = TEN_PER_CENT
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        if not (self.per_kwh.is_finite() and self.per_kwh >= 0):
            raise PenaltyInvalid(f"a penalty is not {self.per_kwh} per kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What was to be delivered under one contract in an interval, less what was cut, and what was, in Wh."""

    contract_id: str
    deliverable_wh: int
    allocated_wh: int

    @property
    def short_wh(self) -> int:
        return shortfall(deliverable=self.deliverable_wh, allocated=self.allocated_wh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """What one side's meter owes for an interval, and for which contract how much of it."""

    side: Side
    short_wh: int
    payee: Payee
    amount: Money
    by_contract: Mapping[str, Money]


def penalize(
    obligations: Collection[Obligation], *, metered_wh: int, side: Side, terms: PenaltyTerms
) -> Penalty:
    """Return what a meter owes that counted `metered_wh` in an interval where all `obligations` were due.

    The parts add up to the amount: by what each contract was short of, in whole minor units by largest
    remainder, the lower id first. Contracts that were not short have no part.
    """
    deliverable = sum(each.deliverable_wh for each in obligations)
    short = shortfall(deliverable=deliverable, allocated=metered_wh)
    counting = terms.tolerance.counting(short, deliverable=deliverable)
    amount = cost_of(counting, terms.per_kwh, terms.currency, rounding=terms.rounding)
    return Penalty(
        side=side,
        short_wh=short,
        payee=terms.payee,
        amount=amount,
        by_contract=_attribute(amount, obligations) if short else {},
    )


def _attribute(amount: Money, obligations: Collection[Obligation]) -> dict[str, Money]:
    short = sorted((each for each in obligations if each.short_wh), key=lambda each: each.contract_id)
    parts = amount.split([each.short_wh for each in short])
    return {each.contract_id: part for each, part in zip(short, parts, strict=True)}
