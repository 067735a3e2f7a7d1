"""Asking the back office before an order is priced, held or sold, with no transaction open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from bpp.bindings import HANDLERS, run_handler
from bpp.handlers.update import update
from bpp.places import places_named
from bpp.platform import Bpp
from bpp.provider.consent import Proposed, look_at_update, update_with_consent, words_of
from bpp.provider.office import AGAIN, NO_ANSWER, Office, Offices, ProviderSilent
from bpp.provider.port import Answer, Question, Stage
from bpp.provider.purchase import STEPS, Step, Wanted
from kernel.clock import Clock
from kernel.errors import NodeError
from node.message import Handler, Inbound, Preparation
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from trading.seller_counter import CounterInvalid

log = structlog.get_logger(__name__)


class ProviderRefused(NodeError):
    """The seller's back office does not take the order."""

    code, http_status, retryable = "BIZ_GENERIC_ERROR", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Asks the back office of each purchase's provider, where it has one."""

    bpp: Bpp
    offices: Offices
    uow_factory: UnitOfWorkFactory
    clock: Clock

    def preparations(self) -> dict[Action, Preparation]:
        """Return what takes the place of the handlers by which energy is sold, and orders changed."""
        purchases = {action: partial(self._prepare, action) for action in STEPS}
        return {**purchases, Action.UPDATE: self._prepare_update}

    async def _prepare(self, action: Action, inbound: Inbound) -> Handler:
        """Return the handler of what the back office takes. Raises: ProviderRefused, ProviderSilent."""
        step, now = STEPS[action], self.clock.now()
        with places_named(inbound):
            async with self.uow_factory() as uow:
                wanted = await step.look(self.bpp, inbound, uow, now)
            office = self.offices.of(wanted[0].terms.provider) if wanted else None
            if wanted and office is None:
                return partial(run_handler, HANDLERS[action], self.bpp)
            if office is not None:
                wanted = await _all_taken(office, step, wanted, inbound.context.message_id, now)
        return partial(run_handler, partial(step.handle, wanted), self.bpp)

    async def _prepare_update(self, inbound: Inbound) -> Handler:
        """Return the handler of a change, with what the back office says where that needs its consent."""
        now = self.clock.now()
        with places_named(inbound):
            async with self.uow_factory() as uow:
                proposed = await look_at_update(self.bpp, inbound, uow, now)
            office = None if proposed is None else self.offices.of(proposed.terms.provider)
            if proposed is None or office is None:
                return partial(run_handler, update, self.bpp)
            answer = await _consent(office, proposed, inbound.context.message_id, now)
        return partial(run_handler, partial(update_with_consent, replace(proposed, answer=answer)), self.bpp)


async def _consent(office: Office, proposed: Proposed, message_id: str, now: datetime) -> Answer | None:
    """Return what the back office answers to a change, None where it leaves it to the seller's people."""
    question = Question(
        id=f"{message_id}:{Stage.UPDATE}",
        stage=Stage.UPDATE,
        order_id=proposed.order_id,
        terms=proposed.terms,
        answer_by=now + office.patience,
        change=proposed.change,
    )
    [answer] = await _asked(office, [question])
    if isinstance(answer, ProviderSilent):
        return None
    if answer.counter is not None:
        _bad(question, "a change is accepted, refused or left to people: it has no counter")
        return None
    return None if answer.accepted is None else answer


async def _asked(office: Office, questions: Sequence[Question]) -> list[Answer | ProviderSilent]:
    """Return what the back office answers, and tell the log of it."""
    answers = await office.ask(questions)
    for question, answer in zip(questions, answers, strict=True):
        if isinstance(answer, Answer):
            log.info(
                "provider.asked",
                office=office.name,
                question=question.id,
                accepted=answer.accepted,
                countered=answer.counter is not None,
                reason=words_of(answer),
            )
    return answers


async def _all_taken(
    office: Office, step: Step, wanted: Sequence[Wanted], message_id: str, now: datetime
) -> list[Wanted]:
    """Return what the back office takes of each line; of those it does not take the first is told of.

    All lines are asked about at the same time, and every answer is waited for.
    """
    questions = [_question(office, step, each, message_id, now) for each in wanted]
    answers = await _asked(office, questions)
    found = zip(questions, wanted, answers, strict=True)
    return [_taken(question, each, answer, now) for question, each, answer in found]


def _question(office: Office, step: Step, wanted: Wanted, message_id: str, now: datetime) -> Question:
    which = f":{wanted.line}" if wanted.lines > 1 else ""
    return Question(
        id=f"{message_id}:{step.stage}{which}",
        stage=step.stage,
        order_id=wanted.order_id,
        terms=wanted.terms,
        answer_by=now + office.patience,
    )


def _taken(question: Question, wanted: Wanted, answer: Answer | ProviderSilent, now: datetime) -> Wanted:
    """Return what the back office takes: what is wanted, or that with its counter.

    Raises: ProviderRefused, ProviderSilent.
    """
    if isinstance(answer, ProviderSilent):
        raise answer
    if answer.accepted is None:
        raise _bad(question, "only a change is left to people")
    if answer.accepted:
        return wanted
    return _countered(question, wanted, answer, now) or _refuse(answer)


def _countered(question: Question, wanted: Wanted, answer: Answer, now: datetime) -> Wanted | None:
    """Return what the back office would take instead, None if nothing. Raises: ProviderSilent."""
    try:
        instead = None if answer.counter is None else wanted.countered(answer.counter)
    except CounterInvalid as error:
        raise _bad(question, str(error)) from error
    if instead is not None and instead.terms.window.end <= now < wanted.terms.window.end:
        raise _bad(question, "the window of the counter is over")
    return instead


def _bad(question: Question, why: str) -> ProviderSilent:
    """Return how an answer that counts for nothing is told to the buyer; the log is told why."""
    log.warning("provider.bad_answer", question=question.id, reason=why)
    return ProviderSilent(f"the seller's back office {NO_ANSWER}", hint=AGAIN)


def _refuse(answer: Answer) -> Wanted:
    said = words_of(answer)
    raise ProviderRefused(f"the seller does not take this order{said and ': '}{said}")
