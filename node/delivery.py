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
from node.evidence import AnswerJudge
from node.peer_rules import CheckReceiver, PeerRefused, send_to_anybody
from node.telemetry import Metrics
from node.transport import PeerAnswer, Transport
from protocol.errors import WireError
from protocol.profile import PROFILES
from protocol.signing import Signers, parse_header
from registry_client.reach import DestinationRefused
from storage.backoff import Backoff
from storage.outbox import ClaimedOutgoing, Evidence, Outcome
from storage.peers import record_failure, record_heard
from storage.tables import OutboxState
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)

_EVENTS: Final = {state: f"outbox.{state.value}" for state in OutboxState}
_HEARD: Final = (OutboxState.DELIVERED, OutboxState.REFUSED)  # states that a peer's own word leads to
_UNREACHABLE: Final = "NET_DOWNSTREAM_UNAVAILABLE"
_GIVEN_UP: Final = "NET_CALLBACK_FAILED"
_UNBELIEVED: Final = 401
_LAPSED: Final = "it lapsed before it was sent"

OnUndeliverable = Callable[[UnitOfWork, ClaimedOutgoing, WireError, datetime], Awaitable[None]]
"""Tells the domain, in the same transaction, that a message was refused or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try to deliver: the message, when it was sent, and what the peer said, if anything.

    `key_id` is the key that signed it. `evidence` is what the peer said with the verdict on its
    signature, where that is looked at.
    `refusal` is why this node does not go there at all; nobody was asked then. Neither is anybody
    where the message `lapsed` before it could be passed on.
    """

    message: ClaimedOutgoing
    sent_at: datetime
    answer: PeerAnswer | None
    key_id: str = ""
    failure: str | None = None
    refusal: DestinationRefused | PeerRefused | None = None
    lapsed: bool = False
    evidence: Evidence | None = None


def _never(_key_id: str, _now: datetime, /) -> bool:
    """Take it that every peer knows the key: whoever has but one cannot sign with another."""
    return False


