"""A contract: who buys what from whom, on which terms, and how far it has come.

Decisions are pure: they take the contract and the time, and return the contract as it is afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from trading.grid import GridStanding
from trading.lifecycle import FINAL, ContractEvent, ContractStatus, next_status
from trading.offer import EnergySource
from trading.quote import Quote, quote_energy
from trading.refusals import AlreadyCancelled, AlreadyConfirmed, QuoteExpired
from trading.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The sale of a quantity of energy from one meter to another within a window.

    `id` is the order id, which nobody can guess, with the number of the line after it if that is not the
    first. `profile` names the wire that its buyer ordered it on,
    on which the buyer is told of news. `source_meter` and `target_meter` are written
    as the parties write them. `terms` are those of the offer when the quantity was held.
    `hold_until` is when a pending contract lapses; `refresh_at` when the contract has to be looked
    at again, None when never. `window.end` is earlier than agreed when the contract was cancelled
    during delivery. `reported` is the fingerprint of the last state that the buyer was told of, `standing`
    that of the statuses in it, `told_at` when the buyer was last told unasked.
    `buyer_order` is the order as the buyer sent it, with what we do not know. `grid` is what the trade has to
    do with utilities, None if none is asked. `line` says which of its order's `lines` it is, from one on.
    """

    id: str
    transaction_id: str
    bap_id: str
    bap_url: str
    buyer_id: str
    provider_id: str
    resource_id: str
    offer_id: str
    offer_name: str
    profile: str
    source: EnergySource
    target_meter: str
    quantity: Energy
    window: Interval
    terms: Terms
    zone: str
    status: ContractStatus
    created_at: datetime
    updated_at: datetime
    hold_until: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refresh_at: datetime | None = None
    reported: str = ""
    standing: str = ""
    told_at: datetime | None = None
    buyer_order: Mapping[str, Any] = field(default_factory=dict, compare=False)
    grid: GridStanding | None = None
    line: int = 1
    lines: int = 1

    @property
    def order_id(self) -> str:
        """The id of the order that it is a line of."""
        return self.id if self.line == 1 else self.id.removesuffix(f".{self.line}")

    @property
    def source_meter(self) -> str:
        return self.source.meter_id

    @property
    def source_mrid(self) -> str:
        """The canonical mRID of the producer's meter."""
        return self.source.mrid

    @property
    def target_mrid(self) -> str:
        """The canonical mRID of the consumer's meter."""
        return canonical_mrid(self.target_meter, lenient=True)

    @property
    def is_metered_once(self) -> bool:
        """Whether one meter is both ends: what it imports was handed over, and is given and taken at once."""
        return self.source_mrid == self.target_mrid

    @property
    def quote(self) -> Quote:
        """The price of the whole quantity under the frozen terms."""
        return quote_energy(self.quantity, self.terms, window=self.window, zone=self.zone)

    @property
    def is_binding(self) -> bool:
        """Whether it was confirmed: what is delivered under it is settled, however it ends."""
        return self.confirmed_at is not None

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL

    @property
    def never_began(self) -> bool:
        """Whether it was binding and ended before anything could be delivered."""
        has_ended = self.is_binding and self.status is ContractStatus.TERMINATED
        return has_ended and self.ended_at is not None and self.ended_at <= self.window.start

    def has_lapsed(self, now: datetime) -> bool:
        """Say whether nobody confirmed it in time, nor cancelled it before."""
        return not self.is_binding and (self.ended_at or now) >= self.hold_until


def confirm(contract: Contract, *, now: datetime) -> Contract:
    """Return the contract as binding from `now`; it is looked at again when its window ends.

    Raises: QuoteExpired, AlreadyCancelled, StateTransitionInvalid.
    """
    if contract.has_lapsed(now):
        raise QuoteExpired(
            f"the quantity was held until {contract.hold_until.isoformat()}",
            hint="Send init again in a new transaction.",
        )
    if contract.status is ContractStatus.TERMINATED:
        raise AlreadyCancelled(f"the order {contract.id} has ended")
    status = next_status(contract.status, ContractEvent.CONFIRM)
    due = max(contract.window.end, now)
    return replace(contract, status=status, confirmed_at=now, updated_at=now, refresh_at=due)


def expire(contract: Contract, *, now: datetime) -> Contract:
    """Return the pending contract as ended because nobody confirmed it. Raises: StateTransitionInvalid."""
    status = next_status(contract.status, ContractEvent.EXPIRE)
    return replace(contract, status=status, ended_at=now, updated_at=now, refresh_at=None)


def fail(contract: Contract, *, now: datetime) -> Contract:
    """Return the contract as ended because somebody whom it needs does not take part.

    Raises: StateTransitionInvalid.
    """
    status = next_status(contract.status, ContractEvent.FAIL)
    return replace(contract, status=status, ended_at=now, updated_at=now, refresh_at=None)


def complete(contract: Contract, *, now: datetime) -> Contract:
    """Return the contract as fulfilled: all that was delivered is settled. Raises: StateTransitionInvalid."""
    status = next_status(contract.status, ContractEvent.COMPLETE)
    return replace(contract, status=status, ended_at=now, updated_at=now, refresh_at=None)


def require_replaceable(contract: Contract) -> None:
    """Let a new init take the place of a contract that binds nobody yet.

    Raises: AlreadyConfirmed.
    """
    if contract.is_binding:
        raise AlreadyConfirmed(
            f"the transaction has the binding order {contract.id}",
            hint="Use update or cancel, or begin a new transaction.",
        )


def delivery_has_begun(contract: Contract, *, now: datetime) -> bool:
    """Say whether energy may have flowed under the contract."""
    return contract.is_binding and now > contract.window.start
