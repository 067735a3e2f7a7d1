"""Who may change what of a contract, and when: THE TABLE of changes. Pure.

Each side can cancel a contract, or change its quantity or its window; its seller can propose another price.
What comes of that depends on how far
the contract has come: it is done at once, it is done and costs what the terms say, it waits for the
consent of the other side, or it is refused. Every combination stands in `CHANGES`; docs/changes.md shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kernel.errors import NodeError
from trading.contract import Contract
from trading.lifecycle import ContractStatus
from trading.refusals import (
    AlreadyCancelled,
    CancellationNotAllowed,
    PriceMismatch,
    QuoteExpired,
    UpdateNotAllowed,
)
from trading.wheeling import Side


class Change(StrEnum):
    """What of a contract is to be otherwise."""

    CANCEL = "CANCEL"
    QUANTITY = "QUANTITY"
    WINDOW = "WINDOW"
    PRICE = "PRICE"


class Phase(StrEnum):
    """How far a contract has come, as a change sees it."""

    HELD = "HELD"
    """Its quantity is held; nobody is bound yet."""
    LAPSED = "LAPSED"
    """Nobody confirmed it in time."""
    FREE = "FREE"
    """It is binding, and the notice for cancelling it is not yet over."""
    NOTICE = "NOTICE"
    """The notice is over, and delivery has not begun."""
    DELIVERY = "DELIVERY"
    """Energy may be flowing."""
    OVER = "OVER"
    """Its window is over, whether all of it is settled or not."""
    ENDED = "ENDED"
    """It was cancelled."""


class Verdict(StrEnum):
    """What comes of a change."""

    AT_ONCE = "AT_ONCE"
    ON_TERMS = "ON_TERMS"
    """At once, and who asks for it pays what the terms say."""
    BY_CONSENT = "BY_CONSENT"
    """It is a proposal, which the other side accepts or refuses."""
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A cell of the table; one that refuses says by which refusal, and why."""

    verdict: Verdict
    refusal: type[NodeError] | None = None
    why: str = ""
    hint: str | None = None


_AT_ONCE: Final = Rule(verdict=Verdict.AT_ONCE)
_ON_TERMS: Final = Rule(verdict=Verdict.ON_TERMS)
_BY_CONSENT: Final = Rule(verdict=Verdict.BY_CONSENT)


def _refused(refusal: type[NodeError], why: str, hint: str | None = None) -> Rule:
    return Rule(verdict=Verdict.REFUSED, refusal=refusal, why=why, hint=hint)


_ENDED: Final = _refused(UpdateNotAllowed, "it was cancelled", "Order anew.")
_OVER: Final = _refused(UpdateNotAllowed, "its window is over")
_LAPSED: Final = _refused(
    QuoteExpired, "nobody confirmed it in time", "Send init again in a new transaction."
)
_BEGUN: Final = _refused(
    UpdateNotAllowed, "delivery began", "Cancel it: what was delivered until then is settled."
)
_FULFILLED: Final = _refused(CancellationNotAllowed, "its window is over; what was delivered is settled")
_TWICE: Final = _refused(AlreadyCancelled, "it has ended before")
_ENDED_BY_LAPSE: Final = _refused(AlreadyCancelled, "nobody confirmed it in time, which ended it")
_PRICE: Final = _refused(
    PriceMismatch, "its price is frozen", "Cancel it, and order anew on terms that are offered now."
)
_NOT_HELD: Final = _refused(
    CancellationNotAllowed, "nobody confirmed it, and its buyer may not be told of it unasked", "It lapses."
)
_NOT_BOUND: Final = _refused(
    UpdateNotAllowed, "nobody confirmed it, and its buyer may not be told of it unasked", "It lapses."
)

_ROWS: Final[Mapping[tuple[Side, Change], tuple[Rule, ...]]] = {
    # HELD, LAPSED, FREE, NOTICE, DELIVERY, OVER, ENDED
    (Side.BUYER, Change.CANCEL): (
        *(_AT_ONCE, _ENDED_BY_LAPSE, _AT_ONCE, _ON_TERMS, _ON_TERMS, _FULFILLED, _TWICE),
    ),
    (Side.BUYER, Change.QUANTITY): (_AT_ONCE, _LAPSED, _AT_ONCE, _BY_CONSENT, _BY_CONSENT, _OVER, _ENDED),
    (Side.BUYER, Change.WINDOW): (_AT_ONCE, _LAPSED, _AT_ONCE, _BY_CONSENT, _BEGUN, _OVER, _ENDED),
    (Side.BUYER, Change.PRICE): (_PRICE, _LAPSED, _PRICE, _PRICE, _PRICE, _OVER, _ENDED),
    (Side.SELLER, Change.CANCEL): (_NOT_HELD, _NOT_HELD, _AT_ONCE, _ON_TERMS, _ON_TERMS, _FULFILLED, _TWICE),
    (Side.SELLER, Change.QUANTITY): (
        *(_NOT_BOUND, _NOT_BOUND, _BY_CONSENT, _BY_CONSENT, _BY_CONSENT, _OVER, _ENDED),
    ),
    (Side.SELLER, Change.WINDOW): (_NOT_BOUND, _NOT_BOUND, _BY_CONSENT, _BY_CONSENT, _BEGUN, _OVER, _ENDED),
    (Side.SELLER, Change.PRICE): (_NOT_BOUND, _NOT_BOUND, _BY_CONSENT, _BY_CONSENT, _BEGUN, _OVER, _ENDED),
}

CHANGES: Final[Mapping[tuple[Side, Change, Phase], Rule]] = MappingProxyType(
    {(*key, phase): rule for key, rules in _ROWS.items() for phase, rule in zip(Phase, rules, strict=True)}
)


def phase_of(contract: Contract, *, side: Side, now: datetime) -> Phase:
    """Return how far a contract has come for a change by `side`, whose notice is its own."""
    if not contract.is_binding:
        if contract.has_lapsed(now):
            return Phase.LAPSED
        return Phase.HELD if contract.is_open else Phase.ENDED
    if contract.status is ContractStatus.TERMINATED:
        return Phase.ENDED
    window = contract.window
    if contract.status is ContractStatus.COMPLETED or now >= window.end:
        return Phase.OVER
    if now >= window.start:
        return Phase.DELIVERY
    term = contract.terms.cancellation_of(side)
    is_free = term is None or now < term.free_until(window.start)
    return Phase.FREE if is_free else Phase.NOTICE


def require_rule(contract: Contract, change: Change, *, side: Side, now: datetime) -> Rule:
    """Return what comes of a change that `side` asks for.

    Raises: AlreadyCancelled, CancellationNotAllowed, UpdateNotAllowed, QuoteExpired, PriceMismatch.
    """
    rule = CHANGES[side, change, phase_of(contract, side=side, now=now)]
    if rule.refusal is not None:
        raise rule.refusal(f"the order {contract.id} stays as it is: {rule.why}", hint=rule.hint)
    return rule
