"""Settlement cycles: one for each period in which a contract settles, and the way each one goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money
from settlement.lines import LineItem
from settlement.periods import WIRE_RESOLUTION

FIRST_RUN: Final = 1


class CycleStatus(StrEnum):
    """How far a settlement cycle has come (EnergyTradeContract v0.2)."""

    PENDING = "PENDING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"


class CycleEvent(StrEnum):
    """What happens to a settlement cycle."""

    POSTED = "POSTED"
    """Its period is closed and its amount stands."""
    GIVEN_UP = "GIVEN_UP"
    """It could not be settled, however often it was tried."""
    REQUEUED = "REQUEUED"
    """It is to be tried again."""


NEXT_CYCLE_STATUS: Final[Mapping[tuple[CycleStatus, CycleEvent], CycleStatus]] = {
    (CycleStatus.PENDING, CycleEvent.POSTED): CycleStatus.SETTLED,
    (CycleStatus.PENDING, CycleEvent.GIVEN_UP): CycleStatus.FAILED,
    (CycleStatus.FAILED, CycleEvent.REQUEUED): CycleStatus.PENDING,
}
"""Everything that may happen; SETTLED is the end."""


class CycleTransitionInvalid(NodeError):
    """A settlement cycle cannot go that way."""

    code, http_status, retryable = "SETTLEMENT_CYCLE_STATE_INVALID", 409, False


def next_cycle_status(status: CycleStatus, event: CycleEvent) -> CycleStatus:
    """Return the status that follows `status` upon `event`.

    Raises: CycleTransitionInvalid.
    """
    following = NEXT_CYCLE_STATUS.get((status, event))
    if following is None:
        raise CycleTransitionInvalid(f"a settlement cycle that is {status} cannot be {event}")
    return following


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementCycle:
    """What one period of a contract came to; nought of everything while it is not settled."""

    contract_id: str
    cycle_id: str
    period: Interval
    """The whole period of the market."""
    metered: Interval
    """The part of it that lies in the contract's window."""
    status: CycleStatus
    amount: Money
    delivered: Energy
    lines: tuple[LineItem, ...] = ()
    """What the amount is the exact sum of; there once it is settled."""
    explanation: Mapping[str, Any] | None = None
    """What the amount was computed from; there once it is settled."""
    run: int = FIRST_RUN
    basis: bytes | None = field(default=None, compare=False)
    """The digest of what decides the amount, see `settlement.basis`; None where none was kept yet."""

    @property
    def is_settled(self) -> bool:
        return self.status is CycleStatus.SETTLED

    @property
    def wire_start(self) -> datetime:
        return self.period.start

    @property
    def wire_end(self) -> datetime:
        """The last second of the period, as peers write it."""
        return self.period.end - WIRE_RESOLUTION
