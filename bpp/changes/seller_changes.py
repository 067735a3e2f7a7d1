"""What a seller's operator changes of contracts: done, put on record, and told to the buyer at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bpp.cascade.consents import ask_for_consent
from bpp.cascade.cut_notices import tell_of_cut
from bpp.changes.cancelling import Ended, end_contracts, find_going_on
from bpp.deliveries.news import put_news_of_all
from bpp.deliveries.upkeep import CONTRACTS_CHANNEL
from bpp.orders.amending import require_offered, require_open, wished_by
from bpp.orders.naming import find_meant, get_meant_line
from bpp.orders.promoting import require_minimum
from bpp.orders.proposals import Said, hold_for_answer, propose, take_answer
from bpp.platform import Bpp
from node.audit import Actor, record_act
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading.amendment import amend, is_cut, require_amendable
from trading.cancellation import Reason
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.lifecycle import ContractEvent
from trading.proposal import Answer, Proposal
from trading.proposals import ProposalStore
from trading.refusals import UpdateNotAllowed
from trading.request import OrderRequest
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who changes something in the seller's name, why, and when."""

    actor: Actor
    why: Reason
    now: datetime

    @property
    def said(self) -> Said:
        """What it says for the seller."""
        return Said(side=Side.SELLER, words=self.why.words, now=self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerWish:
    """Quantity and times as a buyer would ask for them, and what a kWh is to cost; None stays."""

    request: OrderRequest
    price: Decimal | None = None


async def cancel_as_seller(bpp: Bpp, named: str, uow: UnitOfWork, *, by: Operator) -> list[Ended]:
    """End in its seller's name what is named, and put one on_cancel for its buyer.

    Of an order of several lines that is every line that can be ended, or the one that is named.
    Raises: OrderNotFound, AlreadyCancelled, CancellationNotAllowed; nothing is kept then.
    """
    contracts = await find_meant(named, uow, lock=True)
    going_on = find_going_on(contracts, side=Side.SELLER, now=by.now)
    ended = await end_contracts(bpp, going_on, uow, side=Side.SELLER, reason=by.why, now=by.now)
    for each in ended:
        after = {"owed": None if each.cancellation is None else str(each.cancellation.owed)}
        act = by.actor.act("contract.cancelled", each.contract.id, after=after, why=str(by.why))
        await record_act(uow, act, now=by.now)
    told = await _tell(
        bpp,
        [each.contract for each in ended],
        uow,
        action=Action.ON_CANCEL,
        event=ContractEvent.CANCEL,
        by=by,
    )
    return [replace(each, contract=contract) for each, contract in zip(ended, told, strict=True)]


async def propose_as_seller(
    bpp: Bpp, named: str, wish: SellerWish, uow: UnitOfWork, *, by: Operator
) -> tuple[Proposal, bool]:
    """Propose what a seller wishes of a line to its buyer by an on_update; twice is once.

    Returns the proposal, and whether it is new.
    Raises: OrderNotFound, LineNotNamed, UpdateNotAllowed, WindowUnavailable, QuantityOutOfBounds; nothing is
    kept then.
    """
    contract = await get_meant_line(named, uow, lock=True)
    wished = wished_by(bpp, wish.request, contract, now=by.now, price=wish.price)
    if not wished:
        raise UpdateNotAllowed(f"the order {contract.id} is so already", hint="Name what is to be otherwise.")
    require_amendable(contract, wished, side=Side.SELLER, now=by.now)
    await require_open(contract, uow, now=by.now)
    if wished.quantity is not None:
        require_offered(bpp, contract, wished.quantity)
        if not is_cut(contract, side=Side.SELLER, now=by.now):
            await require_minimum(amend(contract, wished, now=by.now), uow)
    before = await ProposalStore(uow.connection).find_open(contract)
    changed, proposal = await propose(bpp, contract, wished, uow, said=by.said)
    if before is not None:
        return proposal, False
    act = by.actor.act(
        "contract.change_proposed", contract.id, after={"change": wished.describe(contract)}, why=str(by.why)
    )
    await record_act(uow, act, now=by.now)
    await _tell(bpp, [changed], uow, action=Action.ON_UPDATE, event="PROPOSE", by=by)
    return proposal, True


async def answer_as_seller(
    bpp: Bpp, named: str, answer: Answer, uow: UnitOfWork, *, by: Operator
) -> Proposal:
    """Answer what a buyer proposed of what is named, and put an on_update; the same again changes nothing.

    Of an order of several lines it is about the line that has the proposal. What utilities have to let pass
    is put before them first, and returned as it was.
    Raises: OrderNotFound, ProposalNotFound, ProposalNotOpen, UtilityStillAsked, and what stands against the
    change by now.
    """
    contracts = ContractStore(uow.connection)
    proposed = await _find_proposed(named, answer, uow)
    later = await hold_for_answer(proposed, uow)
    contract = await contracts.get(proposed.id, lock=True)
    act = by.actor.act(
        f"contract.change_{answer.status.lower()}",
        contract.id,
        after={"proposal": answer.proposal_id},
        why=str(by.why),
    )
    proposal = await _to_be_asked(contract, answer, uow, by=by)
    if proposal is not None:
        if await ask_for_consent(bpp, contract, proposal, uow, who=by.actor.who, why=by.why, now=by.now):
            await record_act(uow, act, now=by.now)
        return proposal
    answered = await take_answer(bpp, contract, answer, uow, said=by.said, later=later)
    if answered is not None:
        await tell_of_cut(bpp, contract, uow, now=by.now)
        await record_act(uow, act, now=by.now)
        await _tell(bpp, [answered], uow, action=Action.ON_UPDATE, event="UPDATE", by=by)
    return await ProposalStore(uow.connection).get(answer.proposal_id, contract_id=contract.id)


async def _find_proposed(named: str, answer: Answer, uow: UnitOfWork) -> Contract:
    """Return the line that has a proposal; where none has, the first, of which that is said."""
    contracts, store = await find_meant(named, uow), ProposalStore(uow.connection)
    for contract in contracts:
        if await store.find(answer.proposal_id, contract_id=contract.id) is not None:
            return contract
    return contracts[0]


async def _to_be_asked(
    contract: Contract, answer: Answer, uow: UnitOfWork, *, by: Operator
) -> Proposal | None:
    """Return the proposal that is accepted and that utilities have to let pass, None if it is none."""
    open_one = await ProposalStore(uow.connection).find_open(contract) if answer.accepts else None
    if open_one is None or (open_one.id, open_one.side) != (answer.proposal_id, Side.BUYER):
        return None
    is_asked = contract.grid is not None and not is_cut(contract, side=Side.BUYER, now=by.now)
    return open_one if is_asked else None


async def _tell(
    bpp: Bpp, contracts: Sequence[Contract], uow: UnitOfWork, *, action: Action, event: str, by: Operator
) -> list[Contract]:
    """Save contracts that the seller changed, with their history and one message for their buyer."""
    told = await put_news_of_all(bpp, contracts, uow, action=action, now=by.now)
    store = ContractStore(uow.connection)
    for each in told:
        await store.save(each)
        entry = HistoryEntry(
            at=by.now,
            actor=bpp.subscriber_id,
            event=event,
            status=each.status,
            reason=f"{by.actor.who}: {by.why}",
        )
        await store.note(each, entry)
    await uow.announce(CONTRACTS_CHANNEL)
    return told
