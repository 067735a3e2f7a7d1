"""What follows from utilities' answers: the handler goes on, or all is undone and the buyer is told why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from bpp.cascade.asking import put_notice
from bpp.cascade.consented import carry_out_consent, end_refused_proposal
from bpp.cascade.questions import Question, QuestionState, QuestionStore, Waiting
from bpp.cascade.waiting import answer_waiting, get_waiting, refuse_waiting
from bpp.platform import Bpp
from kernel.errors import NodeError
from node.message import Handler
from protocol.actions import Action
from protocol.errors import WireError
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.lifecycle import ContractEvent, ContractStatus
from trading.refusals import QuoteExpired, UtilityRefused, UtilitySilent
from trading.stock import Stock

log = structlog.get_logger(__name__)

_TOLD_ON: Final = ("BIZ_", "POL_")
"""Codes of a utility's that mean the same to the buyer; others are between it and us."""
_OF_THE_NETWORK: Final = "NET_"


def told_to_buyer(error: WireError, *, utility: str) -> WireError:
    """Return what a buyer is told of a utility's no."""
    if error.code.startswith(_TOLD_ON):
        message = f"the utility {utility} does not let this pass: {error.message}"
        return WireError(code=error.code, message=message, hint=error.hint)
    if error.code.startswith(_OF_THE_NETWORK):
        return silent(utility)
    return WireError.of(
        UtilityRefused(
            f"the utility {utility} did not take the question: {error.code}: {error.message}",
            hint="Nothing is held any more. Ask the seller, or buy elsewhere.",
        )
    )


def silent(utility: str) -> WireError:
    """Return what a buyer is told if a utility did not answer in time."""
    return WireError.of(
        UtilitySilent(
            f"the utility {utility} did not answer in time, so nothing is agreed",
            hint="Nothing is held any more. Send init again later.",
        )
    )


async def go_on(
    bpp: Bpp, question: Question, handlers: Mapping[Action, Handler], uow: UnitOfWork, *, now: datetime
) -> None:
    """Have done what waits, once all utilities have granted it: a request is handled and answered."""
    store, waiting = QuestionStore(uow.connection), question.waiting
    if waiting is None:
        return
    asked = await store.of_request(question.contract_id, waiting)
    if any(each.state is not QuestionState.GRANTED for each in asked):
        return
    contract = await ContractStore(uow.connection).get(question.contract_id)
    if not contract.is_open:
        lapsed = QuoteExpired(f"the order {contract.id} lapsed meanwhile", hint="Send init again.")
        await give_up(bpp, question, WireError.of(lapsed), uow, now=now)
        return
    try:
        async with uow.connection.begin_nested():
            if waiting.is_consent:
                await carry_out_consent(bpp, contract, waiting, uow, now=now)
            else:
                await _run_waiting(bpp, waiting, handlers, uow, now=now)
    except NodeError as refusal:
        if refusal.retryable:
            raise
        await give_up(bpp, question, WireError.of(refusal), uow, now=now)


async def _run_waiting(
    bpp: Bpp, waiting: Waiting, handlers: Mapping[Action, Handler], uow: UnitOfWork, *, now: datetime
) -> None:
    inbound = await get_waiting(waiting, uow)
    content = await handlers[waiting.action](inbound, uow, now)
    if content is not None:
        await answer_waiting(bpp, inbound, content, uow, now=now)


async def give_up(bpp: Bpp, question: Question, error: WireError, uow: UnitOfWork, *, now: datetime) -> None:
    """Undo what a request that waits has begun, here and at the utilities, and tell its buyer why.

    Its contract is locked.
    """
    store, waiting = QuestionStore(uow.connection), question.waiting
    if waiting is None:
        return
    for each in await store.of_request(question.contract_id, waiting):
        if each.is_open:
            await store.close(each, QuestionState.WITHDRAWN, now=now)
    contract = await ContractStore(uow.connection).get(question.contract_id, lock=True)
    if waiting.action in (Action.UPDATE, Action.ON_UPDATE):
        contract = await end_refused_proposal(bpp, contract, question, error, uow, now=now)
        await _change_back(bpp, contract, uow, now=now)
    else:
        await _end(bpp, contract, error, uow, now=now)
    await refuse_waiting(bpp, waiting, error, uow, now=now)
    log.info("cascade.given_up", contract=contract.id, action=waiting.action.value, code=error.code)


async def _end(bpp: Bpp, contract: Contract, error: WireError, uow: UnitOfWork, *, now: datetime) -> None:
    """End a contract that nobody is bound by, give its quantity back, and have the utilities forget it."""
    if contract.status is ContractStatus.PENDING:
        ended = decisions.fail(contract, now=now)
        await Stock(uow.connection).release(contract.id, resource_id=contract.resource_id)
        store = ContractStore(uow.connection)
        await store.save(ended)
        entry = HistoryEntry(
            at=now,
            actor=bpp.subscriber_id,
            event=ContractEvent.FAIL,
            status=ended.status,
            reason=f"{error.code}: {error.message}",
        )
        await store.note(ended, entry)
    await _tell_all(bpp, contract, Action.CANCEL, uow, now=now)


async def _change_back(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Hold again what the contract is for, and have the utilities count that."""
    if not contract.is_open:
        return
    await Stock(uow.connection).hold_for(contract, now=now)
    await _tell_all(bpp, contract, Action.UPDATE, uow, now=now)


async def _tell_all(bpp: Bpp, contract: Contract, action: Action, uow: UnitOfWork, *, now: datetime) -> None:
    """Have every utility told that knows of the contract, or may."""
    asked = await QuestionStore(uow.connection).of_contract(contract.id)
    reached = {each.utility_id for each in asked if each.message_id is not None}
    for utility in contract.grid.sides if contract.grid else ():
        if utility in reached:
            await put_notice(bpp, contract, action, uow, utility=utility, known=asked, now=now)
