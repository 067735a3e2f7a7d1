"""A charging session as it stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from kernel.energy import Energy
from kernel.interval import Interval
from trading.charging.facts import SessionFacts
from trading.charging.fees import NO_TIME
from trading.charging.session_states import FINAL, SessionState
from trading.charging.stall_ledger import StallRows, StallState

_SHORTEST: Final = timedelta(seconds=1)
"""Meters count in whole seconds, and no wire tells less than a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a contract at a plug.

    `slot` is when it was agreed to be, `start_by` until when a reserved one is kept; that is after the slot
    where a stall got ready too late. `stopped_at` is when its charging ended, `idle_since` since when the
    vehicle takes nothing though it could, `left_at` when it had gone, or when it was clear that none comes.
    `was_refused` says that the plug would not start, `why` in words what stands in the way. `rows` are the
    ledger of a stall that is sold as such, None of others.
    """

    contract_id: str
    plug: str
    slot: Interval
    is_reserved: bool
    start_by: datetime
    most: Energy
    connector_type: str | None = None
    max_power: Decimal | None = None
    state: SessionState = SessionState.RESERVED
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    idle_since: datetime | None = None
    left_at: datetime | None = None
    is_missed: bool = False
    was_refused: bool = False
    why: str = ""
    rows: StallRows | None = None

    @property
    def is_queued(self) -> bool:
        """Whether its stall has not been ready for it yet."""
        return bool(self.rows and self.rows[-1].state is StallState.QUEUED)

    @property
    def is_open(self) -> bool:
        return self.state not in FINAL

    @property
    def facts(self) -> SessionFacts:
        """How it went; of an open one, so far."""
        started, idle, left = self.started_at, self.idle_since, self.left_at
        return SessionFacts(
            began=started is not None,
            missed=self.is_missed,
            charging=idle - started if started and idle else NO_TIME,
            idle=left - idle if idle and left else NO_TIME,
            rows=self.rows or (),
            reserved_start=self.slot.start if self.is_reserved and self.rows is not None else None,
        )

    @property
    def window(self) -> Interval:
        """When its energy flows: what of its slot is left for that, once it is known."""
        start = self.started_at or self.slot.start
        end = self.stopped_at or min(self.left_at or self.slot.end, self.slot.end)
        return Interval(start, max(end, start + _SHORTEST))
