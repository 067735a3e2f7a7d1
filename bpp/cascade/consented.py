"""What becomes of an accepted proposal once the utilities of its contract have answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from bpp.cascade.asking import find_grants
from bpp.cascade.consents import ConsentStore
from bpp.cascade.questions import Question, Waiting
from bpp.deliveries.news import put_news
from bpp.deliveries.upkeep import CONTRACTS_CHANNEL
from bpp.orders.proposals import Said, take_answer
from bpp.platform import Bpp
from protocol.actions import Action
from protocol.errors import WireError
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.proposal import Answer, ProposalStatus
from trading.proposals import ProposalStore
from trading.wheeling import Side

_OF_THE_NETWORK: Final = "NET_"


async def carry_out_consent(
    bpp: Bpp, contract: Contract, waiting: Waiting, uow: UnitOfWork, *, now: datetime
) -> None:
    """Change a locked contract as its seller accepted and its utilities granted, and tell its buyer.

    Raises: ProposalNotOpen, and what stands against the change by now; nothing is changed then.
    """
    consent = await ConsentStore(uow.connection).get(waiting.message_id)
    answer = Answer(proposal_id=consent.proposal_id, accepts=True)
    said = Said(side=Side.SELLER, words=consent.why.words, now=now)
    answered = await take_answer(bpp, contract, answer, uow, said=said, later=[])
    grants = await find_grants(contract, waiting, uow)
    if answered is None or grants is None:
        return
    await _tell(bpp, grants.priced(answered), uow, reason=f"{consent.who}: {consent.why}", now=now)


async def end_refused_proposal(
    bpp: Bpp, contract: Contract, question: Question, error: WireError, uow: UnitOfWork, *, now: datetime
) -> Contract:
    """Return the contract with what was accepted of it refused in a utility's words; its buyer is told.

    A utility that did not answer refuses nothing: the proposal can be accepted again.
    """
    store = ProposalStore(uow.connection)
    proposal = await store.find_open(contract)
    if proposal is None or error.code.startswith(_OF_THE_NETWORK):
        return contract
    wished, asked = proposal.amendment, question.asked
    wanted = (wished.quantity or contract.quantity, wished.window or contract.window)
    if (asked.quantity, asked.window) != wanted:
        return contract
    words = " ".join(filter(None, (error.message, error.hint)))
    await store.move(replace(proposal, status=ProposalStatus.REFUSED, answered_at=now, answer=words))
    return await _tell(bpp, replace(contract, updated_at=now), uow, reason=f"{error.code}: {words}", now=now)


async def _tell(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, reason: str, now: datetime) -> Contract:
    told = await put_news(bpp, contract, uow, action=Action.ON_UPDATE, now=now)
    store = ContractStore(uow.connection)
    await store.save(told)
    entry = HistoryEntry(at=now, actor=bpp.subscriber_id, event="UPDATE", status=told.status, reason=reason)
    await store.note(told, entry)
    await uow.announce(CONTRACTS_CHANNEL)
    return told
