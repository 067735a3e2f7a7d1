"""The steps of a purchase: what a back office is asked about each, and what handles it then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bpp.handlers.confirm import confirm
from bpp.handlers.init import countered, find_replaced, init
from bpp.handlers.select import select
from bpp.orders import get_contract, require_same
from bpp.platform import Bpp
from bpp.provider.office import AGAIN
from bpp.provider.order import OrderTerms, terms_of_contract, terms_of_selection
from bpp.provider.port import Stage
from bpp.selection import find_sellable, fit_slot
from node.message import Inbound
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.refusals import QuoteChanged
from trading.request import Selection, require_one_quantity
from trading.seller_counter import SellerCounter, counter_selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the back office is asked about; `order_id` where a quantity was held before.

    `selection` is what of the catalogue it is, as long as nothing was agreed, and `counter` what the back
    office would have otherwise of that.
    """

    terms: OrderTerms
    order_id: str | None = None
    selection: Selection | None = None
    counter: SellerCounter | None = None

    def countered(self, counter: SellerCounter) -> Wanted | None:
        """Return what the back office would take instead, None if all is agreed. Raises: CounterInvalid."""
        if self.selection is None:
            return None
        instead = counter_selection(self.selection, counter)
        return replace(self, terms=self.terms.as_countered(instead), counter=counter)


async def _look_at_select(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Wanted:
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    require_one_quantity(request)
    selection = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now)
    terms = terms_of_selection(inbound, request, selection, needs_meter=False)
    return Wanted(terms=terms, selection=selection)


async def _look_at_init(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Wanted:
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    require_one_quantity(request)
    replaced = await find_replaced(inbound, uow)
    but = replaced.id if replaced else None
    request = await countered(bpp, request, uow, now=now, but=but)
    selection = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now, but=but)
    terms = terms_of_selection(inbound, request, selection, needs_meter=True)
    return Wanted(terms=terms, order_id=but, selection=selection)


async def _look_at_confirm(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Wanted | None:
    """Return the order that would become binding, None of one that is, or has ended."""
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id, lock=False)
    if contract.status is not ContractStatus.PENDING:
        return None
    require_same(contract, request)
    decisions.confirm(contract, now=now)
    return Wanted(terms=terms_of_contract(contract), order_id=contract.id)


async def _select(
    wanted: Wanted | None, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any]:
    return await select(bpp, inbound, uow, now, counter=_counter_of(wanted))


async def _init(
    wanted: Wanted | None, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    message = await init(bpp, inbound, uow, now, counter=_counter_of(wanted))
    held = await ContractStore(uow.connection).find_in_transaction(
        bap_id=inbound.sender, transaction_id=inbound.transaction_id
    )
    _require_asked(wanted, held)
    return message


async def _confirm(
    wanted: Wanted | None, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id)
    if contract.status is ContractStatus.PENDING:
        _require_asked(wanted, contract)
    return await confirm(bpp, inbound, uow, now)


def _counter_of(wanted: Wanted | None) -> SellerCounter | None:
    return None if wanted is None else wanted.counter


def _require_asked(wanted: Wanted | None, contract: Contract | None) -> None:
    """Raises: QuoteChanged, if that is not what the back office was asked about."""
    if wanted is None or contract is None or not wanted.terms.is_covered_by(contract):
        raise QuoteChanged("the order became another while its seller was asked about it", hint=AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a purchase: what is asked about it, and what handles it then."""

    stage: Stage
    look: Callable[[Bpp, Inbound, UnitOfWork, datetime], Awaitable[Wanted | None]]
    handle: Callable[[Wanted | None, Bpp, Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any] | None]]


STEPS: Final[Mapping[Action, Step]] = {
    Action.SELECT: Step(stage=Stage.SELECT, look=_look_at_select, handle=_select),
    Action.INIT: Step(stage=Stage.INIT, look=_look_at_init, handle=_init),
    Action.CONFIRM: Step(stage=Stage.CONFIRM, look=_look_at_confirm, handle=_confirm),
}
