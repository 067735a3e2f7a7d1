"""The life cycle of a contract, as a table.

Source: EnergyTradeContract v0.2, contractStatus. What the table does not hold is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kernel.errors import NodeError


class ContractStatus(StrEnum):
    """How far a contract has come (the wire's own words)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class ContractEvent(StrEnum):
    """What happens to a contract."""

    CONFIRM = "CONFIRM"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"


NEXT: Final[Mapping[tuple[ContractStatus, ContractEvent], ContractStatus]] = MappingProxyType(
    {
        (ContractStatus.PENDING, ContractEvent.CONFIRM): ContractStatus.ACTIVE,
        (ContractStatus.PENDING, ContractEvent.CANCEL): ContractStatus.TERMINATED,
        (ContractStatus.PENDING, ContractEvent.EXPIRE): ContractStatus.TERMINATED,
        (ContractStatus.PENDING, ContractEvent.FAIL): ContractStatus.TERMINATED,
        (ContractStatus.ACTIVE, ContractEvent.COMPLETE): ContractStatus.COMPLETED,
        (ContractStatus.ACTIVE, ContractEvent.CANCEL): ContractStatus.TERMINATED,
        (ContractStatus.ACTIVE, ContractEvent.FAIL): ContractStatus.TERMINATED,
    }
)

FINAL: Final = frozenset({ContractStatus.COMPLETED, ContractStatus.TERMINATED})


class StateTransitionInvalid(NodeError):
    """The contract is in no state in which that can happen to it."""

    code, http_status, retryable = "BIZ_INVALID_STATE_TRANSITION", 409, False


def next_status(status: ContractStatus, event: ContractEvent) -> ContractStatus:
    """Return where `event` takes a contract. Raises: StateTransitionInvalid."""
    try:
        return NEXT[status, event]
    except KeyError:
        possible = ", ".join(event for at, event in NEXT if at is status)
        raise StateTransitionInvalid(
            f"{event} cannot happen to a contract that is {status}",
            hint=f"Possible now: {possible}." if possible else f"{status} is final.",
        ) from None
