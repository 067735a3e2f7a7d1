"""Changes that wait for the consent of the other side: proposed, answered and carried out, or lapsed.

The contract's timer, which is its only one, also says when its open proposal lapses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bpp.orders.amending import amend_contract, require_open
from bpp.platform import Bpp
from settlement.store import find_delivered
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, is_cut, require_amendable
from trading.contract import Contract
from trading.curtailment import Curtailment, check_curtailment
from trading.curtailments import CurtailmentStore, RecordedCurtailment
from trading.delivery import CurtailmentReason, Cut
from trading.meter_claims import hold_later_claims, look_again
from trading.proposal import (
    Answer,
    Proposal,
    ProposalNotFound,
    lapse,
    lapse_time,
    require_free,
    settle_answer,
)
from trading.proposals import ProposalStore
from trading.stock import Stock
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody says in the name of a side, why, and when."""

    side: Side
    words: str
    now: datetime


async def propose(
    bpp: Bpp, contract: Contract, wished: Amendment, uow: UnitOfWork, *, said: Said
) -> tuple[Contract, Proposal]:
    """Keep a proposal for a locked contract; the very same again is the one that is open already.

    Returns the contract as one that is looked at when the proposal lapses.
    Raises: ProposalPending.
    """
    store = ProposalStore(uow.connection)
    open_one = require_free(await store.find_open(contract), wished=wished, side=said.side)
    if open_one is not None:
        return contract, open_one
    proposal = Proposal(
        id=str(bpp.new_id()),
        contract_id=contract.id,
        side=said.side,
        amendment=wished,
        proposed_at=said.now,
        lapses_at=lapse_time(contract, wished, after=bpp.proposal_ttl, now=said.now),
        words=said.words,
    )
    await store.add(proposal)
    return looked_at_by(contract, proposal), proposal


async def hold_for_answer(contract: Contract, uow: UnitOfWork) -> list[str]:
    """Hold a contract and all that come after it on its meters, before anything else is held.

    What is cut by an answer may leave these more; returns their ids.
    """
    return await hold_later_claims(uow.connection, contract)


async def was_said(contract: Contract, answer: Answer, uow: UnitOfWork) -> bool:
    """Say whether an answer tells only what became of a proposal, as an order that is sent back does."""
    proposal = await ProposalStore(uow.connection).find(answer.proposal_id, contract_id=contract.id)
    return proposal is not None and proposal.status is answer.status


async def take_answer(
    bpp: Bpp, contract: Contract, answer: Answer, uow: UnitOfWork, *, said: Said, later: list[str]
) -> Contract | None:
    """Return a held contract as an answer to a proposal leaves it, None if that was said before.

    `later` is what `hold_for_answer` returned. Raises: ProposalNotFound, ProposalNotOpen, and what stands
    against the change by now; nothing is answered then.
    """
    store = ProposalStore(uow.connection)
    proposal = await store.find(answer.proposal_id, contract_id=contract.id)
    if proposal is not None and proposal.status is answer.status:
        return None
    if proposal is None or proposal.answered_by is not said.side:
        raise ProposalNotFound(f"no proposal {answer.proposal_id[:64]} of the other side waits for an answer")
    answered = settle_answer(proposal, answer, words=said.words, now=said.now)
    if answer.accepts:
        contract = await _carry_out(bpp, contract, proposal, uow, later=later, now=said.now)
    await store.move(answered)
    return replace(contract, updated_at=said.now)


async def lapse_open(contract: Contract, uow: UnitOfWork, *, now: datetime) -> Proposal | None:
    """Have the contract's open proposal lapse whose time is over; return what is open or lapsed by that."""
    store = ProposalStore(uow.connection)
    proposal = await store.find_open(contract)
    if proposal is None or now < proposal.lapses_at:
        return proposal
    lapsed = lapse(proposal, now=now)
    await store.move(lapsed)
    return lapsed


async def drop_open(contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Have what is proposed of a contract lapse, for it has ended."""
    store = ProposalStore(uow.connection)
    proposal = await store.find_open(contract)
    if proposal is not None:
        await store.move(lapse(proposal, now=now))


def looked_at_by(contract: Contract, proposal: Proposal) -> Contract:
    """Return the contract as one that is looked at when the proposal lapses, at the latest."""
    due = contract.refresh_at
    return replace(contract, refresh_at=proposal.lapses_at if due is None else min(due, proposal.lapses_at))


async def _carry_out(
    bpp: Bpp, contract: Contract, proposal: Proposal, uow: UnitOfWork, *, later: list[str], now: datetime
) -> Contract:
    wished, side = proposal.amendment, proposal.side
    require_amendable(contract, wished, side=side, now=now)
    await require_open(contract, uow, now=now)
    if not is_cut(contract, side=side, now=now):
        return await amend_contract(bpp, contract, wished, uow, now=now)
    less = contract.quantity - (wished.quantity or contract.quantity)
    curtailment = Curtailment(cut=Cut(quantity=less, reason=CurtailmentReason.OTHER), since=now)
    settled = await find_delivered(contract.id, uow=uow)
    check_curtailment(contract, curtailment, last=None, settled=settled)
    agreed = RecordedCurtailment(
        curtailment=curtailment, who=f"both sides, by {proposal.id}", why=proposal.words, recorded_at=now
    )
    await CurtailmentStore(uow.connection).add(contract.id, agreed)
    await Stock(uow.connection).cut(contract, less, since=now, now=now)
    await look_again(uow.connection, later, at=now)
    return contract
