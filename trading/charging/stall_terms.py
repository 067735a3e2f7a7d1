"""The terms of an EvChargingOffer v3.0: charging is sold by the minute of a stall, and by the kWh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from kernel.money import Money
from trading.rates import Price, TermsInvalid

_NO_TIME: Final = timedelta(0)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationTerms:
    """What reserving a start costs, and what the operator owes who is late: by the minute, up to a cap."""

    fee: Money
    cancel_before: timedelta
    delay_credit: Money
    cap: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class StallTerms:
    """The terms of an EvChargingOffer v3.0. Units: money for a minute, but for the energy's price."""

    energy: Price
    occupancy: Money
    idle: Money
    grace: timedelta
    most_demotions: int
    grid_credit: Money
    reservation: ReservationTerms | None = None

    @property
    def amounts(self) -> tuple[Money, ...]:
        """Every amount of money that is named."""
        reserved = self.reservation
        own = (self.occupancy, self.idle, self.grid_credit)
        return own if reserved is None else (*own, reserved.fee, reserved.delay_credit, reserved.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class StallOffer:
    """What is sold of a stall of its own: its terms, and the power that the session is promised (kW).

    One stall has no queue to be put back in: a driver that is not there in time is given up.
    Raises: TermsInvalid.
    """

    terms: StallTerms
    promised: Decimal

    def __post_init__(self) -> None:
        terms, reserved = self.terms, self.terms.reservation
        if any(amount < Money.zero(amount.currency) for amount in terms.amounts):
            raise TermsInvalid("what a stall costs, and what is credited, is not negative")
        if self.promised <= 0:
            raise TermsInvalid(f"a stall promises more power than nothing, not {self.promised} kW")
        times = (terms.grace, _NO_TIME if reserved is None else reserved.cancel_before)
        if any(time < _NO_TIME or time % _MINUTE for time in times):
            raise TermsInvalid("a grace, and a notice of cancelling, is whole minutes")
        if terms.most_demotions:
            raise TermsInvalid("there is nothing to be demoted to where a stall is sold by itself")
