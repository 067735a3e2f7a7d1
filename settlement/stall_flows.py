"""What a session at a stall comes to, from its ledger alone: the flows between driver and operator. Pure.

Credits are for time, not energy: a limit delivers the energy later, and whoever is responsible for it pays
for the minutes that it added. Each line is rounded once; the other side's flow is the same with the other
sign, so all of them add up to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from kernel.energy import WATT_HOURS_PER_KWH, ZERO_ENERGY
from kernel.money import Money, round_to_minor, sum_money
from kernel.proportion import ratio
from trading.charging.fees import NO_TIME
from trading.charging.stall_ledger import (
    ENERGY_STATES,
    StallRow,
    StallSession,
    StallState,
    late_by,
    promised_in,
)
from trading.charging.stall_terms import ReservationTerms

_MINUTE: Final = timedelta(minutes=1)
_NOUGHT: Final = Fraction(0)

ENERGY: Final = "energy"
OCCUPANCY: Final = "occupancy"
IDLE: Final = "idle"
RESERVATION: Final = "reservation fee"
OPERATOR_DELAY: Final = "operator delay credit"
GRID_DELAY: Final = "grid delay credit"
"""What the flows are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StallFlow:
    """One thing that the driver pays, or is credited where it is positive, in words."""

    title: str
    driver: Money

    @property
    def operator(self) -> Money:
        return Money.zero(self.driver.currency) - self.driver


def flows_of(session: StallSession) -> tuple[StallFlow, ...]:
    """Return what a session that has ended comes to; lines of nothing are left out."""
    if session.last is None:
        return ()
    currency = session.terms.energy.currency
    lines = ((title, round_to_minor(exact, currency)) for title, exact in _lines(session))
    return tuple(StallFlow(title=title, driver=amount) for title, amount in lines if amount.minor)


def total_of(flows: tuple[StallFlow, ...], currency: Currency) -> Money:
    """Return what the driver pays in all, as a negative amount."""
    return sum_money((flow.driver for flow in flows), currency=currency)


def _lines(session: StallSession) -> Iterator[tuple[str, Fraction]]:
    """Return each line, exact, in major units; what the driver pays is negative."""
    terms = session.terms
    rows = [(row, lasting) for row, lasting in session.lasting() if row.state in ENERGY_STATES]
    by_cpo = _added(session, rows, StallState.LIMITED_BY_CPO)
    by_grid = _added(session, rows, StallState.LIMITED_BY_GRID)
    watt_hours = sum((row.energy or ZERO_ENERGY).watt_hours for row, _ in rows)
    yield ENERGY, -Fraction(watt_hours, WATT_HOURS_PER_KWH) * Fraction(terms.energy.per_kwh)
    on_stall = sum((ratio(lasting, _MINUTE) for _, lasting in rows), _NOUGHT)
    yield OCCUPANCY, -(on_stall - by_cpo - by_grid) * Fraction(terms.occupancy.amount)
    idle = sum((lasting for row, lasting in session.lasting() if row.state is StallState.IDLE), NO_TIME)
    yield IDLE, -ratio(max(NO_TIME, idle - terms.grace), _MINUTE) * Fraction(terms.idle.amount)
    if terms.reservation is not None:
        yield from _reserved(session, terms.reservation, by_cpo)
    yield GRID_DELAY, by_grid * Fraction(terms.grid_credit.amount)


def _reserved(
    session: StallSession, terms: ReservationTerms, by_cpo: Fraction
) -> Iterator[tuple[str, Fraction]]:
    """Return the fee, where it is kept, and what the operator owes for minutes that it added."""
    if _is_kept(session, terms):
        yield RESERVATION, -Fraction(terms.fee.amount)
    delay = ratio(late_by(session), _MINUTE) + by_cpo
    credit = min(delay * Fraction(terms.delay_credit.amount), Fraction(terms.cap.amount))
    yield OPERATOR_DELAY, credit


def _is_kept(session: StallSession, terms: ReservationTerms) -> bool:
    """Say whether the operator keeps the fee: it served in time, or the driver let it wait."""
    if session.last is StallState.DEPARTED:
        return late_by(session) == NO_TIME
    if session.last is StallState.CANCELLED and session.reserved_start is not None:
        return session.reserved_start - session.rows[-1].at < terms.cancel_before
    return session.last is StallState.NO_SHOW


def _added(session: StallSession, rows: list[tuple[StallRow, timedelta]], state: StallState) -> Fraction:
    """Return the minutes that limits of that kind added: what was not given, at the promised power."""
    added = _NOUGHT
    for row, lasting in rows:
        if row.state is state:
            given = (row.energy or ZERO_ENERGY).watt_hours
            short = max(_NOUGHT, promised_in(session.promised, lasting) - given)
            added += short * 60 / (Fraction(session.promised) * WATT_HOURS_PER_KWH)
    return added
