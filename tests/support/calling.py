"""Calling what a test runs, with patience for a busy machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import httpx

from registry_client.connection import ConnectionLimits
from registry_client.onboarding import subscribe
from registry_client.subscriber import SubscriberRecord, SubscriberStatus

PATIENCE: Final = 60.0  # s, so that a broken test ends
PATIENT: Final = ConnectionLimits(
    connect_timeout=timedelta(seconds=PATIENCE), answer_timeout=timedelta(seconds=PATIENCE)
)


def calling(**options: Any) -> httpx.AsyncClient:
    """Return a client that waits, and that no proxy of the environment stands before."""
    usual: dict[str, Any] = {"timeout": PATIENCE, "trust_env": False}
    return httpx.AsyncClient(**usual | options)


async def enter_by_token(registry_url: str, *, record: SubscriberRecord, token: str) -> SubscriberStatus:
    """Have a record entered by a registry that takes whoever shows the token at its word."""
    return await subscribe(registry_url, record=record, token=token, limits=PATIENT)
