"""update of an order of several lines: one of them in any way, or several that change at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bpp.handlers.line_update import LineUpdate, require_same_price, require_same_trade, update_line
from bpp.orders.amending import LineChange, amend_contracts, require_offered, require_open, wished_by
from bpp.orders.contracts import get_order, keep_all
from bpp.orders.lines import take_turns
from bpp.orders.proposals import was_said
from bpp.orders.telling import tell
from bpp.platform import Bpp
from storage.unit_of_work import UnitOfWork
from trading.amendment import Amendment, amend, require_amendable
from trading.changes import Verdict
from trading.contract import Contract
from trading.fields import Field
from trading.line_matching import match_lines
from trading.mapping import wire_of
from trading.mapping.lines import split_message
from trading.order_lines import Ordered, require_price, sum_quotes
from trading.proposal import require_free
from trading.proposals import ProposalStore
from trading.refusals import UpdateInconsistent, UpdateNotAllowed
from trading.request import OrderRequest
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class _Touched:
    """A line of which an update wishes something otherwise, or answers what was proposed."""

    number: int
    update: LineUpdate
    wished: Amendment


async def update_lines(
    bpp: Bpp, update: LineUpdate, contracts: Sequence[Contract], ordered: Ordered, uow: UnitOfWork
) -> Mapping[str, Any] | None:
    """Return the whole order with the lines changed that `ordered` names; the others stay as they are.

    What waits for consent, cuts what is being delivered, or answers a proposal is done of one line at a time.
    Raises: what the update of one line does.
    """
    touched = await _find_touched(bpp, update, contracts, ordered, uow)
    _require_sum(contracts, touched, ordered, update)
    if len(touched) == 1:
        only = touched[0]
        with ordered.at(only.number):
            return await update_line(bpp, only.update, uow)
    if touched:
        return await _change(bpp, update, ordered, uow)
    return await tell(contracts[0], uow, now=update.now)


async def find_only_line(
    bpp: Bpp, update: LineUpdate, contracts: Sequence[Contract], ordered: Ordered, uow: UnitOfWork
) -> LineUpdate | None:
    """Return what an update says of the only line that it is about, None if of several, or of none.

    Raises: what the update of one line does.
    """
    touched = await _find_touched(bpp, update, contracts, ordered, uow)
    return touched[0].update if len(touched) == 1 else None


async def _find_touched(
    bpp: Bpp, update: LineUpdate, contracts: Sequence[Contract], ordered: Ordered, uow: UnitOfWork
) -> list[_Touched]:
    wire = wire_of(update.inbound.profile.name)
    messages = split_message(wire, update.inbound.message)
    touched = []
    matched = match_lines(contracts, ordered) or await _find_answered(update, contracts, uow)
    for number, contract in matched:
        request, answer = ordered.lines[number - 1], wire.read_answer(messages[number - 1])
        with ordered.at(number):
            require_same_trade(contract, request)
            wished = wished_by(bpp, request, contract, now=update.now)
            if ordered.is_single:
                request = _less_total(request, contract, wished, contracts, now=update.now)
            is_new = answer is not None and not await was_said(contract, answer, uow)
            one = LineUpdate(
                inbound=update.inbound,
                contract=contract,
                request=request,
                answer=answer if is_new else None,
                now=update.now,
            )
        if wished or is_new:
            touched.append(_Touched(number=number, update=one, wished=wished))
    return touched


async def _find_answered(
    update: LineUpdate, contracts: Sequence[Contract], uow: UnitOfWork
) -> list[tuple[int, Contract]]:
    """Return the line of which an update that names none answers a proposal. Raises: UpdateInconsistent."""
    if update.answer is None:
        return []
    store = ProposalStore(uow.connection)
    for contract in contracts:
        if await store.find(update.answer.proposal_id, contract_id=contract.id) is not None:
            return [(1, contract)]
    raise UpdateInconsistent(
        f"no line of the order has the proposal {update.answer.proposal_id[:64]}", path=Field.ITEMS
    )


def _less_total(
    request: OrderRequest,
    contract: Contract,
    wished: Amendment,
    contracts: Sequence[Contract],
    *,
    now: datetime,
) -> OrderRequest:
    """Return what is said of the only line that is named, without the price of the whole order beside it.

    Raises: PriceMismatch, if the price is neither that, nor the line's own.
    """
    changed = [amend(each, wished, now=now) if each is contract else each for each in contracts]
    prices = [sum_quotes([each.quote for each in lines]).total.amount for lines in (contracts, changed)]
    if request.total in prices:
        return replace(request, total=None)
    require_same_price(contract, wished, request, now=now)
    return request


def _require_sum(
    contracts: Sequence[Contract], touched: Sequence[_Touched], ordered: Ordered, update: LineUpdate
) -> None:
    """Let the price of all lines pass that was agreed, and what the same terms give for what is wished.

    Raises: PriceMismatch.
    """
    agreed = sum_quotes([each.quote for each in contracts])
    if ordered.total == agreed.total.amount:
        return
    wished = {each.update.contract.line: each.wished for each in touched}
    nothing = Amendment()
    changed = [amend(each, wished.get(each.line, nothing), now=update.now).quote for each in contracts]
    require_price(ordered, sum_quotes(changed))


def _require_at_once(touched: _Touched) -> None:
    """Raises: UpdateNotAllowed, if a line cannot be changed together with others."""
    contract, now = touched.update.contract, touched.update.now
    hint = "Change this line in an update of its own."
    if touched.update.answer is not None:
        raise UpdateNotAllowed("a proposal is answered by itself", path=Field.ITEM, hint=hint)
    if require_amendable(contract, touched.wished, side=Side.BUYER, now=now) is Verdict.BY_CONSENT:
        raise UpdateNotAllowed("this change waits for the seller's consent", path=Field.ITEM, hint=hint)


async def _change(bpp: Bpp, update: LineUpdate, ordered: Ordered, uow: UnitOfWork) -> Mapping[str, Any]:
    """Change several lines, or none; every line of the order is held before any of them changes.

    What is wished is read again of the lines as they are then.
    """
    now, inbound = update.now, update.inbound
    lines = await get_order(inbound, uow, order_id=update.contract.order_id)
    touched = await _find_touched(bpp, update, lines, ordered, uow)
    _require_sum(lines, touched, ordered, update)
    for each in touched:
        with ordered.at(each.number):
            await _require_possible(bpp, each, uow)
    if not touched:
        return await tell(lines[0], uow, now=now)
    await take_turns([each.update.contract for each in touched], uow)
    numbers = {each.update.contract.id: each.number for each in touched}
    amended = await amend_contracts(
        bpp,
        [LineChange(contract=each.update.contract, amendment=each.wished) for each in touched],
        uow,
        now=now,
        at=lambda contract: ordered.at(numbers[contract.id]),
    )
    amended.sort(key=lambda contract: contract.line)
    reason = "; ".join(each.wished.describe(each.update.contract) for each in touched)
    return await keep_all(amended, inbound, uow, event="UPDATE", now=now, reason=reason)


async def _require_possible(bpp: Bpp, touched: _Touched, uow: UnitOfWork) -> None:
    """Raises: what forbids that a line is changed together with others."""
    contract, wished = touched.update.contract, touched.wished
    _require_at_once(touched)
    await require_open(contract, uow, now=touched.update.now)
    if wished.quantity is not None:
        require_offered(bpp, contract, wished.quantity)
    open_one = await ProposalStore(uow.connection).find_open(contract)
    require_free(open_one, wished=wished, side=Side.BUYER)
