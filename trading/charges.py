"""What is taken off the energy's cost and what is added to it: discounts, fees, add-ons, taxes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.periods import BillingPeriod
from trading.rates import Price, TermsInvalid, check_number

WHOLE_PERCENT: Final = 100


class LineKind(StrEnum):
    """What a line of a bill is for, in the order in which lines are shown."""

    ENERGY = "ENERGY"
    WHEELING = "WHEELING"
    SURCHARGE = "SURCHARGE"
    FEE = "FEE"
    ADD_ON = "ADD_ON"
    PENALTY = "PENALTY"
    ADJUSTMENT = "ADJUSTMENT"
    TAX = "TAX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent:
    """A part of the energy's cost, in per cent of what is left of it after all discounts, or before any."""

    of_energy: Decimal
    before_discounts: bool = False

    def __post_init__(self) -> None:
        check_number(self.of_energy, name="a charge in per cent", most=WHOLE_PERCENT)


Value: TypeAlias = Money | Price | Percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A fee, a surcharge or an add-on, which has a line of its own.

    Money is due once, in the first settlement cycle in which anything is settled; with `every` it is due
    for each such period of the calendar, in proportion to its days. A price is due on what was
    settled, a per cent of its cost. Raises: TermsInvalid.
    """

    kind: LineKind
    title: str
    value: Value
    every: BillingPeriod | None = None

    def __post_init__(self) -> None:
        if self.kind not in (LineKind.FEE, LineKind.SURCHARGE, LineKind.ADD_ON):
            raise TermsInvalid(f"{self.kind} is no kind of charge; use FEE, SURCHARGE or ADD_ON")
        if isinstance(self.value, Money) and self.value < Money.zero(self.value.currency):
            raise TermsInvalid(f"a charge is not negative: {self.title} {self.value}")
        if isinstance(self.value, Percent) and self.kind is LineKind.ADD_ON:
            raise TermsInvalid(f"an add-on costs an amount or a price per kWh, no per cent: {self.title}")
        if self.every is not None and not (isinstance(self.value, Money) and self.kind is LineKind.ADD_ON):
            raise TermsInvalid(f"only an add-on that is an amount comes again every period: {self.title}")

    @property
    def currency(self) -> Currency | None:
        return None if isinstance(self.value, Percent) else self.value.currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What an offer takes off the energy cost, in per cent of it; a promotion does so for a time.

    Several are added up, to 100 per cent at most.
    """

    title: str
    percent: Decimal
    validity: Interval | None = None

    def __post_init__(self) -> None:
        check_number(self.percent, name="a discount in per cent", most=WHOLE_PERCENT)
        if self.percent == 0:
            raise TermsInvalid("a discount of 0 per cent is none; leave it out")

    def holds_at(self, instant: datetime) -> bool:
        return self.validity is None or instant in self.validity


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOff:
    """An amount that is taken off a contract's energy cost once, as far as there is cost to take it off.

    A promotion is for contracts whose delivery begins within its `validity`.
    """

    title: str
    amount: Money
    validity: Interval | None = None

    def __post_init__(self) -> None:
        if self.amount <= Money.zero(self.amount.currency):
            raise TermsInvalid(f"a discount is more than nothing: {self.title} {self.amount}")

    def holds_at(self, instant: datetime) -> bool:
        return self.validity is None or instant in self.validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A fee for every period of the calendar, with so much energy in it; what is beyond has a price.

    The fee of a period that only some days of a contract lie in is due for these days; the energy in
    it is the whole period's.
    """

    fee: Money
    every: BillingPeriod = BillingPeriod.MONTHLY
    included: Energy = ZERO_ENERGY

    def __post_init__(self) -> None:
        if self.fee < Money.zero(self.fee.currency):
            raise TermsInvalid(f"a subscription's fee is not negative: {self.fee}")
        if self.included < ZERO_ENERGY:
            raise TermsInvalid(f"the energy within a subscription is not negative: {self.included}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A tax on the lines of some kinds, rounded once for each bill, rate and jurisdiction."""

    title: str
    percent: Decimal
    jurisdiction: str
    applies_to: frozenset[LineKind] = frozenset(LineKind) - {LineKind.TAX}

    def __post_init__(self) -> None:
        check_number(self.percent, name="a tax in per cent", most=WHOLE_PERCENT * WHOLE_PERCENT)
        if not self.applies_to or LineKind.TAX in self.applies_to:
            raise TermsInvalid(f"a tax is on some lines, and never on taxes: {self.title}")

    @property
    def group(self) -> tuple[Decimal, str]:
        """What is rounded together: the rate and the jurisdiction."""
        return self.percent, self.jurisdiction
