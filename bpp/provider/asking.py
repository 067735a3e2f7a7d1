"""Asking the back office before an order is priced, held or sold, with no transaction open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from bpp.bindings import HANDLERS, run_handler
from bpp.places import places_named
from bpp.platform import Bpp
from bpp.provider.office import AGAIN, Office, Offices, ProviderSilent
from bpp.provider.port import Answer, Question
from bpp.provider.purchase import STEPS, Step, Wanted
from kernel.clock import Clock
from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.message import Handler, Inbound, Preparation
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from trading.seller_counter import CounterInvalid

log = structlog.get_logger(__name__)

_LONGEST_REASON: Final = 300  # characters


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
        """Return what takes the place of the handlers by which energy is sold."""
        return {action: partial(self._prepare, action) for action in STEPS}

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
                asked = (_taken(office, step, each, inbound.context.message_id, now) for each in wanted)
                wanted = await asyncio.gather(*asked)
        return partial(run_handler, partial(step.handle, wanted), self.bpp)


async def _taken(office: Office, step: Step, wanted: Wanted, message_id: str, now: datetime) -> Wanted:
    """Return what the back office takes: what is wanted, or that with its counter."""
    which = f":{wanted.line}" if wanted.lines > 1 else ""
    question = Question(
        id=f"{message_id}:{step.stage}{which}",
        stage=step.stage,
        order_id=wanted.order_id,
        terms=wanted.terms,
        answer_by=now + office.patience,
    )
    answer = await office.ask(question)
    log.info(
        "provider.asked",
        office=office.name,
        question=question.id,
        accepted=answer.accepted,
        countered=answer.counter is not None,
        reason=one_line(answer.reason)[:_LONGEST_REASON],
    )
    if answer.accepted:
        return wanted
    return _countered(question, wanted, answer) or _refuse(answer)


def _countered(question: Question, wanted: Wanted, answer: Answer) -> Wanted | None:
    """Return what the back office would take instead, None if nothing. Raises: ProviderSilent."""
    try:
        return None if answer.counter is None else wanted.countered(answer.counter)
    except CounterInvalid as error:
        log.warning("provider.bad_answer", question=question.id, reason=str(error))
    raise ProviderSilent("the seller's back office gave an answer that counts for nothing", hint=AGAIN)


def _refuse(answer: Answer) -> Wanted:
    said = one_line(answer.reason.strip())[:_LONGEST_REASON]
    raise ProviderRefused(f"the seller does not take this order{said and ': '}{said}")
