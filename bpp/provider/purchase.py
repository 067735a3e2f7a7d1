"""The steps of a purchase: what a back office is asked about each, and what handles it then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bpp.handlers.confirm import confirm
from bpp.handlers.init import find_replaced, init
from bpp.handlers.select import select
from bpp.orders.contracts import get_order
from bpp.orders.countering import countered_lines
from bpp.orders.lines import Counters, require_agreed, require_quantities, select_lines
from bpp.orders.promoting import promote_lines
from bpp.platform import Bpp
from bpp.provider.office import AGAIN
from bpp.provider.order import OrderTerms, terms_of_contract, terms_of_selection
from bpp.provider.port import Stage
from node.message import Inbound
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.order_lines import Ordered
from trading.refusals import QuoteChanged
from trading.request import Selection
from trading.seller_counter import SellerCounter, counter_selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the back office is asked about; `order_id` where a quantity was held before.

    `selection` is what of the catalogue it is, as long as nothing was agreed, and `counter` what the back
    office would have otherwise of that. `line` says which of `lines` it is.
    """

    terms: OrderTerms
    line: int = 1
    lines: int = 1
    order_id: str | None = None
    selection: Selection | None = None
    counter: SellerCounter | None = None

    def countered(self, counter: SellerCounter) -> Wanted | None:
        """Return what the back office would take instead, None if all is agreed. Raises: CounterInvalid."""
        if self.selection is None:
            return None
        instead = counter_selection(self.selection, counter)
        return replace(self, terms=self.terms.as_countered(instead), counter=counter)


async def _look_at_select(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> list[Wanted]:
    ordered = read_lines(wire_of(inbound.profile.name), inbound.message)
    require_quantities(ordered)
    found = await select_lines(bpp, ordered, uow, now=now)
    selections = await promote_lines(ordered, found, uow, bap_id=inbound.sender, now=now)
    return _wanted(inbound, ordered, selections, needs_meter=False)


async def _look_at_init(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> list[Wanted]:
    ordered = read_lines(wire_of(inbound.profile.name), inbound.message)
    require_quantities(ordered)
    replaced = await find_replaced(inbound, uow)
    ordered = await countered_lines(bpp, ordered, uow, now=now, but=replaced)
    found = await select_lines(bpp, ordered, uow, now=now, but=replaced)
    selections = await promote_lines(ordered, found, uow, bap_id=inbound.sender, now=now, but=replaced)
    wanted = _wanted(inbound, ordered, selections, needs_meter=True)
    held = {each.line: each.id for each in replaced}
    return [replace(each, order_id=held.get(each.line)) for each in wanted]


def _wanted(
    inbound: Inbound, ordered: Ordered, selections: Sequence[Selection], *, needs_meter: bool
) -> list[Wanted]:
    wanted = []
    for (line, request), selection in zip(ordered.each(), selections, strict=True):
        with ordered.at(line):
            terms = terms_of_selection(inbound, request, selection, needs_meter=needs_meter)
        wanted.append(Wanted(terms=terms, line=line, lines=len(selections), selection=selection))
    return wanted


async def _look_at_confirm(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> list[Wanted]:
    """Return the lines that would become binding, none of an order that is, or has ended."""
    ordered = read_lines(wire_of(inbound.profile.name), inbound.message)
    contracts = await get_order(inbound, uow, order_id=ordered.order_id, lock=False)
    if any(contract.status is not ContractStatus.PENDING for contract in contracts):
        return []
    require_agreed(contracts, ordered)
    for contract in contracts:
        decisions.confirm(contract, now=now)
    return [
        Wanted(terms=terms_of_contract(each), line=each.line, lines=each.lines, order_id=each.id)
        for each in contracts
    ]


async def _select(
    wanted: Sequence[Wanted], bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any]:
    return await select(bpp, inbound, uow, now, counters=_counters_of(wanted))


async def _init(
    wanted: Sequence[Wanted], bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    message = await init(bpp, inbound, uow, now, counters=_counters_of(wanted))
    store = ContractStore(uow.connection)
    held = await store.find_in_transaction(bap_id=inbound.sender, transaction_id=inbound.transaction_id)
    _require_asked(wanted, [] if held is None else await store.find_lines(held))
    return message


async def _confirm(
    wanted: Sequence[Wanted], bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    ordered = read_lines(wire_of(inbound.profile.name), inbound.message)
    contracts = await get_order(inbound, uow, order_id=ordered.order_id)
    if all(contract.status is ContractStatus.PENDING for contract in contracts):
        _require_asked(wanted, contracts)
    return await confirm(bpp, inbound, uow, now)


def _counters_of(wanted: Sequence[Wanted]) -> Counters:
    return {each.line: each.counter for each in wanted if each.counter is not None}


def _require_asked(wanted: Sequence[Wanted], contracts: Sequence[Contract]) -> None:
    """Raises: QuoteChanged, if that is not what the back office was asked about."""
    pairs = list(zip(wanted, contracts, strict=False))
    is_asked = len(wanted) == len(contracts) and all(each.terms.is_covered_by(held) for each, held in pairs)
    if not wanted or not is_asked:
        raise QuoteChanged("the order became another while its seller was asked about it", hint=AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a purchase: what is asked about each line of it, and what handles it then."""

    stage: Stage
    look: Callable[[Bpp, Inbound, UnitOfWork, datetime], Awaitable[list[Wanted]]]
    handle: Callable[
        [Sequence[Wanted], Bpp, Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any] | None]
    ]


STEPS: Final[Mapping[Action, Step]] = {
    Action.SELECT: Step(stage=Stage.SELECT, look=_look_at_select, handle=_select),
    Action.INIT: Step(stage=Stage.INIT, look=_look_at_init, handle=_init),
    Action.CONFIRM: Step(stage=Stage.CONFIRM, look=_look_at_confirm, handle=_confirm),
}
