"""Sending what utilities are asked, and waiting no longer for those that do not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bpp.cascade.outcomes import give_up, silent, told_to_buyer
from bpp.cascade.patience import BACKOFF, ask_again
from bpp.cascade.questions import Question, QuestionState, QuestionStore
from bpp.platform import Bpp
from kernel.clock import Clock
from kernel.errors import NodeError
from node.correspondence import Peer
from protocol.errors import WireError
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWorkFactory
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.mapping.find import Json
from trading.mapping.grid import write_grid_request
from trading.mapping.grid_statement import write_grid_cut

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeDesk:
    """Looks after all questions; `step` is what a worker runs again and again.

    `find_peer` asks the registry where a utility is, `wire_for` says what is spoken with it: no transaction
    is open meanwhile. A question that cannot be seen to is left alone for `retry_after`.
    """

    bpp: Bpp
    uow_factory: UnitOfWorkFactory
    clock: Clock
    find_peer: Callable[[str], Awaitable[Peer]]
    wire_for: Callable[[str], Awaitable[Profile]]
    retry_after: timedelta = timedelta(seconds=5)

    async def step(self) -> bool:
        """See to one question that is due; say whether there was any."""
        now = self.clock.now()
        async with self.uow_factory() as uow:
            question = await QuestionStore(uow.connection).find_due(now=now)
        if question is None:
            return False
        try:
            await self._see_to(question, now)
        except Exception:
            log.exception("cascade.step_failed", question=question.id)
            await self._leave_alone(question, until=now + self.retry_after)
        return True

    async def _see_to(self, question: Question, now: datetime) -> None:
        is_late = question.waiting is not None and now >= question.expires_at
        if question.state is QuestionState.ASKED or is_late:
            await self._wait_no_more(question, now)
            return
        try:
            peer = await self.find_peer(question.utility_id)
        except NodeError as error:
            await self._not_found(question, error, now)
            return
        await self._send(question, peer, await self.wire_for(question.utility_id), now)

    async def _send(self, question: Question, peer: Peer, profile: Profile, now: datetime) -> None:
        async with self.uow_factory() as uow:
            store = QuestionStore(uow.connection)
            contract = await ContractStore(uow.connection).get(question.contract_id)
            locked = await store.get(question.id, lock=True)
            if locked.state is not QuestionState.DUE:
                return
            outgoing = self.bpp.correspondent.request(
                question.action,
                to=peer,
                message=_write(question, profile),
                transaction_id=contract.transaction_id,
                now=now,
                profile=profile,
            )
            await uow.outbox.put(outgoing)
            until = question.expires_at if question.waiting else now + self.bpp.correspondent.request_ttl
            await store.note_sent(locked, message_id=outgoing.message_id, expires_at=until)

    async def _not_found(self, question: Question, error: NodeError, now: datetime) -> None:
        """Look the utility up again later, if that may help; else give the question up."""
        if question.waiting is None:
            await self._tell_again(question, now)
            return
        if error.retryable:
            await self._leave_alone(question, until=now + BACKOFF.after(question.tries + 1))
            return
        refusal = WireError.of(error)
        await self._close(question, QuestionState.REFUSED, refusal, now)

    async def _wait_no_more(self, question: Question, now: datetime) -> None:
        if question.waiting is not None:
            await self._close(question, QuestionState.SILENT, silent(question.utility_id), now)
            return
        await self._tell_again(question, now)

    async def _tell_again(self, question: Question, now: datetime) -> None:
        async with self.uow_factory() as uow:
            locked = await QuestionStore(uow.connection).get(question.id, lock=True)
            if locked.is_open:
                await ask_again(locked, uow, now=now)

    async def _close(self, question: Question, state: QuestionState, error: WireError, now: datetime) -> None:
        async with self.uow_factory() as uow:
            await ContractStore(uow.connection).get(question.contract_id, lock=True)
            store = QuestionStore(uow.connection)
            locked = await store.get(question.id, lock=True)
            if not locked.is_open:
                return
            await store.close(locked, state, now=now, error=error)
            told = told_to_buyer(error, utility=question.utility_id)
            await give_up(self.bpp, locked, told, uow, now=now)

    async def _leave_alone(self, question: Question, *, until: datetime) -> None:
        async with self.uow_factory() as uow:
            store = QuestionStore(uow.connection)
            locked = await store.get(question.id, lock=True)
            if locked.state is QuestionState.DUE:
                await store.put_off(locked, due_at=until)
            elif locked.is_open:
                await store.wait_longer(locked, until=until)


def _write(question: Question, profile: Profile) -> Json:
    """Return the message that asks a question, or tells of a cut."""
    wire = wire_of(profile.name)
    if question.cut is not None:
        return write_grid_cut(wire, question.asked, question.cut)
    return write_grid_request(wire, question.action, question.asked)
