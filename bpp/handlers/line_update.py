"""update of one line: another quantity or window, at once or proposed; the answer to what was proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bpp.cascade.asking import NOT_ASKED, Grants, ask_utilities
from bpp.cascade.cut_notices import tell_of_cut
from bpp.handlers.session_update import update_session, wish_of
from bpp.orders.amending import amend_contract, require_offered, require_open, try_amendment, wished_by
from bpp.orders.contracts import get_contract, keep, require_same, said_payment
from bpp.orders.promoting import require_minimum
from bpp.orders.proposals import Said, hold_for_answer, propose, take_answer, was_said
from bpp.orders.telling import tell
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, amend, is_cut, require_amendable
from trading.changes import Change, Verdict, require_rule
from trading.contract import Contract
from trading.fields import Field
from trading.proposal import Answer, require_free
from trading.proposals import ProposalStore
from trading.refusals import QuoteChanged, UpdateInconsistent, UpdateTargetInvalid
from trading.request import OrderRequest
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class LineUpdate:
    """What a buyer's update says of one line of an order, or of the only one."""

    inbound: Inbound
    contract: Contract
    request: OrderRequest
    answer: Answer | None
    now: datetime

    @property
    def said(self) -> Said:
        return Said(side=Side.BUYER, words="", now=self.now)


async def update_line(bpp: Bpp, update: LineUpdate, uow: UnitOfWork) -> Mapping[str, Any] | None:
    """Return the order with what is changed or proposed of the line, None while utilities are asked about it.

    Raises: what `update` does.
    """
    inbound, request, now = update.inbound, update.request, update.now
    contract = update.contract
    may_cut = contract.is_binding and now >= contract.window.start  # which leaves later contracts more
    later = await hold_for_answer(contract, uow) if may_cut else []
    contract = await get_contract(inbound, uow, order_id=contract.id)
    if (wish := wish_of(contract, request)) is not None:
        return await update_session(bpp, contract, wish, inbound, uow, now)
    held = replace(update, contract=contract)
    wished, answer = await _read(bpp, held, uow)
    if answer is not None:
        return await _answer(bpp, held, answer, uow, later=later)
    if not wished:
        return await tell(contract, uow, now=now)
    return await _change(bpp, held, wished, uow)


async def find_wish_by_consent(bpp: Bpp, update: LineUpdate, uow: UnitOfWork) -> Amendment | None:
    """Return what an update would propose to the seller, None if nothing. Raises: what `update` does."""
    contract = update.contract
    if wish_of(contract, update.request) is not None:
        return None
    wished, answer = await _read(bpp, update, uow)
    if answer is not None or not wished:
        return None
    if await _verdict(bpp, update, wished, uow) is not Verdict.BY_CONSENT:
        return None
    require_free(await ProposalStore(uow.connection).find_open(contract), wished=wished, side=Side.BUYER)
    return wished


async def _read(bpp: Bpp, update: LineUpdate, uow: UnitOfWork) -> tuple[Amendment, Answer | None]:
    """Return what a buyer wishes otherwise, and what it answers to a proposal that waits for that.

    Raises: UpdateInconsistent, UpdateTargetInvalid, WindowUnavailable, PriceMismatch.
    """
    contract, request, now = update.contract, update.request, update.now
    require_same_trade(contract, request)
    wished = wished_by(bpp, request, contract, now=now)
    require_same_price(contract, wished, request, now=now)
    answer = update.answer or await _agreed(contract, wished, uow)
    is_new = answer is not None and not await was_said(contract, answer, uow)
    return wished, answer if is_new else None


async def _agreed(contract: Contract, wished: Amendment, uow: UnitOfWork) -> Answer | None:
    """Return the consent to what the seller proposed, where the buyer wishes the very same."""
    proposal = await ProposalStore(uow.connection).find_open(contract) if wished else None
    if proposal is None or (proposal.side, proposal.amendment) != (Side.SELLER, wished):
        return None
    return Answer(proposal_id=proposal.id, accepts=True)


