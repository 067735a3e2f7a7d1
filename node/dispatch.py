"""The way through: from the inbox to a handler and from there to the outbox.

One transaction a message holds the handler's changes, the callback and the inbox mark: they are
all there or none is. A refusal undoes the handler's changes and travels as the callback's `error`;
a failure of our own is tried again, and given up in the end so that the conversation can go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from kernel.clock import Clock
from kernel.errors import NodeError
from node.cascade import NO_CASCADE, Cascade
from node.correspondence import Correspondent
from node.message import Handler, Inbound, Preparation, decode
from node.telemetry import Metrics, stopwatch
from protocol.actions import CALLBACK_OF, Action, Role
from protocol.errors import Unanticipated, WireError
from protocol.rulebook import Rulebook
from storage.backoff import Backoff
from storage.inbox import ClaimedMessage, Inbox
from storage.peers import record_message
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)


class HandlerMismatch(NodeError):
    """The handlers do not fit the table of actions; the node does not start."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 500, False


class LeaseLost(Exception):
    """Another worker took the message over; nothing of this one's work may stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Handles what the inbox holds, one message of a conversation at a time.

    An action has a handler, or a preparation that makes one. A gateway gives no answers of its own. What a
    utility says and is not taken is refused to it as a request is; a request that waits for utilities is
    answered later.
    """

    role: Role
    handlers: Mapping[Action, Handler]
    uow_factory: UnitOfWorkFactory
    correspondent: Correspondent
    rulebook: Rulebook
    clock: Clock
    metrics: Metrics
    lease: timedelta = timedelta(seconds=30)
    concurrency: int = 16
    max_attempts: int = 5
    backoff: Backoff = field(default_factory=Backoff)
    preparations: Mapping[Action, Preparation] = field(default_factory=dict)
    cascade: Cascade = NO_CASCADE

    def __post_init__(self) -> None:
        bound = set(self.handlers) | set(self.preparations)
        due = set(self.cascade.taken_by(self.role))
        if bound != due:
            raise HandlerMismatch(
                f"{self.role} handlers: missing {_names(due - bound)}, unknown {_names(bound - due)}"
            )

    async def step(self) -> bool:
        """Handle what is due; say whether there was anything."""
        async with self.uow_factory() as uow:
            claimed = await Inbox(uow.connection).claim(
                now=self.clock.now(), lease=self.lease, limit=self.concurrency
            )
        results = await asyncio.gather(
            *(self._handle(message) for message in claimed), return_exceptions=True
        )
        for failure in filter(None, results):
            raise failure  # only now: nobody's work goes on unwatched
        return bool(claimed)

    async def _handle(self, claimed: ClaimedMessage) -> None:
        started = stopwatch()
        try:
            inbound = decode(claimed)
        except Exception as error:
            log.exception("message.unreadable", message_id=claimed.message_id, sender=claimed.sender)
            await self._give_up(claimed, error)
            return
        with structlog.contextvars.bound_contextvars(
            action=inbound.action.value,
            transaction_id=inbound.transaction_id,
            message_id=inbound.context.message_id,
        ):
            self._warn_of_unknown_bags(inbound)
            try:
                outcome = await self._in_one_transaction(claimed, inbound)
            except LeaseLost:
                outcome = "lease_lost"
            except NodeError as error:
                log.warning("message.hindered", attempt=claimed.attempt, reason=str(error))
                outcome = await self._postpone(claimed, inbound, error)
            except Exception as error:
                log.exception("message.handler_failed", attempt=claimed.attempt)
                outcome = await self._postpone(claimed, inbound, error)
            log.info("message.handled", outcome=outcome, attempt=claimed.attempt)
        self.metrics.handled.labels(inbound.action.value, outcome).inc()
        self.metrics.handle_seconds.observe(stopwatch() - started)

    def _warn_of_unknown_bags(self, inbound: Inbound) -> None:
        for bag in self.rulebook.unknown_bags({"message": inbound.message}):
            log.warning("attributes.unknown", at=bag.path, context=bag.context, type=bag.type)

    async def _in_one_transaction(self, claimed: ClaimedMessage, inbound: Inbound) -> str:
        handler = self.handlers.get(inbound.action) or await self._prepare(inbound)
        async with self.uow_factory() as uow:
            await record_message(
                uow.connection,
                subscriber_id=inbound.sender,
                profile=inbound.profile.name,
                clock_skew=inbound.context.timestamp - inbound.received_at,
                at=inbound.received_at,
            )
            refusal = await self._answer(inbound, handler, uow)
            held = await Inbox(uow.connection).mark_handled(
                claimed, now=self.clock.now(), refusal=None if refusal is None else str(refusal)
            )
            if not held:
                raise LeaseLost
        return "handled" if refusal is None else refusal.code

    async def _prepare(self, inbound: Inbound) -> Handler:
        """Return the handler that knows what others had to be asked; one that refuses, if they say no."""
        try:
            return await self.preparations[inbound.action](inbound)
        except NodeError as error:
            if error.retryable:
                raise
            return _refusing_with(error)

    def _is_answered(self, inbound: Inbound) -> bool:
        return inbound.action in CALLBACK_OF and self.role is not Role.BG

    async def _answer(self, inbound: Inbound, handler: Handler, uow: UnitOfWork) -> NodeError | None:
        """Run the handler and put its callback; return the refusal, if it was one."""
        now = self.clock.now()
        try:
            async with uow.connection.begin_nested():
                content = await handler(inbound, uow, now)
        except NodeError as refusal:
            if refusal.retryable:
                raise
            await self._put_refusal(inbound, refusal, uow, now=now)
            log.info("message.refused_by_handler", code=refusal.code, reason=refusal.message)
            return refusal
        if content is not None and self._is_answered(inbound):
            await uow.outbox.put(self.correspondent.answer(inbound, content, now=now))
        return None

    async def _put_refusal(
        self, inbound: Inbound, refusal: NodeError, uow: UnitOfWork, *, now: datetime
    ) -> None:
        """Put the callback that tells why a message is not taken, if its sender is to know."""
        error = WireError.of(refusal)
        if self._is_answered(inbound):
            await uow.outbox.put(self.correspondent.answer(inbound, error, now=now))
        elif inbound.error is None and self.cascade.is_refused(inbound.action):
            await uow.outbox.put(self.correspondent.refuse(inbound, error, now=now))

    async def _give_up(self, claimed: ClaimedMessage, error: Exception) -> None:
        """Close a message that will never be readable, so that its conversation can go on."""
        async with self.uow_factory() as uow:
            await Inbox(uow.connection).mark_failed(claimed, now=self.clock.now(), error=repr(error))
        self.metrics.handled.labels(claimed.action, "unreadable").inc()

    async def _postpone(self, claimed: ClaimedMessage, inbound: Inbound, error: Exception) -> str:
        """Put the message back, or give it up after enough tries and tell the sender."""
        now = self.clock.now()
        async with self.uow_factory() as uow:
            inbox = Inbox(uow.connection)
            if claimed.attempt < self.max_attempts:
                due_at = now + self.backoff.after(claimed.attempt)
                await inbox.put_back(claimed, due_at=due_at, error=repr(error))
                return "postponed"
            if await inbox.mark_failed(claimed, now=now, error=repr(error)):
                apology = Unanticipated("this node failed on the message", hint="Send a new request later.")
                await self._put_refusal(inbound, apology, uow, now=now)
        return "failed"


def _refusing_with(error: NodeError) -> Handler:
    async def refuse(_inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> None:
        raise error

    return refuse


def _names(actions: Set[Action]) -> str:
    return ", ".join(sorted(actions)) or "none"
