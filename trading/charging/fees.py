"""What a charging session costs beside its energy: minutes at the plug, a slot that nobody took, a buffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.money import Money
from kernel.proportion import ratio
from trading.charges import Charge, LineKind, Percent
from trading.charging.stall_terms import StallOffer
from trading.rates import TermsInvalid

NO_TIME: Final = timedelta(0)
_MINUTE: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteFee:
    """An amount for so many minutes, in proportion to time; the first `grace` costs nothing."""

    amount: Money
    minutes: int = 1
    grace: timedelta = NO_TIME

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency):
            raise TermsInvalid(f"a fee is not negative: {self.amount}")
        if self.minutes < 1 or self.grace < NO_TIME:
            raise TermsInvalid("a fee is for one minute or more, after a grace that is not negative")

    def cost(self, lasting: timedelta) -> Fraction:
        """Return what so much time costs, exactly, in major units."""
        counted = max(NO_TIME, lasting - self.grace)
        return Fraction(self.amount.amount) * ratio(counted, self.minutes * _MINUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoShow:
    """What is due for a reserved slot that nobody took: it is kept for `grace` after its start."""

    fee: Money
    grace: timedelta

    def __post_init__(self) -> None:
        if self.fee < Money.zero(self.fee.currency) or self.grace < NO_TIME:
            raise TermsInvalid("neither the fee for a slot nor the grace is negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What is paid beside the price of what was ordered, so that a little more may be taken.

    It is a part of the quote and of no bill: what more energy costs is taken from it, the rest returns.
    """

    title: str
    amount: Money
    energy: Energy

    def __post_init__(self) -> None:
        if self.amount < Money.zero(self.amount.currency) or self.energy < ZERO_ENERGY:
            raise TermsInvalid("a buffer is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """The terms of charging sessions: how long one may last, and what it costs beside its energy.

    `idle` is for the time that a vehicle stays at the plug after its charging ended, `occupancy` for the
    time from the start until then. `finder` is what the buyer's platform gets, and one of the charges.
    Where a `stall` is sold, time costs what its terms say, and none of these is beside them.
    """

    longest: timedelta = timedelta(hours=4)
    idle: MinuteFee | None = None
    occupancy: MinuteFee | None = None
    no_show: NoShow | None = None
    buffer: Buffer | None = None
    finder: Charge | None = None
    stall: StallOffer | None = None

    def __post_init__(self) -> None:
        if not _MINUTE <= self.longest <= _LONGEST:
            raise TermsInvalid(f"a session lasts from a minute to {_LONGEST.days} days, not {self.longest}")
        if self.finder is not None and self.finder.kind is not LineKind.FEE:
            raise TermsInvalid("what the buyer's platform gets is a fee")
        if self.stall is not None and self.stall.terms.grace > self.longest:
            raise TermsInvalid("a session at a stall may last as long as its grace at least")
        others = (self.idle, self.occupancy, self.no_show, self.finder)
        if self.stall is not None and any(each is not None for each in others):
            raise TermsInvalid(
                "time at a stall costs what the stall's own terms say, and nothing beside them"
            )

    @property
    def start_grace(self) -> timedelta | None:
        """How long a reserved slot waits for its driver; None for as long as it lasts."""
        if self.stall is not None:
            return self.stall.terms.grace
        return None if self.no_show is None else self.no_show.grace

    def promising(self, most: Decimal | None) -> SessionTerms:
        """Return the terms for a vehicle that takes so much at most (kW); a stall promises it no more."""
        stall = self.stall
        if stall is None or most is None or most >= stall.promised:
            return self
        return replace(self, stall=replace(stall, promised=most))

    @property
    def extra(self) -> Energy:
        """How much more than was ordered may be taken."""
        return ZERO_ENERGY if self.buffer is None else self.buffer.energy

    def currencies(self) -> Iterator[tuple[str, Currency]]:
        """Return every currency that is named, with what is in it."""
        if self.idle is not None:
            yield "the idle fee", self.idle.amount.currency
        if self.occupancy is not None:
            yield "the fee for occupancy", self.occupancy.amount.currency
        if self.no_show is not None:
            yield "the no-show fee", self.no_show.fee.currency
        if self.buffer is not None:
            yield "the buffer", self.buffer.amount.currency
        if self.stall is not None:
            for amount in self.stall.terms.amounts:
                yield "the stall", amount.currency


def finder_fee(value: Percent | Money) -> Charge:
    """Return what the buyer's platform gets as a charge; a per cent is of the energy before discounts."""
    if isinstance(value, Money):
        return Charge(kind=LineKind.FEE, title="Buyer finder fee", value=value)
    percent = f"{value.of_energy.normalize():f}"
    return Charge(kind=LineKind.FEE, title=f"Buyer finder fee ({percent} %)", value=value)
