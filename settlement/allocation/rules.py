"""The rules by which energy is shared out, and the version of each that is recorded with its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

WHOLE: Final = 100
"""Per cent."""


class AllocationInvalid(ValueError):
    """Energy, claims or a policy by which nothing could be shared out."""


class AllocationRule(StrEnum):
    """How energy that several contracts claim is shared out among them."""

    FIFO = "FIFO"
    """Each takes what it may in the order in which they were traded."""
    PRO_RATA = "PRO_RATA"
    """In proportion to what each claims, whole Wh by largest remainder."""
    STATIC_KEY = "STATIC_KEY"
    """Each has a fixed share of the meter; what it does not use is lost to the others."""
    PREFERENCE = "PREFERENCE"
    """The meter's owner splits it over communities first, and a rule holds within each."""
    SEQUENTIAL = "SEQUENTIAL"
    """In the order of trading, each as much as both of its meters still have."""
    DYNAMIC = "DYNAMIC"
    """Pro rata on both sides, again and again, until nothing more can be settled."""
    OPTIMAL = "OPTIMAL"
    """As much in all as can be settled."""


JOINT: Final = frozenset({AllocationRule.SEQUENTIAL, AllocationRule.DYNAMIC, AllocationRule.OPTIMAL})
"""Rules that look at both meters of every contract at once; the others know one meter alone."""

VERSIONS: Final[Mapping[AllocationRule, int]] = {
    **dict.fromkeys(AllocationRule, 1),
    AllocationRule.STATIC_KEY: 2,  # carries fractions of a Wh from one interval into the next
}
"""Raise a rule's version when it would share out anything otherwise than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRule:
    """The rule that a result was reached by, as it is recorded."""

    rule: AllocationRule
    version: int

    @classmethod
    def of(cls, rule: AllocationRule) -> AppliedRule:
        """Return the rule in its version of today."""
        return cls(rule=rule, version=VERSIONS[rule])

    def __str__(self) -> str:
        return f"{self.rule}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one meter's energy is shared out.

    `coefficients` are the per cent of the meter that its owner gives to each community, and `within` the
    rule among a community's contracts; both are for PREFERENCE alone.
    Raises: AllocationInvalid.
    """

    rule: AllocationRule = AllocationRule.FIFO
    coefficients: Mapping[str, Decimal] = field(default_factory=dict)
    within: AllocationRule = AllocationRule.FIFO

    def __post_init__(self) -> None:
        if {self.rule, self.within} & JOINT:
            raise AllocationInvalid(f"{', '.join(sorted(JOINT))} share out both sides at once, not one meter")
        if self.within is AllocationRule.PREFERENCE:
            raise AllocationInvalid("communities are not split into communities")
        if (self.rule is AllocationRule.PREFERENCE) != bool(self.coefficients):
            raise AllocationInvalid("PREFERENCE, and nothing else, goes by coefficients")
        check_shares(self.coefficients)

    @property
    def applied(self) -> AppliedRule:
        """The rule in its version of today."""
        return AppliedRule.of(self.rule)


def check_shares(shares: Mapping[str, Decimal]) -> None:
    """Let shares in per cent pass that together are no more than the whole. Raises: AllocationInvalid."""
    for whose, percent in shares.items():
        if not percent.is_finite() or percent < 0:
            raise AllocationInvalid(f"{percent} is no share of {whose}")
    if sum(shares.values()) > WHOLE:
        raise AllocationInvalid(f"shares add up to {sum(shares.values())} %: {', '.join(sorted(shares))}")


def share_of(watt_hours: int, percent: Decimal) -> int:
    """Return so many per cent of an energy in whole Wh, rounded down: exact, whatever the decimals."""
    numerator, denominator = percent.as_integer_ratio()
    return watt_hours * numerator // (denominator * WHOLE)
