"""The statement of a contract's bill: what its meters counted and who came first on them, as known when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from bpp.accounts.known import agreement_of
from bpp.accounts.meter_sharing import allocation_at, direction_at, share_at
from kernel.interval import Interval
from metering.history import History, energy_history
from settlement.explanation import Record
from settlement.statements.evidence import (
    EarlierClaim,
    Evidence,
    KnownCut,
    KnownReading,
    MeterEvidence,
    track_readings,
)
from settlement.statements.kept import find_kept
from settlement.statements.statement import write_statement
from storage.unit_of_work import UnitOfWork
from trading.cancellations import CancellationStore
from trading.charging.session_store import SessionStore
from trading.contract import Contract
from trading.curtailments import CurtailmentStore
from trading.lifecycle import ContractStatus
from trading.meter_claims import MeterClaim, MeterEnd, find_earlier_claims


async def make_statement(contract: Contract, bill_id: str, uow: UnitOfWork, *, now: datetime) -> Record:
    """Return the statement of a bill, with all that it follows from. Raises: BillNotFound."""
    kept = await find_kept(contract.id, bill_id, uow=uow)
    instants = sorted({run.settled_at for run in kept.runs})
    cut = await CurtailmentStore(uow.connection).find_cut(contract.id)
    session = await SessionStore(uow.connection).find(contract.id)
    began = session is None or session.started_at is not None
    cancellation = await CancellationStore(uow.connection).find(contract)
    agreement = agreement_of(contract, cut=cut, session=session, cancellation=cancellation)
    contract = replace(contract, window=agreement.window)
    evidence = Evidence(
        agreement=agreement,
        confirmed_at=contract.confirmed_at or contract.created_at,
        exported=await _meter(contract, MeterEnd.SOURCE, instants if began else (), uow),
        imported=await _meter(contract, MeterEnd.TARGET, instants if began else (), uow),
        cuts=await _cuts(contract.id, uow),
        fulfilled_at=contract.ended_at if contract.status is ContractStatus.COMPLETED else None,
        terminated_at=contract.ended_at if contract.status is ContractStatus.TERMINATED else None,
    )
    return write_statement(kept, evidence, now=now)


async def _meter(
    contract: Contract, end: MeterEnd, instants: Sequence[datetime], uow: UnitOfWork
) -> MeterEvidence:
    """Return what a meter tells of the contract; nothing, if there are no instants at which it was asked."""
    claims: list[MeterClaim] = []
    if instants and share_at(contract, end) is None:
        claims = await find_earlier_claims(uow.connection, contract, end=end, cut_by=None)
    claims.sort(key=lambda claim: (claim.confirmed_at, claim.contract_id))
    meter: str = getattr(contract, end.value)
    histories = [
        history
        for part in _parts(contract.window, claims)
        for history in await energy_history(
            uow.connection, meter=meter, direction=direction_at(contract, end), window=part, instants=instants
        )
    ]
    return MeterEvidence(
        meter=meter,
        allocation=allocation_at(contract, end),
        readings=_track(histories),
        claims=tuple([await _claim(claim, uow) for claim in claims]),
    )


def _parts(window: Interval, claims: Sequence[MeterClaim]) -> list[Interval]:
    """Return the time from the earliest claim on, cut where a window begins or ends."""
    windows = [window, *(claim.window for claim in claims)]
    edges = {edge for each in windows for edge in (each.start, each.end) if edge <= window.end}
    return [Interval(start, end) for start, end in pairwise(sorted(edges))]


def _track(histories: Sequence[History]) -> tuple[KnownReading, ...]:
    """Return what was known when of all stretches of time, in their order."""
    known = [
        reading
        for history in histories
        for reading in track_readings(
            (at, [(found.period, found.energy) for found in seen]) for at, seen in history
        )
    ]
    return tuple(sorted(known, key=lambda each: (each.interval, each.known_from)))


async def _claim(claim: MeterClaim, uow: UnitOfWork) -> EarlierClaim:
    return EarlierClaim(
        confirmed_at=claim.confirmed_at,
        window=claim.window,
        contracted=claim.quantity,
        cuts=tuple(
            replace(cut, energy=claim.cut_at_meter(cut.energy)) for cut in await _cuts(claim.contract_id, uow)
        ),
    )


async def _cuts(contract_id: str, uow: UnitOfWork) -> tuple[KnownCut, ...]:
    return tuple(
        KnownCut(
            since=said.curtailment.since,
            energy=said.curtailment.cut.quantity,
            known_from=said.recorded_at,
        )
        for said in await CurtailmentStore(uow.connection).find_all(contract_id)
    )
