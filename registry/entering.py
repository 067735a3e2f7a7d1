"""Making a proven wish what is found from now on, and ending what was, within one unit of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from registry.author import Author
from registry.history import Change
from registry.store import find_standing, put_subscription
from registry.subscription import Subscription
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork


async def enter(
    uow: UnitOfWork,
    wanted: Subscription,
    *,
    spread: tuple[str, ...],
    author: Author,
    now: datetime,
    why: str | None = None,
) -> Subscription:
    """Enter `wanted` as SUBSCRIBED, and its `spread` fields with the subscriber's other live keys.

    Only keys of the same role follow. The subscriber must be locked. Returns what stands then.
    """
    standing = await find_standing(uow, wanted.subscriber_id)
    earlier = next((each for each in standing if each.key_id == wanted.key_id), None)
    others = [each for each in standing if each.is_live(now) and each.key_id != wanted.key_id]
    entered = replace(
        wanted,
        status=SubscriberStatus.SUBSCRIBED,
        barred=False,
        created_at=earlier.created_at if earlier else now,
    )
    if earlier is None or not entered.says_the_same_as(earlier):
        change = Change.CHANGED if earlier else Change.KEY_ADDED if others else Change.ENTERED
        await put_subscription(uow, entered, before=earlier, author=author, now=now, change=change, why=why)
    for each in others:
        moved = replace(each, **{name: getattr(wanted, name) for name in spread})
        if each.type is wanted.type and not moved.says_the_same_as(each):
            await put_subscription(uow, moved, before=each, author=author, now=now, why=why)
    return entered


async def end_subscription(
    uow: UnitOfWork,
    subscription: Subscription,
    *,
    author: Author,
    now: datetime,
    why: str | None = None,
    barred: bool = False,
) -> None:
    """Let a key count no more, from now on."""
    ended = replace(subscription, status=SubscriberStatus.UNSUBSCRIBED, barred=subscription.barred or barred)
    await put_subscription(
        uow, ended, before=subscription, author=author, now=now, change=Change.REVOKED, why=why
    )
