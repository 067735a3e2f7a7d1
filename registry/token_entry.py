"""Entering a subscription because the registry's token was shown: nothing is proven, only a bar counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kernel.errors import NodeError
from registry.author import Author
from registry.forms import SubscribeForm
from registry.store import find_standing, lock_subscriber, put_subscription
from registry.subscription import Subscription
from storage.unit_of_work import UnitOfWork


class Barred(NodeError):
    """The operator has put the subscriber out; showing the token again does not bring it back."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


async def record_subscription(
    uow: UnitOfWork, form: SubscribeForm, *, author: Author, now: datetime
) -> Subscription:
    """Make the subscription what `form` says, and return it; a repeat changes nothing.

    Raises: Barred, if the operator has put out the key, or all that the subscriber had.
    """
    await lock_subscriber(uow, form.subscriber_id)
    standing = await find_standing(uow, form.subscriber_id)
    earlier = next((each for each in standing if each.key_id == form.key_id), None)
    _check_bar(standing, earlier, now=now)
    wanted = form.to_subscription(earlier=earlier, now=now)
    if earlier is not None and wanted.says_the_same_as(earlier):
        return earlier
    await put_subscription(uow, wanted, before=earlier, author=author, now=now)
    return wanted


def _check_bar(standing: Sequence[Subscription], own: Subscription | None, *, now: datetime) -> None:
    """Refuse a key that is barred itself, or whose subscriber is. Raises: Barred."""
    if own is None or not own.barred:
        if any(each.is_live(now) for each in standing):
            return
        own = next((each for each in standing if each.barred), None)
    if own is not None:
        raise Barred(
            f"the operator has revoked the key {own.key_id!r} of {own.subscriber_id}",
            hint="The operator lets it in again: POST /admin/subscriptions/{subscriber_id}/approve.",
        )
