"""A session at a stall as settlement knows it: its ledger, with what the meter counted in each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kernel.energy import Energy
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.charges.line import ChargeLine
from settlement.quantities import CycleQuantities
from settlement.stall_flows import (
    ENERGY,
    GRID_DELAY,
    IDLE,
    OCCUPANCY,
    OPERATOR_DELAY,
    RESERVATION,
    flows_of,
)
from trading.charges import LineKind
from trading.charging import facts
from trading.charging.stall_ledger import StallSession, with_energies
from trading.wheeling import Side

OPERATOR_DELAY_CREDIT: Final = "Operator Delay Credit"
GRID_DELAY_CREDIT: Final = "Grid Delay Credit"
_TITLES: Final = {
    OCCUPANCY: facts.OCCUPANCY,
    IDLE: facts.IDLE_FEE,
    RESERVATION: facts.RESERVATION_FEE,
    OPERATOR_DELAY: OPERATOR_DELAY_CREDIT,
    GRID_DELAY: GRID_DELAY_CREDIT,
}
"""What a flow is called on a bill, or as a credit."""


def stall_in(quantities: CycleQuantities, agreement: Agreement) -> StallSession | None:
    """Return the session of the last cycle of a contract for a stall, None of all others."""
    terms, session = agreement.terms.session, agreement.session
    is_last = quantities.cycle.metered.end == agreement.window.end
    if not is_last or terms is None or terms.stall is None or session is None or not session.rows:
        return None
    side = quantities.exported.side
    counted = [
        (interval, Energy(watt_hours))
        for interval, watt_hours in zip(side.intervals, side.watt_hours, strict=True)
    ]
    return StallSession(
        terms=terms.stall.terms,
        promised=terms.stall.promised,
        rows=with_energies(session.rows, counted, total=quantities.to_date.total),
        reserved_start=session.reserved_start,
    )


def stall_lines(quantities: CycleQuantities, agreement: Agreement) -> list[ChargeLine]:
    """Return what time at a stall costs, and what the operator credits for time that was lost.

    The energy has a line of its own, and so has what a late cancellation costs, in place of the fee.
    """
    session = stall_in(quantities, agreement)
    if session is None:
        return []
    apart = {ENERGY} | ({RESERVATION} if agreement.cancellation is not None else set())
    return [_line(flow.title, flow.driver) for flow in flows_of(session) if flow.title not in apart]


def explain_stall(quantities: CycleQuantities, agreement: Agreement) -> dict[str, Any]:
    """Return what flowed in each row of the ledger, and what is credited; nothing where no stall is sold."""
    session = stall_in(quantities, agreement)
    if session is None:
        return {}
    credited = sum(line.net.minor for line in stall_lines(quantities, agreement) if line.side is Side.SELLER)
    energies = [None if row.energy is None else row.energy.watt_hours for row in session.rows]
    return {"stall": {"energies_wh": energies, "credit_minor": credited}}


def energies_in(quantities: CycleQuantities, agreement: Agreement) -> Iterator[int]:
    """Yield the Wh of each row in which energy flowed."""
    session = stall_in(quantities, agreement)
    for row in () if session is None else session.rows:
        if row.energy is not None:
            yield row.energy.watt_hours


def _line(title: str, driver: Money) -> ChargeLine:
    """Return what the driver pays, or is credited: where its flow is positive, the seller owes it."""
    is_credit = driver.minor > 0
    amount = Money(abs(driver.minor), driver.currency)
    return ChargeLine(
        kind=LineKind.PENALTY if is_credit else LineKind.FEE,
        title=_TITLES[title],
        gross=amount,
        net=amount,
        side=Side.SELLER if is_credit else Side.BUYER,
    )