@dataclass(slots=True, kw_only=True)
class Delivery:
    """Delivers what the outbox holds; `wake` is called whenever a try has ended.

    At most `per_peer` messages are under way to one peer, half of all that may be unless it is said.
    A peer that does not believe a signature has the last word, unless its key `may_be_unheard_of`: a
    message that was under way while keys changed is signed again.
    """

    uow_factory: UnitOfWorkFactory
    transport: Transport
    signers: Signers
    clock: Clock
    metrics: Metrics
    judge: AnswerJudge | None = None
    check_receiver: CheckReceiver = send_to_anybody
    on_undeliverable: OnUndeliverable | None = None
    may_be_unheard_of: Callable[[str, datetime], bool] = _never
    lease: timedelta = timedelta(seconds=30)
    concurrency: int = 16
    per_peer: int | None = None
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
        return recorded or bool(claimed) or bool(self._finished)

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
                per_peer=self.per_peer or max(1, self.concurrency // 2),
                under_way=Counter(self._under_way.values()),
            )
            lapsed = [message for message in claimed if _is_lapsed(message, now)]
            signed = [(message, self._sign(message, now)) for message in claimed if message not in lapsed]
            if signed:
                await uow.outbox.note_authorizations({message.id: header for message, header in signed})
        self._finished += (
            Try(message=message, sent_at=now, answer=None, failure=_LAPSED, lapsed=True) for message in lapsed
        )
        return signed

    def _sign(self, message: ClaimedOutgoing, now: datetime) -> str:
        label = PROFILES[message.profile].digest_labels[0]
        return self.signers.at(now).sign(
            message.body, now=now, label=label, request_signature=message.request_signature
        )

    async def _send(self, message: ClaimedOutgoing, header: str) -> None:
        sent_at = self.clock.now()
        answer, evidence, failure, refusal = None, None, None, None
        try:
            self.check_receiver(message.peer)
            answer = await self.transport.post(message.url, message.body, headers=_headers(message, header))
            if self.judge is not None:
                evidence = await self.judge.judge(answer, to=message, sent_under=header)
        except (DestinationRefused, PeerRefused) as error:
            refusal = error
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
        except Exception as error:
            log.exception("outbox.send_failed", message_id=message.message_id, peer=message.peer)
            failure = f"{type(error).__name__}: {error}"
        self._finished.append(
            Try(
                message=message,
                sent_at=sent_at,
                answer=answer,
                key_id=parse_header(header).key_id,
                failure=failure,
                refusal=refusal,
                evidence=evidence,
            )
        )

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
        outcomes = [self._decide(attempt, now) for attempt in tries]
        async with self.uow_factory() as uow:
            held = await uow.outbox.record(outcomes)
            heard = [outcome for outcome in outcomes if _was_heard(outcome)]
            for peer in sorted({o.message.peer for o in heard if o.message.id in held}):
                await record_heard(uow.connection, subscriber_id=peer)
            for attempt, outcome in zip(tries, outcomes, strict=True):
                await self._tell(uow, attempt, outcome, held=outcome.message.id in held, now=now)

    def _decide(self, attempt: Try, now: datetime) -> Outcome:
        """Decide what a try means for its message: delivered, refused, to be tried again, or dead."""
        state, error = self._state_after(attempt, now)
        is_put_off = state is OutboxState.PENDING and attempt.answer is not None
        # A peer that answers is there: then it is this message that waits, however well others do.
        due_at = now + self._wait_after(attempt) if is_put_off else now
        return Outcome(
            message=attempt.message,
            state=state,
            at=now,
            due_at=due_at,
            status=None if attempt.answer is None else attempt.answer.status,
            error=error,
            evidence=attempt.evidence,
        )

    def _state_after(self, attempt: Try, now: datetime) -> tuple[OutboxState, str | None]:
        """Return the state that a try leads to, and what was wrong if it was no success."""
        if attempt.refusal is not None:  # it would be refused each time
            return OutboxState.REFUSED, f"{attempt.refusal.code}: {attempt.refusal.message}"
        unfinished = OutboxState.DEAD if now >= attempt.message.expires_at else OutboxState.PENDING
        if attempt.answer is None:
            return unfinished, attempt.failure
        said = attempt.answer.answer
        if said.acknowledged:
            return OutboxState.DELIVERED, None
        error = f"{said.error.code}: {said.error.message}" if said.error else f"HTTP {attempt.answer.status}"
        is_open = said.retryable or self._may_be_believed(attempt, now)
        return unfinished if is_open else OutboxState.REFUSED, error

    def _may_be_believed(self, attempt: Try, now: datetime) -> bool:
        """Say whether a peer refused but the key, and may not refuse what is signed next."""
        is_unbelieved = attempt.answer is not None and attempt.answer.status == _UNBELIEVED
        return is_unbelieved and self.may_be_unheard_of(attempt.key_id, now)

    def _wait_after(self, attempt: Try) -> timedelta:
        """Return how long the message waits: as the peer asks for, and never less than usual."""
        asked = attempt.answer.answer.retry_after if attempt.answer is not None else None
        return max(self.backoff.after(attempt.message.attempt), asked or timedelta())

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
        if not (outcome.state in _HEARD or _was_heard(outcome) or attempt.lapsed):
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


def _was_heard(outcome: Outcome) -> bool:
    """Say whether the peer is there and at work: what it says against a key of ours is no failure of it."""
    return outcome.status is not None and (outcome.state in _HEARD or outcome.status == _UNBELIEVED)


def _headers(message: ClaimedOutgoing, signature: str) -> dict[str, str]:
    """Return the headers to send under; what is passed on keeps its sender's beside ours (BECKN-006)."""
    if message.sender_authorization is None:
        return {"Authorization": signature}
    return {"Authorization": message.sender_authorization, "X-Gateway-Authorization": signature}


def _is_lapsed(message: ClaimedOutgoing, now: datetime) -> bool:
    """Say whether a message is not to be passed on any more; our own are tried once in any case."""
    return message.sender_authorization is not None and now >= message.expires_at


def _as_wire_error(attempt: Try, outcome: Outcome) -> WireError:
    if attempt.answer is not None and attempt.answer.answer.error is not None:
        return attempt.answer.answer.error
    if attempt.refusal is not None:
        return WireError.of(attempt.refusal)
    code = _GIVEN_UP if outcome.state is OutboxState.DEAD else _UNREACHABLE
    return WireError(code=code, message=outcome.error or "the peer did not answer")
