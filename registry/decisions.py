"""What the operator decides about subscribers, within one unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from simplejson import dumps

from kernel.errors import NodeError
from registry.author import Author
from registry.entering import end_subscription
from registry.forms import DecisionForm
from registry.history import Change, find_asked, record_request_change
from registry.registrar import fulfil
from registry.request import UNDER_WAY, UNFULFILLED, Step, SubscriptionRequest, particulars_of
from registry.request_store import find_requests, put_request
from registry.store import find_standing, lock_subscriber, put_subscription
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork


class NothingToDecide(NodeError):
    """There is no such request, key or bar."""

    code, http_status, retryable = "AUT_SUBSCRIBER_NOT_FOUND", 404, False


class RequestUnclear(NodeError):
    """It is not said which request is meant, or which revision of it the operator has seen."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class RequestChanged(NodeError):
    """Something else is asked for than what the operator has seen."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


async def approve(
    uow: UnitOfWork, subscriber_id: str, form: DecisionForm, *, author: Author, now: datetime
) -> str:
    """Let in who has asked, at once or as soon as it is proven; or lift the bar on who was put out.

    Only what was seen is let in: the revision that the form names of the request that it names.
    Returns the status that comes of it. Raises: NothingToDecide, RequestUnclear, RequestChanged.
    """
    await lock_subscriber(uow, subscriber_id)
    asked = await _find_open(uow, subscriber_id, form)
    if not asked and form.request_id is None:
        return await _lift_bar(uow, subscriber_id, form, author=author, now=now)
    if not asked:
        raise _nothing(subscriber_id, f"has no open request {form.request_id}")
    if form.request_id is None or form.revision is None:
        raise _unclear(asked, "an approval names the request and its revision")
    request = await _as_seen(uow, _the_one(asked), form)
    approved = request.approve(now=now)
    await record_request_change(
        uow, approved, change=Change.APPROVED, author=author, now=now, why=form.reason
    )
    if approved.step is Step.ENTER:
        return (await fulfil(uow, approved, now=now, why=form.reason)).status.value
    await put_request(uow, approved)
    return approved.status.value


async def reject(
    uow: UnitOfWork, subscriber_id: str, form: DecisionForm, *, author: Author, now: datetime
) -> str:
    """Turn down who has asked. Returns the status.

    Raises: NothingToDecide, RequestUnclear, RequestChanged.
    """
    await lock_subscriber(uow, subscriber_id)
    asked = [each for each in await _find_open(uow, subscriber_id, form) if each.step in UNDER_WAY]
    if not asked:
        raise _nothing(subscriber_id, "has asked for nothing that is open")
    rejected = (await _as_seen(uow, _the_one(asked), form)).reject(form.reason, now=now)
    await put_request(uow, rejected)
    await record_request_change(
        uow, rejected, change=Change.REJECTED, author=author, now=now, why=form.reason
    )
    return rejected.status.value


async def revoke(
    uow: UnitOfWork, subscriber_id: str, form: DecisionForm, *, author: Author, now: datetime
) -> str:
    """Put a subscriber out, or one key of it, at once; what it has asked for is turned down, too.

    It comes back only if the operator approves. Returns the status. Raises: NothingToDecide.
    """
    await lock_subscriber(uow, subscriber_id)
    standing = await find_standing(uow, subscriber_id)
    named = [each for each in standing if form.key_id in (None, each.key_id) and not each.barred]
    if not named:
        raise _nothing(subscriber_id, "has no such key that is not revoked by the operator already")
    for each in named:
        await end_subscription(uow, each, author=author, now=now, why=form.reason, barred=True)
    for request in await find_requests(uow, subscriber_id=subscriber_id, steps=UNDER_WAY):
        if form.key_id in (None, request.wanted.key_id, request.authorised_by):
            rejected = request.reject(form.reason, now=now)
            await put_request(uow, rejected)
            await record_request_change(
                uow, rejected, change=Change.REJECTED, author=author, now=now, why=form.reason
            )
    return SubscriberStatus.UNSUBSCRIBED.value


async def _find_open(uow: UnitOfWork, subscriber_id: str, form: DecisionForm) -> list[SubscriptionRequest]:
    found = await find_requests(uow, subscriber_id=subscriber_id, steps=UNFULFILLED)
    return [
        each
        for each in found
        if form.key_id in (None, each.wanted.key_id) and form.request_id in (None, each.id)
    ]


def _the_one(asked: Sequence[SubscriptionRequest]) -> SubscriptionRequest:
    """Return the request that is meant: the only one, or the only one that waits for the operator."""
    for candidates in (asked, [each for each in asked if each.step is Step.APPROVAL]):
        if len(candidates) == 1:
            return candidates[0]
    raise _unclear(asked, "several ask for this name")


def _unclear(asked: Sequence[SubscriptionRequest], why: str) -> RequestUnclear:
    names = ", ".join(
        f"{each.id} (revision {each.revision}, key {each.wanted.key_id!r}, {each.step})" for each in asked
    )
    return RequestUnclear(
        f"{why}: {names}",
        path="request_id",
        hint="GET /admin/subscriptions shows what each asks for; give the request_id and the revision.",
    )


async def _as_seen(uow: UnitOfWork, request: SubscriptionRequest, form: DecisionForm) -> SubscriptionRequest:
    """Return the request, unless it asks for something else by now. Raises: RequestChanged."""
    if form.revision is None or form.revision == request.revision:
        return request
    seen = await find_asked(uow, request, revision=form.revision)
    raise RequestChanged(
        f"{request.wanted.subscriber_id} asks for something else by now, in revision {request.revision}: "
        f"{_difference(seen, request)}",
        path="revision",
        hint="Look at it again, then decide about that revision.",
    )


def _difference(seen: dict[str, Any] | None, request: SubscriptionRequest) -> str:
    wanted = request.particulars()
    if seen is None:
        return ", ".join(f"{name} {dumps(value)}" for name, value in wanted.items() if value is not None)
    before = particulars_of(seen)
    changed = [
        f"{name} {dumps(before[name])} became {dumps(wanted[name])}"
        for name in wanted
        if before[name] != wanted[name]
    ]
    return ", ".join(changed) or "another key signed for it, or its times changed"


async def _lift_bar(
    uow: UnitOfWork, subscriber_id: str, form: DecisionForm, *, author: Author, now: datetime
) -> str:
    standing = await find_standing(uow, subscriber_id)
    barred = [each for each in standing if each.barred and form.key_id in (None, each.key_id)]
    if not barred:
        raise _nothing(subscriber_id, "has asked for nothing and is not barred")
    for each in barred:
        await put_subscription(
            uow,
            replace(each, barred=False),
            before=each,
            author=author,
            now=now,
            change=Change.READMITTED,
            why=form.reason,
        )
    return barred[0].status_at(now).value


def _nothing(subscriber_id: str, why: str) -> NothingToDecide:
    return NothingToDecide(
        f"{subscriber_id} {why}", hint="GET /admin/subscriptions lists what there is to decide."
    )
