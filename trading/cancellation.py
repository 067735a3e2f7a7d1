"""Ending a contract before its time: who does so, why, and what that costs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from kernel.interval import Interval
from kernel.money import Money
from kernel.plain_text import one_line
from trading.changes import Change, Verdict, require_rule
from trading.contract import Contract, delivery_has_begun
from trading.lifecycle import ContractEvent, next_status
from trading.wheeling import Side

_INSTANT: Final = timedelta(microseconds=1)
_MOST: Final = 500
"""Characters that are kept of what somebody else said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is done: a code, as the wire has it, and words; each may be empty."""

    code: str = ""
    words: str = ""

    @classmethod
    def told(cls, code: str | None, words: str | None) -> Reason:
        """Return what somebody else said, in one line and not too long."""
        return cls(code=one_line(code or "")[:_MOST], words=one_line(words or "")[:_MOST])

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.words) if part)


NO_REASON: Final = Reason()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """That `side` ended a binding contract at an instant, and what it owes the other side for it.

    `agreed` is the window as it was agreed, `value` what the order was to cost.
    """

    side: Side
    at: datetime
    agreed: Interval
    value: Money
    owed: Money
    reason: Reason = NO_REASON

    @property
    def before_delivery(self) -> bool:
        """Whether nothing was delivered, nor will be."""
        return self.at <= self.agreed.start

    @property
    def settled_window(self) -> Interval:
        """The instant of it, in whose day and month what is owed is settled where nothing is delivered."""
        return Interval(self.at - _INSTANT, self.at)

    @property
    def fee(self) -> Money:
        """What the buyer owes."""
        return self.owed if self.side is Side.BUYER else Money.zero(self.owed.currency)

    @property
    def compensation(self) -> Money:
        """What the seller owes."""
        return self.owed if self.side is Side.SELLER else Money.zero(self.owed.currency)


def cancel(
    contract: Contract, *, side: Side, reason: Reason = NO_REASON, now: datetime
) -> tuple[Contract, Cancellation | None]:
    """Return the contract as ended by `side`, and what that costs, if it was binding.

    Once delivery has begun its window ends now, and what was delivered until now is still settled.
    Raises: AlreadyCancelled, CancellationNotAllowed.
    """
    rule = require_rule(contract, Change.CANCEL, side=side, now=now)
    status = next_status(contract.status, ContractEvent.CANCEL)
    ended = replace(contract, status=status, ended_at=now, updated_at=now, refresh_at=None)
    if not contract.is_binding:
        return ended, None
    value = contract.quote.total
    term = contract.terms.cancellation_of(side)
    is_late = rule.verdict is Verdict.ON_TERMS and term is not None
    cancellation = Cancellation(
        side=side,
        at=now,
        agreed=contract.window,
        value=value,
        owed=term.cost(value) if is_late and term else Money.zero(value.currency),
        reason=reason,
    )
    if delivery_has_begun(contract, now=now):
        ended = replace(ended, window=Interval(contract.window.start, now), refresh_at=now)
    return ended, cancellation
