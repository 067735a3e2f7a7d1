"""A change that a buyer may have by consent: the back office of its seller may answer it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from bpp.cascade.consents import ask_for_consent
from bpp.cascade.cut_notices import tell_of_cut
from bpp.handlers.update import find_proposed, update
from bpp.orders.contracts import get_contract
from bpp.orders.proposals import Said, hold_for_answer, take_answer
from bpp.orders.telling import in_message, state
from bpp.platform import Bpp
from bpp.provider.order import OrderTerms, terms_of_contract
from bpp.provider.port import Answer
from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, amend, is_cut
from trading.cancellation import Reason
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.proposal import Answer as ProposalAnswer
from trading.proposal import Proposal
from trading.proposals import ProposalStore
from trading.wheeling import Side

log = structlog.get_logger(__name__)

_LONGEST_REASON: Final = 300  # characters
_WHO: Final = "the back office"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a buyer wishes otherwise of an order, and the order as it would be by that.

    `answer` is what the back office says to it; without one it waits for the seller's people.
    """

    order_id: str
    wished: Amendment
    terms: OrderTerms
    change: OrderTerms
    answer: Answer | None = None

    def is_of(self, contract: Contract, proposal: Proposal | None) -> bool:
        """Say whether that is what is proposed of the contract, which is still as it was then."""
        if proposal is None or not self.terms.is_covered_by(contract):
            return False
        return (proposal.side, proposal.amendment) == (Side.BUYER, self.wished)


def words_of(answer: Answer) -> str:
    """Return a back office's reason, fit for a buyer and a log."""
    return one_line(answer.reason.strip())[:_LONGEST_REASON]


async def look_at_update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Proposed | None:
    """Return what an update would propose, None if it needs nobody's consent. Raises: what `update` does."""
    found = await find_proposed(bpp, inbound, uow, now)
    if found is None:
        return None
    contract, wished = found
    change = terms_of_contract(amend(contract, wished, now=now))
    return Proposed(order_id=contract.id, wished=wished, terms=terms_of_contract(contract), change=change)


async def update_with_consent(
    proposed: Proposed, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    """Return the order with the change that was proposed, and answered by the back office if it has.

    An order that became another while that was asked has its proposal wait; so does one whose change cannot
    be made now, or is put before utilities first. Raises: what `update` does.
    """
    contract = await get_contract(inbound, uow, order_id=proposed.order_id, lock=False)
    later = await hold_for_answer(contract, uow)
    message = await update(bpp, inbound, uow, now)
    contract = await get_contract(inbound, uow, order_id=proposed.order_id)
    open_one = await ProposalStore(uow.connection).find_open(contract)
    if open_one is None or proposed.answer is None or not proposed.is_of(contract, open_one):
        return message
    said = Said(side=Side.SELLER, words=words_of(proposed.answer), now=now)
    given = ProposalAnswer(proposal_id=open_one.id, accepts=proposed.answer.accepted is True)
    try:
        async with uow.connection.begin_nested():
            if given.accepts and contract.grid is not None and not is_cut(contract, side=Side.BUYER, now=now):
                await _put_before_utilities(bpp, contract, open_one, uow, said=said)
                return message
            answered = await take_answer(bpp, contract, given, uow, said=said, later=later)
            await tell_of_cut(bpp, contract, uow, now=now)
    except NodeError as error:
        if error.retryable:
            raise
        log.warning("provider.consent_failed", contract=contract.id, reason=str(error))
        return message
    words = f"{given.status.lower()} {open_one.id}"
    return message if answered is None else await _keep(bpp, answered, inbound, uow, words=words)


async def _put_before_utilities(
    bpp: Bpp, contract: Contract, proposal: Proposal, uow: UnitOfWork, *, said: Said
) -> None:
    """Ask the utilities of the trade about what is accepted; the buyer is told once they have answered."""
    why = Reason(words=said.words)
    await ask_for_consent(bpp, contract, proposal, uow, who=_WHO, why=why, now=said.now)


async def _keep(
    bpp: Bpp, contract: Contract, inbound: Inbound, uow: UnitOfWork, *, words: str
) -> Mapping[str, Any]:
    """Save a contract that the back office had its say on, and return the `message` that tells of it."""
    now = contract.updated_at
    statement = await state(contract, uow, now=now)
    store = ContractStore(uow.connection)
    await store.save(statement.told(contract))
    entry = HistoryEntry(
        at=now,
        actor=bpp.subscriber_id,
        event="UPDATE",
        status=contract.status,
        reason=f"{_WHO} {words}",
        message_id=inbound.context.message_id,
    )
    await store.note(contract, entry)
    return in_message(statement.order, contract)
