"""The way out: from the outbox to a peer.

Claim, sign and commit; send with no transaction open; record what came of it. Nobody waits for a
slow peer: each try is a task of its own, and what is finished is recorded in groups. A peer that
does not answer is left alone for longer each time; that is kept in the database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import random
from typing import Final

import structlog

from kernel.clock import Clock
from node.telemetry import Metrics
from node.transport import PeerAnswer, Transport
from protocol.errors import WireError, is_retryable_status
from protocol.profile import PROFILES
from protocol.signing import Signer
from storage.backoff import Backoff
from storage.outbox import ClaimedOutgoing, Outcome
from storage.peers import record_failure, record_heard
from storage.tables import OutboxState
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)

_EVENTS: Final = {state: f"outbox.{state.value}" for state in OutboxState}
_HEARD: Final = (OutboxState.DELIVERED, OutboxState.REFUSED)  # states that a peer's own word leads to
_UNREACHABLE: Final = "NET_DOWNSTREAM_UNAVAILABLE"
_GIVEN_UP: Final = "NET_CALLBACK_FAILED"

OnUndeliverable = Callable[[UnitOfWork, ClaimedOutgoing, WireError, datetime], Awaitable[None]]
"""Tells the domain, in the same transaction, that a message was refused or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try to deliver: the message, when it was sent, and what the peer said, if anything."""

    message: ClaimedOutgoing
    sent_at: datetime
    answer: PeerAnswer | None
    failure: str | None = None


@dataclass(slots=True, kw_only=True)
class Delivery:
    """Delivers what the outbox holds; `wake` is called whenever a try has ended."""

    uow_factory: UnitOfWorkFactory
    transport: Transport
    signer: Signer
    clock: Clock
    metrics: Metrics
    on_undeliverable: OnUndeliverable | None = None
    lease: timedelta = timedelta(seconds=30)
    concurrency: int = 16
    backoff: Backoff = field(default_factory=Backoff)
    wake: Callable[[], None] = field(default=lambda: None)
    _under_way: dict[asyncio.Task[None], str] = field(default_factory=dict, init=False)  # by peer
    _finished: list[Try] = field(default_factory=list, init=False)

    async def step(self) -> bool:
        """Record what is finished and send what is due; say whether that came to anything."""
        recorded = await self._record_finished()
        free = self.concurrency - len(self._under_way)
        claimed = await self._claim(free) if free > 0 else []
        for message, header in claimed:
            task = asyncio.create_task(self._send(message, header))
            self._under_way[task] = message.peer
            task.add_done_callback(self._end_try)
        return recorded or bool(claimed)

    def _end_try(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self.wake()

    async def drain(self) -> None:
        """Wait for the tries under way and record them: the last thing before the node stops."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._record_finished()

    async def _claim(self, limit: int) -> list[tuple[ClaimedOutgoing, str]]:
        """Return messages that are due with the headers that sign them, both on record."""
        now = self.clock.now()
        async with self.uow_factory() as uow:
            claimed = await uow.outbox.claim(
                now=now,
                lease=self.lease,
                limit=limit,
                per_peer=max(1, self.concurrency // 2),
                under_way=Counter(self._under_way.values()),
            )
            signed = [(message, self._sign(message, now)) for message in claimed]
            if signed:
                await uow.outbox.note_authorizations({message.id: header for message, header in signed})
        return signed

    def _sign(self, message: ClaimedOutgoing, now: datetime) -> str:
        label = PROFILES[message.profile].digest_labels[0]
        return self.signer.sign(
            message.body, now=now, label=label, request_signature=message.request_signature
        )

    async def _send(self, message: ClaimedOutgoing, header: str) -> None:
        sent_at = self.clock.now()
        try:
            answer = await self.transport.post(message.url, message.body, authorization=header)
            self._finished.append(Try(message=message, sent_at=sent_at, answer=answer))
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
            self._finished.append(Try(message=message, sent_at=sent_at, answer=None, failure=failure))
        except Exception as error:
            log.exception("outbox.send_failed", message_id=message.message_id, peer=message.peer)
            failure = f"{type(error).__name__}: {error}"
            self._finished.append(Try(message=message, sent_at=sent_at, answer=None, failure=failure))

    async def _record_finished(self) -> bool:
        tries, self._finished = self._finished, []
        if not tries:
            return False
        try:
            await self._record(tries)
        except Exception:
            log.exception("outbox.record_failed", tries=len(tries))
            for attempt in tries:  # one that cannot be recorded must not take the others with it
                with suppress(Exception):  # its lease ends, and it is tried again
                    await self._record([attempt])
        return True

    async def _record(self, tries: Sequence[Try]) -> None:
        now = self.clock.now()
        outcomes = [self._judge(attempt, now) for attempt in tries]
        async with self.uow_factory() as uow:
            held = await uow.outbox.record(outcomes)
            for peer in sorted(
                {o.message.peer for o in outcomes if o.state in _HEARD and o.message.id in held}
            ):
                await record_heard(uow.connection, subscriber_id=peer)
            for attempt, outcome in zip(tries, outcomes, strict=True):
                await self._tell(uow, attempt, outcome, held=outcome.message.id in held, now=now)

    def _judge(self, attempt: Try, now: datetime) -> Outcome:
        """Decide what a try means for its message: delivered, refused, to be tried again, or dead."""
        message, answer = attempt.message, attempt.answer
        status = None if answer is None else answer.status
        error = attempt.failure
        if answer is not None:
            if answer.answer.acknowledged:
                return Outcome(
                    message=message, state=OutboxState.DELIVERED, at=now, due_at=now, status=status
                )
            refusal = answer.answer.error
            error = f"{refusal.code}: {refusal.message}" if refusal else f"HTTP {status}"
            if not is_retryable_status(answer.status):
                return Outcome(
                    message=message, state=OutboxState.REFUSED, at=now, due_at=now, status=status, error=error
                )
        state = OutboxState.DEAD if now >= message.expires_at else OutboxState.PENDING
        # A peer that answers is there: then it is this message that waits, however well others do.
        due_at = now if answer is None else now + self.backoff.after(message.attempt)
        return Outcome(message=message, state=state, at=now, due_at=due_at, status=status, error=error)

    async def _tell(
        self, uow: UnitOfWork, attempt: Try, outcome: Outcome, *, held: bool, now: datetime
    ) -> None:
        message = outcome.message
        self.metrics.delivered.labels(message.action, outcome.state.value).inc()
        log.info(
            _EVENTS[outcome.state],
            action=message.action,
            message_id=message.message_id,
            transaction_id=message.transaction_id,
            peer=message.peer,
            attempt=message.attempt,
            status=outcome.status,
            error=outcome.error,
        )
        if not held:
            return
        if outcome.state not in _HEARD:
            await record_failure(
                uow.connection,
                subscriber_id=message.peer,
                error=outcome.error or "",
                tried_at=attempt.sent_at,
                now=now,
                backoff=self.backoff,
                jitter=random(),  # noqa: S311  spreads load, guards nothing
            )
        if self.on_undeliverable is not None and outcome.state in (OutboxState.REFUSED, OutboxState.DEAD):
            await self.on_undeliverable(uow, message, _as_wire_error(attempt, outcome), now)


def _as_wire_error(attempt: Try, outcome: Outcome) -> WireError:
    if attempt.answer is not None and attempt.answer.answer.error is not None:
        return attempt.answer.answer.error
    code = _GIVEN_UP if outcome.state is OutboxState.DEAD else _UNREACHABLE
    return WireError(code=code, message=outcome.error or "the peer did not answer")
