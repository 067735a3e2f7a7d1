"""Asking the back office before an order is priced, held or sold, with no transaction open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bpp.bindings import run_handler
from bpp.places import places_named
from bpp.platform import Bpp
from bpp.provider.port import Answer, ProviderAway, ProviderPort, Question
from bpp.provider.purchase import AGAIN, STEPS, Step, Wanted
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


class ProviderSilent(NodeError):
    """The seller's back office gave no answer in time; the buyer may ask again, this node does not."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, False


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
        return {action: partial(self._prepare, action) for action in STEPS}

    async def _prepare(self, action: Action, inbound: Inbound) -> Handler:
        """Return the handler of what the back office takes. Raises: ProviderRefused, ProviderSilent."""
        step, now = STEPS[action], self.clock.now()
        with places_named(inbound):
            async with self.uow_factory() as uow:
                wanted = await step.look(self.bpp, inbound, uow, now)
            taken = wanted and await self._taken(step, wanted, inbound, now)
        return partial(run_handler, partial(step.handle, taken), self.bpp)

    async def _taken(self, step: Step, wanted: Wanted, inbound: Inbound, now: datetime) -> Wanted:
        """Return what the back office takes: what is wanted, or that with its counter."""
        question = Question(
            id=f"{inbound.context.message_id}:{step.stage}",
            stage=step.stage,
            order_id=wanted.order_id,
            terms=wanted.terms,
            answer_by=now + self.patience,
        )
        answer = await self._ask(question)
        log.info(
            "provider.asked",
            question=question.id,
            accepted=answer.accepted,
            countered=answer.counter is not None,
            reason=one_line(answer.reason)[:_LONGEST_REASON],
        )
        if answer.accepted:
            return wanted
        return _countered(question, wanted, answer) or _refuse(answer)

    async def _ask(self, question: Question) -> Answer:
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                return await self.port.ask(question)
        except (TimeoutError, ProviderAway) as error:
            log.warning("provider.silent", question=question.id, reason=str(error) or "no answer in time")
        except Exception:
            log.exception("provider.failed", question=question.id)
        raise ProviderSilent("the seller's back office gave no answer in time", hint=AGAIN)


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
