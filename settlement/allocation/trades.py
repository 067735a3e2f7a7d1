"""Contracts between meters as a graph: what each may take of both ends, and what both ends still have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from settlement.allocation.rules import AllocationInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What one contract may take in an interval from its source's export to its target's import, in Wh.

    Raises: AllocationInvalid.
    """

    contract_id: str
    source: str
    target: str
    watt_hours: int
    traded_at: datetime

    def __post_init__(self) -> None:
        if self.watt_hours < 0:
            raise AllocationInvalid(f"{self.contract_id} claims {self.watt_hours} Wh")

    @property
    def precedence(self) -> tuple[datetime, str]:
        """What goes before what: the earlier trade, and of two at the same time the lower id."""
        return self.traded_at, self.contract_id


class Remainders:
    """What the meters have not given yet, and what was settled for each contract, in Wh."""

    def __init__(
        self, trades: Collection[Trade], *, exported: Mapping[str, int], imported: Mapping[str, int]
    ) -> None:
        """Raises: AllocationInvalid, if a contract comes twice or a meter counted backwards."""
        if min((*exported.values(), *imported.values()), default=0) < 0:
            raise AllocationInvalid("a meter counted backwards")
        self.trades = sorted(trades, key=lambda trade: trade.precedence)
        self.settled = {trade.contract_id: 0 for trade in self.trades}
        if len(self.settled) < len(self.trades):
            raise AllocationInvalid("a contract trades twice in an interval")
        self.exported = {trade.source: exported.get(trade.source, 0) for trade in self.trades}
        self.imported = {trade.target: imported.get(trade.target, 0) for trade in self.trades}

    def wanted(self, trade: Trade) -> int:
        """Return what the contract may still take, whatever its meters have."""
        return trade.watt_hours - self.settled[trade.contract_id]

    def possible(self, trade: Trade) -> int:
        """Return what can still be settled for a contract."""
        return min(self.wanted(trade), self.exported[trade.source], self.imported[trade.target])

    def settle(self, trade: Trade, watt_hours: int) -> None:
        """Take so much from both meters for a contract."""
        self.settled[trade.contract_id] += watt_hours
        self.exported[trade.source] -= watt_hours
        self.imported[trade.target] -= watt_hours
