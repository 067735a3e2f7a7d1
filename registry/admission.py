"""Who may enter what: decided from what stands in the registry, without asking anybody.

A name belongs to whoever holds a valid key of it. Where nobody does, it is open to whoever proves
the URL; but a name that was somebody's goes on at its old URL only, and one that the operator put
out goes on only when the operator says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.errors import NodeError
from registry.policy import Approval
from registry.subscription import Subscription
from registry_client.subscriber import SubscriberStatus


class NotEntitled(NodeError):
    """The signer may not speak for the subscriber."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


class KeyNameTaken(NodeError):
    """A key of that name is there already, and it is another key."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class KeyRevoked(NodeError):
    """The key was revoked, and what was revoked does not come back."""

    code, http_status, retryable = "AUT_KEY_EXPIRED_OR_REVOKED", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What still stands between a wish and its entry."""

    needs_challenge: bool
    needs_approval: bool

    @property
    def is_open(self) -> bool:
        """Say whether nothing does."""
        return not (self.needs_challenge or self.needs_approval)


def admit(
    wanted: Subscription,
    *,
    standing: Sequence[Subscription],
    signed_by: str,
    approval: Approval,
    now: datetime,
) -> Admission:
    """Return what must happen before `wanted` is entered, asked for under the key `signed_by`.

    `standing` is all that the registry holds of this subscriber.
    Raises: NotEntitled, KeyNameTaken, KeyRevoked.
    """
    live = [each for each in standing if each.is_live(now)]
    if not live:
        return _admit_newcomer(wanted, standing=standing, approval=approval)
    if signed_by not in {each.key_id for each in live if each.may_sign(now)}:
        raise not_entitled(wanted.subscriber_id, live=live, now=now)
    _check_key(wanted, standing=standing)
    is_proven = wanted.url in {each.url for each in live} and wanted.encr_public_key in {
        each.encr_public_key for each in live
    }
    is_familiar = (wanted.type, wanted.domain) in {(each.type, each.domain) for each in live}
    return Admission(
        needs_challenge=not is_proven,
        needs_approval=approval is Approval.MANUAL and not is_familiar,
    )


def _admit_newcomer(
    wanted: Subscription, *, standing: Sequence[Subscription], approval: Approval
) -> Admission:
    moves = bool(standing) and wanted.url not in {each.url for each in standing}
    barred = any(each.barred for each in standing)
    return Admission(needs_challenge=True, needs_approval=approval is Approval.MANUAL or moves or barred)


def _check_key(wanted: Subscription, *, standing: Sequence[Subscription]) -> None:
    for each in standing:
        same_key = each.signing_public_key == wanted.signing_public_key
        if same_key and each.status is SubscriberStatus.UNSUBSCRIBED:
            raise KeyRevoked(
                f"this key was revoked as {each.key_id!r} and does not come back",
                path="signing_public_key",
                hint="Make a new key.",
            )
        if each.key_id == wanted.key_id and not same_key:
            raise KeyNameTaken(
                f"{wanted.subscriber_id} has another key of the name {wanted.key_id!r}",
                path="key_id",
                hint="Give the new key a name of its own.",
            )


def not_entitled(subscriber_id: str, *, live: Sequence[Subscription], now: datetime) -> NotEntitled:
    """Return the refusal of a signer who holds no valid key of `subscriber_id`."""
    names = ", ".join(repr(each.key_id) for each in live if each.may_sign(now)) or "none that is valid now"
    return NotEntitled(
        f"{subscriber_id} is subscribed, and this is not signed by a valid key of it",
        path="header Authorization, keyId",
        hint=f"Sign with a key that is valid now: {names}.",
    )
