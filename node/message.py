"""A received message as a handler sees it, and what a handler gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import simplejson

from protocol.actions import Action, Role, sender_role, sender_side
from protocol.context import Context, name_sides, read_context
from protocol.errors import WireError
from protocol.profile import PROFILES, Profile
from storage.inbox import ClaimedMessage
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A verified message: its context, and `message` as exact JSON (numbers are int or Decimal).

    `error` stands instead of a message in a callback that carries a refusal. `gateway` passed the
    message on and takes the answer at `gateway_url`; both are None if it came straight from its sender.
    """

    profile: Profile
    action: Action
    context: Context
    message: dict[str, Any]
    error: WireError | None
    sender: str
    authorization: str
    received_at: datetime
    raw: bytes
    gateway: str | None = None
    gateway_url: str | None = None

    @property
    def transaction_id(self) -> str:
        return self.context.transaction_id

    @property
    def sender_url(self) -> str:
        """The URL that callbacks go to; ingress has checked it against the registry."""
        return self.context.uri_of(sender_side(self.action))

    @property
    def sender_role(self) -> Role:
        return sender_role(self.action)


Handler = Callable[[Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any] | None]]
"""`handler(inbound, uow, now)`: fetch, decide, store; return the `message` of the callback.

It raises a `NodeError` to refuse: its changes are undone and the error travels in the callback.
Handlers of callbacks return None, and so does one of a request that is answered later.
"""

Preparation = Callable[[Inbound], Awaitable[Handler]]
"""`preparation(inbound)`: ask others what is needed, before any transaction; return the handler that has it.

It may raise what a handler may raise.
"""


def decode(claimed: ClaimedMessage) -> Inbound:
    """Return the message that was claimed; it was verified and validated when it came in."""
    profile = PROFILES[claimed.profile]
    document = simplejson.loads(claimed.body, use_decimal=True)
    error = document.get("error")
    action = Action(claimed.action)
    return Inbound(
        profile=profile,
        action=action,
        context=name_sides(read_context(document, profile), action=action, sender=claimed.sender),
        message=document.get("message") or {},
        error=WireError.from_wire(error) if isinstance(error, dict) else None,
        sender=claimed.sender,
        authorization=claimed.authorization,
        received_at=claimed.received_at,
        raw=claimed.body,
        gateway=claimed.gateway,
        gateway_url=claimed.gateway_url,
    )
