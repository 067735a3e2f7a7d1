"""What is known of a charging session when it is over, and what that costs beside its energy. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from trading.charging.fees import NO_TIME, SessionTerms
from trading.charging.stall_ledger import StallRows

IDLE_FEE: Final = "Idle Fee"
OCCUPANCY: Final = "Occupancy"
NO_SHOW_FEE: Final = "No-show Fee"
RESERVATION_FEE: Final = "Reservation Fee"
"""Titles of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """How a session went: `began`, or was `missed`, or neither where it is not the driver's fault.

    `charging` is the time from its start until its charging ended, `idle` how long the vehicle stayed then.
    Of a stall there are the `rows` of its ledger, and the start that was reserved, if one was.
    """

    began: bool
    missed: bool = False
    charging: timedelta = NO_TIME
    idle: timedelta = NO_TIME
    rows: StallRows = ()
    reserved_start: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCost:
    """One thing that a session costs beside its energy, exact, in major units."""

    title: str
    amount: Fraction


def session_costs(terms: SessionTerms, facts: SessionFacts) -> Iterator[SessionCost]:
    """Return what a session costs beside its energy, in the order of a bill."""
    if terms.occupancy is not None:
        yield SessionCost(title=OCCUPANCY, amount=terms.occupancy.cost(facts.charging))
    if terms.idle is not None:
        yield SessionCost(title=IDLE_FEE, amount=terms.idle.cost(facts.idle))
    if terms.no_show is not None and facts.missed:
        yield SessionCost(title=NO_SHOW_FEE, amount=Fraction(terms.no_show.fee.amount))
