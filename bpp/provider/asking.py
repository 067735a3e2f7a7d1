"""Asking the back office before an order is priced, held or sold, with no transaction open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from bpp.bindings import run_handler
from bpp.handlers.confirm import confirm
from bpp.handlers.init import countered, find_replaced, init
from bpp.handlers.select import select
from bpp.orders import get_contract, require_same
from bpp.places import places_named
from bpp.platform import Bpp
from bpp.provider.order import OrderTerms, terms_of_contract, terms_of_selection
from bpp.provider.port import Answer, ProviderAway, ProviderPort, Question, Stage
from bpp.selection import find_sellable, fit_slot
from kernel.clock import Clock
from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.message import Handler, Inbound, Preparation
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.refusals import QuoteChanged
from trading.request import require_one_quantity

log = structlog.get_logger(__name__)

_LONGEST_REASON: Final = 300  # characters
_AGAIN: Final = "Send the same request again in a while, under a new message id."


class ProviderRefused(NodeError):
    """The seller's back office does not take the order."""

    code, http_status, retryable = "BIZ_GENERIC_ERROR", 409, False


class ProviderSilent(NodeError):
    """The seller's back office gave no answer in time; the buyer may ask again, this node does not."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the back office is asked about; `order_id` where a quantity was held before."""

    terms: OrderTerms
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Asks `port` about every purchase, for `patience` at most."""

    bpp: Bpp
    port: ProviderPort
    uow_factory: UnitOfWorkFactory
    clock: Clock
    patience: timedelta

    def preparations(self) -> dict[Action, Preparation]:
        """Return what takes the place of the handlers by which energy is sold."""
        return {action: partial(self._prepare, action) for action in _STEPS}

    async def _prepare(self, action: Action, inbound: Inbound) -> Handler:
        """Return the handler of what the back office takes. Raises: ProviderRefused, ProviderSilent."""
        step, now = _STEPS[action], self.clock.now()
        with places_named(inbound):
            async with self.uow_factory() as uow:
                wanted = await step.look(self.bpp, inbound, uow, now)
            if wanted is not None:
                await self._require_taken(step.stage, wanted, inbound, now)
        return partial(run_handler, partial(step.handle, wanted), self.bpp)

    async def _require_taken(self, stage: Stage, wanted: Wanted, inbound: Inbound, now: datetime) -> None:
        question = Question(
            id=f"{inbound.context.message_id}:{stage}",
            stage=stage,
            order_id=wanted.order_id,
            terms=wanted.terms,
            answer_by=now + self.patience,
        )
        answer = await self._ask(question)
        log.info("provider.asked", question=question.id, accepted=answer.accepted)
        if not answer.accepted:
            said = one_line(answer.reason.strip())[:_LONGEST_REASON]
            raise ProviderRefused(f"the seller does not take this order{said and ': '}{said}")

    async def _ask(self, question: Question) -> Answer:
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                return await self.port.ask(question)
        except (TimeoutError, ProviderAway) as error:
            log.warning("provider.silent", question=question.id, reason=str(error) or "no answer in time")
        except Exception:
            log.exception("provider.failed", question=question.id)
        raise ProviderSilent("the seller's back office gave no answer in time", hint=_AGAIN)


async def _look_at_select(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Wanted:
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    require_one_quantity(request)
    selection = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now)
    return Wanted(terms=terms_of_selection(inbound, request, selection, needs_meter=False))


async def _look_at_init(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Wanted:
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    require_one_quantity(request)
    replaced = await find_replaced(inbound, uow)
    but = replaced.id if replaced else None
    request = await countered(bpp, request, uow, now=now, but=but)
    selection = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now, but=but)
    return Wanted(
        terms=terms_of_selection(inbound, request, selection, needs_meter=True),
        order_id=but,
    )


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
    _wanted: Wanted | None, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any]:
    return await select(bpp, inbound, uow, now)


async def _init(
    wanted: Wanted | None, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    message = await init(bpp, inbound, uow, now)
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


def _require_asked(wanted: Wanted | None, contract: Contract | None) -> None:
    """Raises: QuoteChanged, if that is not what the back office was asked about."""
    if wanted is None or contract is None or not wanted.terms.is_covered_by(contract):
        raise QuoteChanged("the order became another while its seller was asked about it", hint=_AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One request of a purchase: what is asked about it, and what handles it then."""

    stage: Stage
    look: Callable[[Bpp, Inbound, UnitOfWork, datetime], Awaitable[Wanted | None]]
    handle: Callable[[Wanted | None, Bpp, Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any] | None]]


_STEPS: Final[Mapping[Action, _Step]] = {
    Action.SELECT: _Step(stage=Stage.SELECT, look=_look_at_select, handle=_select),
    Action.INIT: _Step(stage=Stage.INIT, look=_look_at_init, handle=_init),
    Action.CONFIRM: _Step(stage=Stage.CONFIRM, look=_look_at_confirm, handle=_confirm),
}