async def _answer(
    bpp: Bpp, update: LineUpdate, answer: Answer, uow: UnitOfWork, *, later: list[str]
) -> Mapping[str, Any] | None:
    contract, now = update.contract, update.now
    open_one = await ProposalStore(uow.connection).find_open(contract) if answer.accepts else None
    grants: Grants | None = NOT_ASKED
    is_meant = open_one is not None and open_one.id == answer.proposal_id
    if open_one is not None and is_meant and not is_cut(contract, side=Side.BUYER, now=now):
        grants = await _ask(bpp, update, open_one.amendment, uow)
    if grants is None:
        return None
    answered = await take_answer(bpp, contract, answer, uow, said=update.said, later=later)
    await tell_of_cut(bpp, contract, uow, now=now)
    reason = f"the buyer {answer.status.lower()} {answer.proposal_id}"
    changed = grants.priced(answered or contract)
    return await keep(changed, update.inbound, uow, event="UPDATE", now=now, reason=reason)


async def _change(
    bpp: Bpp, update: LineUpdate, wished: Amendment, uow: UnitOfWork
) -> Mapping[str, Any] | None:
    contract, now = update.contract, update.now
    reason = wished.describe(contract)
    if await _verdict(bpp, update, wished, uow) is Verdict.BY_CONSENT:
        changed, _ = await propose(bpp, contract, wished, uow, said=update.said)
        words = f"if agreed: {reason}"
        return await keep(changed, update.inbound, uow, event="PROPOSE", now=now, reason=words)
    require_free(await ProposalStore(uow.connection).find_open(contract), wished=wished, side=Side.BUYER)
    grants = await _ask(bpp, update, wished, uow)
    if grants is None:
        return None
    amended = await amend_contract(bpp, contract, wished, uow, now=now)
    return await keep(grants.priced(amended), update.inbound, uow, event="UPDATE", now=now, reason=reason)


async def _verdict(bpp: Bpp, update: LineUpdate, wished: Amendment, uow: UnitOfWork) -> Verdict:
    """Return whether a buyer has at once what it wishes, or by consent. Raises: what forbids it."""
    contract, now = update.contract, update.now
    verdict = require_amendable(contract, wished, side=Side.BUYER, now=now)
    await require_open(contract, uow, now=now)
    if wished.quantity is not None:
        require_offered(bpp, contract, wished.quantity)
        if not is_cut(contract, side=Side.BUYER, now=now):
            await require_minimum(amend(contract, wished, now=now), uow)
    return verdict


async def _ask(bpp: Bpp, update: LineUpdate, wished: Amendment, uow: UnitOfWork) -> Grants | None:
    """Return what the utilities grant to an amendment, None while they are update."""
    contract, now = update.contract, update.now
    about = amend(contract, wished, now=now)
    grants = await ask_utilities(bpp, contract, update.inbound, uow, now=now, about=about)
    if grants is None:
        await try_amendment(bpp, contract, wished, uow, now=now)
    return grants


def require_same_trade(contract: Contract, request: OrderRequest) -> None:
    """Raises: UpdateInconsistent, if it is about something else; UpdateTargetInvalid, if about terms."""
    seller, item = request.seller or contract.provider_id, request.resource_id or contract.resource_id
    if (seller, item) != (contract.provider_id, contract.resource_id):
        raise UpdateInconsistent(
            f"the order {contract.id} is for {contract.resource_id} of {contract.provider_id}",
            path=Field.ORDER,
            hint="Cancel it and order anew.",
        )
    asked = replace(request, quantity=None, total=None, trade_start=None, trade_end=None)
    if request.payment is said_payment(contract):  # which was no question yet when older orders were made
        asked = replace(asked, payment=None)
    try:
        require_same(contract, asked)
    except QuoteChanged as error:
        raise UpdateTargetInvalid(
            f"only quantity and window can be changed: {error.message}", path=error.path, hint=error.hint
        ) from error


def require_same_price(
    contract: Contract, wished: Amendment, request: OrderRequest, *, now: datetime
) -> None:
    """Let the price pass that was agreed, and the one that the same terms give for what is wished.

    Raises: PriceMismatch; UpdateNotAllowed, QuoteExpired, if nothing can be changed any more.
    """
    prices = {each.quote.total.amount for each in (contract, amend(contract, wished, now=now))}
    if request.total is not None and request.total not in prices:
        require_rule(contract, Change.PRICE, side=Side.BUYER, now=now)
