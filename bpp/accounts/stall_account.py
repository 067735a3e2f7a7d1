"""What a session at a stall came to, as it is told: worked out from the ledger that is told beside it."""

from __future__ import annotations

from dataclasses import replace

from kernel.energy import Energy
from settlement.stall_flows import flows_of
from trading.charging.report import report_of
from trading.charging.session import Session
from trading.charging.stall_ledger import Counted, StallSession, with_energies
from trading.contract import Contract
from trading.delivery import Flow, SessionReport


def told_of(session: Session, counted: Counted, *, delivered: Energy) -> SessionReport:
    """Return what is told of a session, at a stall with what flowed in each row of its ledger."""
    report = report_of(session)
    if not session.rows:
        return report
    rows = with_energies(session.rows, counted, total=delivered)
    return replace(report, rows=rows, reserved_start=session.facts.reserved_start)


def stall_flows(contract: Contract, told: SessionReport | None) -> tuple[Flow, ...]:
    """Return what the driver pays and is credited by the ledger that is told, nothing while it goes on."""
    terms = contract.terms.session
    if terms is None or terms.stall is None or told is None or not told.rows:
        return ()
    session = StallSession(
        terms=terms.stall.terms,
        promised=terms.stall.promised,
        rows=told.rows,
        reserved_start=told.reserved_start,
    )
    return tuple(Flow(title=flow.title, driver=flow.driver) for flow in flows_of(session))
