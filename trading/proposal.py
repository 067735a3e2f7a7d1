"""A change that waits for the consent of the other side: proposed, then accepted, refused or lapsed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.clock import format_instant
from trading.amendment import Amendment
from trading.contract import Contract
from trading.refusals import OrderNotFound, UpdateNotAllowed
from trading.wheeling import Side


class ProposalStatus(StrEnum):
    """What became of a proposal."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    LAPSED = "LAPSED"
    """Nobody answered in time, or the contract ended before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What `side` proposes to change of a contract; the other side may answer before `lapses_at`.

    `words` is why it is proposed, `answer` why it was answered so.
    """

    id: str
    contract_id: str
    side: Side
    amendment: Amendment
    proposed_at: datetime
    lapses_at: datetime
    words: str = ""
    status: ProposalStatus = ProposalStatus.OPEN
    answered_at: datetime | None = None
    answer: str = ""

    @property
    def is_open(self) -> bool:
        return self.status is ProposalStatus.OPEN

    @property
    def answered_by(self) -> Side:
        """The side whose consent it needs."""
        return Side.BUYER if self.side is Side.SELLER else Side.SELLER


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a side says to a proposal."""

    proposal_id: str
    accepts: bool

    @property
    def status(self) -> ProposalStatus:
        """What the proposal is by it."""
        return ProposalStatus.ACCEPTED if self.accepts else ProposalStatus.REFUSED


class ProposalPending(UpdateNotAllowed):
    """Another change of the contract waits for an answer."""


class ProposalNotOpen(UpdateNotAllowed):
    """The proposal was answered otherwise, or nobody answered it in time."""


class ProposalNotFound(OrderNotFound):
    """The contract has no such proposal that this side could answer."""


def lapse_time(contract: Contract, amendment: Amendment, *, after: timedelta, now: datetime) -> datetime:
    """Return until when a proposal can be answered: what it is about must not have begun, or be over."""
    window = contract.window
    ends = [now + after, window.start if now < window.start else window.end]
    if amendment.window is not None:
        ends.append(amendment.window.start)
    return min(ends)


def require_free(open_one: Proposal | None, *, wished: Amendment, side: Side) -> Proposal | None:
    """Return the proposal that is open and says the very same, None where none is open.

    Raises: ProposalPending, where another one is.
    """
    if open_one is None or (open_one.amendment, open_one.side) == (wished, side):
        return open_one
    raise ProposalPending(
        f"another change of the order {open_one.contract_id} waits for the {open_one.answered_by.lower()}'s "
        f"answer until {format_instant(open_one.lapses_at)}",
        hint="Wait until it is answered or lapses.",
    )


def settle_answer(proposal: Proposal, answer: Answer, *, words: str, now: datetime) -> Proposal:
    """Return the proposal as answered. Raises: ProposalNotOpen."""
    if not proposal.is_open or now >= proposal.lapses_at:
        became = ProposalStatus.LAPSED if proposal.is_open else proposal.status
        raise ProposalNotOpen(
            f"the proposal {proposal.id} was to be answered until {format_instant(proposal.lapses_at)}, "
            f"and is {became}"
        )
    return replace(proposal, status=answer.status, answered_at=now, answer=words)


def lapse(proposal: Proposal, *, now: datetime) -> Proposal:
    """Return the proposal as one that nobody answers any more."""
    return replace(proposal, status=ProposalStatus.LAPSED, answered_at=now)
