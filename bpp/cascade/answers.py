"""What is done with utilities' callbacks, and with questions that never reached them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from bpp.cascade.asking import put_notice
from bpp.cascade.outcomes import give_up, go_on, told_to_buyer
from bpp.cascade.patience import ask_again, end_notice
from bpp.cascade.questions import Question, QuestionState, QuestionStore
from bpp.cascade.statements import take_statement
from bpp.places import places_named
from bpp.platform import Bpp
from kernel.errors import NodeError
from node.message import Handler, Inbound
from protocol.actions import ASKED_OF_UTILITIES, CALLBACK_OF, REQUEST_OF, Action
from protocol.context import Context
from protocol.errors import WireError
from protocol.profile import Profile
from storage.outbox import ClaimedOutgoing
from storage.unit_of_work import UnitOfWork
from trading.contracts import ContractStore
from trading.grid import GridGrant
from trading.mapping import wire_of
from trading.mapping.grid import read_grant
from trading.refusals import FieldInvalid

log = structlog.get_logger(__name__)

ANSWERS: Final = tuple(CALLBACK_OF[action] for action in ASKED_OF_UTILITIES)
_PRICED: Final = (Action.INIT, Action.UPDATE)
"""Questions whose answers say what carrying the energy costs."""


class NothingAsked(NodeError):
    """The callback answers nothing that this platform has asked its sender."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


async def receive_answer(
    bpp: Bpp, handlers: Mapping[Action, Handler], inbound: Inbound, uow: UnitOfWork, now: datetime
) -> None:
    """Keep a utility's answer; the last one of a request has its handler go on.

    An on_update that answers nothing is what it says unasked. Raises: NothingAsked, and what `take_statement`
    does.
    """
    sent = await find_asked(inbound.action, inbound.context, inbound.sender, uow)
    if sent is None:
        require_statement(inbound.action, inbound.sender, inbound.profile, error=inbound.error)
        with places_named(inbound):
            await take_statement(bpp, inbound, uow, now=now)
        return
    await ContractStore(uow.connection).get(sent.contract_id, lock=True)
    store = QuestionStore(uow.connection)
    question = await store.get(sent.id, lock=True)
    grant, refusal = _read(inbound, question)
    if question.state is not QuestionState.ASKED:
        if grant is not None:
            await _undo_late(bpp, question, grant, uow, now=now)
        return
    if refusal is not None and question.waiting is None:
        await end_notice(question, refusal, uow, now=now)
        return
    if refusal is not None:
        await store.close(question, QuestionState.REFUSED, now=now, error=refusal)
        error = told_to_buyer(refusal, utility=question.utility_id)
        await give_up(bpp, question, error, uow, now=now)
        return
    await store.close(question, QuestionState.GRANTED, now=now, answer=grant)
    await go_on(bpp, question, handlers, uow, now=now)


def _read(inbound: Inbound, question: Question) -> tuple[GridGrant | None, WireError | None]:
    """Return what a utility grants, or why it does not; an answer that cannot be read is no grant."""
    if inbound.error is not None:
        return None, inbound.error
    wire = wire_of(inbound.profile.name)
    try:
        if question.action in _PRICED and question.cut is None:
            grant = read_grant(wire, inbound.message, question.asked, utility=question.utility_id)
            return grant, None
        return _unpriced(inbound, question), None
    except FieldInvalid as error:
        return None, WireError.of(error)


def _unpriced(inbound: Inbound, question: Question) -> GridGrant:
    """Return a grant that says nothing of charges: those of init hold."""
    wire = wire_of(inbound.profile.name)
    if question.waiting is None:
        return GridGrant(order_id=question.asked.order_id)
    granted = read_grant(wire, inbound.message, question.asked, utility=question.utility_id)
    return GridGrant(order_id=granted.order_id, limit=granted.limit)


async def _undo_late(
    bpp: Bpp, question: Question, grant: GridGrant, uow: UnitOfWork, *, now: datetime
) -> None:
    """Have a utility forget what it grants too late: nobody waits for it, and the contract has ended."""
    contract = await ContractStore(uow.connection).get(question.contract_id)
    if question.waiting is None or question.action is Action.UPDATE:
        return
    if contract.is_open and question.utility_id in (contract.grid.sides if contract.grid else ()):
        return
    await QuestionStore(uow.connection).close(question, question.state, now=now, answer=grant)
    known = [await QuestionStore(uow.connection).get(question.id)]
    await put_notice(bpp, contract, Action.CANCEL, uow, utility=question.utility_id, known=known, now=now)
    log.info("cascade.late_answer_undone", contract=contract.id, utility=question.utility_id)


async def record_unreached(
    bpp: Bpp, uow: UnitOfWork, outgoing: ClaimedOutgoing, error: WireError, now: datetime
) -> None:
    """Give up a question that its utility refused at the door or never took; ask again what nobody waits for.

    What else could not be delivered is no question.
    """
    store = QuestionStore(uow.connection)
    sent = await store.find_sent(outgoing.message_id, utility_id=outgoing.peer)
    if sent is None:
        return
    await ContractStore(uow.connection).get(sent.contract_id, lock=True)
    question = await store.get(sent.id, lock=True)
    if question.state is not QuestionState.ASKED:
        return
    if question.waiting is None:
        await ask_again(question, uow, now=now)
        return
    await store.close(question, QuestionState.REFUSED, now=now, error=error)
    await give_up(bpp, question, told_to_buyer(error, utility=question.utility_id), uow, now=now)


async def find_asked(action: Action, context: Context, sender: str, uow: UnitOfWork) -> Question | None:
    """Return the question that a callback answers, None if it answers none."""
    question = await QuestionStore(uow.connection).find_sent(context.message_id, utility_id=sender)
    return None if question is None or CALLBACK_OF[question.action] is not action else question


def require_statement(action: Action, sender: str, profile: Profile, *, error: object) -> None:
    """Let an on_update pass that answers nothing, as one that comes unasked. Raises: NothingAsked."""
    if action is Action.ON_UPDATE and error is None:
        return
    raise NothingAsked(
        f"no {REQUEST_OF[action]} was sent to {sender} under this message id",
        path=f"$.context.{profile.keys.message_id}",
        hint="Answer under the message id of the request.",
    )
