"""Subscribers that the operator has put out."""

from __future__ import annotations

from kernel.errors import NodeError
from registry.subscription import Subscription


class Barred(NodeError):
    """The operator has put the subscriber out; showing the token again does not bring it back."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


def barred(subscription: Subscription) -> Barred:
    """Return the refusal of a subscription that the operator has ended."""
    return Barred(
        f"the operator has revoked the key {subscription.key_id!r} of {subscription.subscriber_id}",
        hint="The operator lets it in again: POST /admin/subscriptions/{subscriber_id}/approve.",
    )
