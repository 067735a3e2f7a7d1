"""Why there is no answer yet: what became of a request, in a sentence for an app's developer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bap.tables import CallState
from kernel.clock import format_instant
from protocol.actions import CALLBACK_OF, Action
from storage.tables import OutboxState


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of a request: the call, and its message in the outbox."""

    action: Action
    peer: str
    call: CallState
    expires_at: datetime
    outbox: OutboxState
    attempts: int
    due_at: datetime
    last_error: str | None
    blocked_until: datetime | None


def explain(progress: Progress, *, now: datetime) -> str:
    """Return how the request stands and what holds it up, if anything does."""
    if progress.call is CallState.ANSWERED:
        return f"answered by {CALLBACK_OF[progress.action]}"
    match progress.outbox:
        case OutboxState.DELIVERED:
            return _acknowledged(progress, now=now)
        case OutboxState.REFUSED:
            return f"no callback will come: {progress.peer} refused it: {_reason(progress)}"
        case OutboxState.DEAD:
            return (
                f"no callback will come: {progress.peer} could not be reached in time, "
                f"last after {_attempts(progress)}: {_reason(progress)}"
            )
        case OutboxState.CLAIMED:
            return f"being sent to {progress.peer}, try {progress.attempts}"
        case OutboxState.PENDING:  # pragma: no branch  the last of them
            return _waiting(progress, now=now)


def _acknowledged(progress: Progress, *, now: datetime) -> str:
    callback = CALLBACK_OF[progress.action]
    if now < progress.expires_at:
        return f"{progress.peer} has acknowledged it; its {callback} has not come yet"
    return (
        f"{progress.peer} acknowledged it, but no {callback} came before it lapsed at "
        f"{format_instant(progress.expires_at)}; one that comes later is still taken"
    )


def _waiting(progress: Progress, *, now: datetime) -> str:
    next_at = max(progress.due_at, progress.blocked_until or progress.due_at)
    if progress.attempts == 0:
        if next_at <= now:
            return f"waiting to be sent to {progress.peer}"
        until = format_instant(next_at)
        return f"waiting: {progress.peer} did not answer lately and is left alone until {until}"
    return (
        f"{progress.peer} did not take it after {_attempts(progress)}: {_reason(progress)}; "
        f"next try {'now' if next_at <= now else 'at ' + format_instant(next_at)}"
    )


def _attempts(progress: Progress) -> str:
    return f"{progress.attempts} {'try' if progress.attempts == 1 else 'tries'}"


def _reason(progress: Progress) -> str:
    return progress.last_error or "no reason was given"
