"""Messages for the outbox that nobody needs to understand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from storage.outbox import Outgoing

NOW: Final = datetime(2026, 1, 9, 10, tzinfo=UTC)
LEASE: Final = timedelta(seconds=30)
PEER: Final = "bap.example.com"


def outgoing(message_id: str = "m-1", **changes: Any) -> Outgoing:
    """Return a callback to `PEER` in a conversation of its own, unless the changes say otherwise."""
    fields: dict[str, Any] = {
        "profile": "v2_rc",
        "action": "on_confirm",
        "peer": PEER,
        "url": "http://127.0.0.1:9/beckn/on_confirm",
        "message_id": message_id,
        "transaction_id": f"t-{message_id}",
        "body": b"{}",
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }
    return Outgoing(**fields | changes)
