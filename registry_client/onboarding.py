"""How a node enters itself in a registry that has given it a token."""

from __future__ import annotations

from typing import Any

import structlog

from kernel.errors import NodeError
from protocol.errors import WireError
from registry_client.connection import ConnectionLimits, RegistryConnection
from registry_client.subscriber import SubscriberRecord, SubscriberStatus

log = structlog.get_logger(__name__)


class SubscriptionRefused(NodeError):
    """The registry does not take this node, or not with these particulars."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


async def subscribe(
    registry_url: str,
    *,
    record: SubscriberRecord,
    token: str,
    limits: ConnectionLimits | None = None,
) -> SubscriberStatus:
    """Enter `record` in the registry and return how the subscription stands; twice is as good as once.

    Leave `valid_from` open to let the registry set it: it then stays the same at every start.
    Raises: SubscriptionRefused, with the registry's reason; RegistryUnavailable; RegistryUrlInvalid.
    """
    async with RegistryConnection(registry_url, limits=limits) as connection:
        answer = await connection.post("/subscribe", record.to_wire(), token=token)
    if answer.status != 200:
        raise refused(answer.status, answer.content)
    status = read_status(answer.content)
    if status is None:
        raise connection.unavailable("did not say how the subscription stands")
    log.info("registry.subscribed", subscriber=record.subscriber_id, key_id=record.key_id, status=status)
    return status


def read_status(content: Any) -> SubscriberStatus | None:  # noqa: ANN401  whatever the registry said
    """Return how the subscription stands after what was asked for, None if that is not said."""
    try:
        return SubscriberStatus(content["status"])
    except (TypeError, KeyError, ValueError):
        return None


def refused(
    http_status: int,
    content: Any,  # noqa: ANN401  whatever it said
    *,
    unsaid_hint: str = "Check the registry token.",
) -> SubscriptionRefused:
    """Return the refusal that the registry's answer tells; the hint is for a 401 without one."""
    said = content.get("error") if isinstance(content, dict) else None
    error = WireError.from_wire(said) if isinstance(said, dict) else None
    reason = error.message if error and error.message else "it gives no reason"
    hint = error.hint if error and error.hint else None
    if http_status == 401 and hint is None:
        hint = unsaid_hint
    return SubscriptionRefused(
        f"the registry refused the subscription with HTTP {http_status}: {reason}",
        path=error.path if error else None,
        hint=hint,
    )
