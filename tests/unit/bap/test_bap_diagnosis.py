"""Each way in which a request can be without an answer is told in its own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bap.diagnosis import Progress, explain
from bap.tables import CallState
from protocol.actions import Action
from storage.tables import OutboxState

NOW = datetime(2026, 6, 11, 18, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

FRESH = Progress(
    action=Action.CONFIRM,
    peer="bpp.example",
    call=CallState.SENT,
    expires_at=NOW + timedelta(seconds=30),
    outbox=OutboxState.PENDING,
    attempts=0,
    due_at=NOW,
    last_error=None,
    blocked_until=None,
)
FAILED = replace(FRESH, attempts=2, last_error="ConnectionError: refused")


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (FRESH, "waiting to be sent to bpp.example"),
        (
            replace(FRESH, blocked_until=LATER),
            "waiting: bpp.example did not answer lately and is left alone until 2026-06-11T18:05:00Z",
        ),
        (replace(FRESH, outbox=OutboxState.CLAIMED, attempts=1), "being sent to bpp.example, try 1"),
        (
            replace(FAILED, due_at=LATER),
            "bpp.example did not take it after 2 tries: ConnectionError: refused; "
            "next try at 2026-06-11T18:05:00Z",
        ),
        (
            replace(FAILED, attempts=1),
            "bpp.example did not take it after 1 try: ConnectionError: refused; next try now",
        ),
        (
            replace(FRESH, outbox=OutboxState.DELIVERED, attempts=1),
            "bpp.example has acknowledged it; its on_confirm has not come yet",
        ),
        (
            replace(FRESH, outbox=OutboxState.DELIVERED, attempts=1, expires_at=NOW),
            "bpp.example acknowledged it, but no on_confirm came before it lapsed at "
            "2026-06-11T18:00:00Z; one that comes later is still taken",
        ),
        (
            replace(FAILED, outbox=OutboxState.REFUSED, call=CallState.UNDELIVERED, last_error="SCH_X: no"),
            "no callback will come: bpp.example refused it: SCH_X: no",
        ),
        (
            replace(FAILED, outbox=OutboxState.DEAD, call=CallState.UNDELIVERED),
            "no callback will come: bpp.example could not be reached in time, "
            "last after 2 tries: ConnectionError: refused",
        ),
        (
            replace(FRESH, outbox=OutboxState.REFUSED),
            "no callback will come: bpp.example refused it: no reason was given",
        ),
        (replace(FAILED, outbox=OutboxState.DEAD, call=CallState.ANSWERED), "answered by on_confirm"),
    ],
)
def test_a_request_without_an_answer_is_explained(progress: Progress, sentence: str) -> None:
    assert explain(progress, now=NOW) == sentence
