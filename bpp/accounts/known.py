"""What a contract is settled from: what its meters counted, and how it was cut, ended or used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bpp.accounts.meter_sharing import Metered, allocation_at, read_counted, read_left
from kernel.energy import ZERO_ENERGY
from kernel.local_periods import Cadence
from settlement.agreement import Agreement
from storage.unit_of_work import UnitOfWork
from trading.cancellation import Cancellation
from trading.cancellations import CancellationStore
from trading.charging.session import Session
from trading.charging.session_store import SessionStore
from trading.contract import Contract
from trading.curtailments import CurtailmentStore
from trading.delivery import (
    Cut,
)
from trading.lifecycle import ContractStatus
from trading.meter_claims import MeterEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """Energy of both meters of a contract within its window, interval by interval."""

    exported: Metered = ()
    imported: Metered = ()

    @property
    def have_reported(self) -> bool:
        return bool(self.exported or self.imported)

    @property
    def count(self) -> int:
        """How many intervals both have."""
        return len(self.exported) + len(self.imported)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterAccount:
    """What both meters counted, and what of that the contracts before this one leave to it."""

    counted: Meters
    left: Meters


_NOTHING_COUNTED: Final = MeterAccount(counted=Meters(), left=Meters())


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a contract is settled from, as it is known now."""

    meters: MeterAccount
    cut: Cut | None
    cancellation: Cancellation | None = None
    session: Session | None = None

    def agreement(self, contract: Contract) -> Agreement:
        """Return what settlement must know of the contract."""
        return agreement_of(contract, cut=self.cut, cancellation=self.cancellation, session=self.session)


async def read_known(contract: Contract, uow: UnitOfWork) -> Known:
    """Return what a binding contract is settled from."""
    cut = await CurtailmentStore(uow.connection).find_cut(contract.id)
    cancellation = await CancellationStore(uow.connection).find(contract)
    session = await SessionStore(uow.connection).find(contract.id) if contract.terms.session else None
    is_empty = contract.never_began or (session is not None and session.started_at is None)
    meters = _NOTHING_COUNTED if is_empty else await read_meters(contract, uow)
    return Known(meters=meters, cut=cut, cancellation=cancellation, session=session)


async def read_meters(contract: Contract, uow: UnitOfWork) -> MeterAccount:
    """Return the account of both meters, as known now."""
    counted: dict[MeterEnd, Metered] = {}
    left: dict[MeterEnd, Metered] = {}
    for end in MeterEnd:
        counted[end] = await read_counted(contract, end, uow, window=contract.window)
        left[end] = await read_left(contract, end, uow, counted=counted[end])
    return MeterAccount(
        counted=Meters(exported=counted[MeterEnd.SOURCE], imported=counted[MeterEnd.TARGET]),
        left=Meters(exported=left[MeterEnd.SOURCE], imported=left[MeterEnd.TARGET]),
    )


def agreement_of(
    contract: Contract,
    *,
    cut: Cut | None,
    cancellation: Cancellation | None = None,
    session: Session | None = None,
) -> Agreement:
    """Return what settlement must know of a contract, of how it was ended only what is owed for that.

    Of a session as much may be taken as was ordered and is paid for beside that.
    """
    agreed = contract.terms.session
    ended = cancellation if cancellation is not None and cancellation.owed.minor else None
    return Agreement(
        contract_id=contract.id,
        window=ended.settled_window if ended and ended.before_delivery else contract.window,
        contracted=contract.quantity + (agreed.extra if agreed else ZERO_ENERGY),
        terms=contract.terms,
        zone=contract.zone,
        curtailed=ZERO_ENERGY if cut is None else cut.quantity,
        source_allocation=allocation_at(contract, MeterEnd.SOURCE),
        target_allocation=allocation_at(contract, MeterEnd.TARGET),
        matching=contract.terms.matching,
        billing=Cadence(contract.terms.billing_period.value),
        metering_interval=contract.terms.metering,
        is_terminated=contract.status is ContractStatus.TERMINATED,
        cancellation=ended,
        session=session.facts if session and not session.is_open else None,
    )
