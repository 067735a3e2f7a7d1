"""`/subscribe`: entering, changing and leaving; and how a subscription stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter

from kernel.clock import format_instant
from kernel.errors import NodeError
from protocol.errors import SchemaViolated
from registry.author import Author
from registry.desk import AtDesk, Entrant, Signed
from registry.enrolment import Enrolment
from registry.forms import ChangeForm, NameInPath, SubscribeForm
from registry.request import UNFULFILLED, SubscriptionRequest
from registry.request_store import find_requests
from registry.store import find_standing
from registry.subscription import Subscription
from registry.token_entry import record_subscription

_MOST_REQUESTS: Final = 20

router: Final = APIRouter(tags=["subscriptions"])


class SubscriberNotFound(NodeError):
    """Nothing stands in the registry under this name, nor is asked for."""

    code, http_status, retryable = "AUT_SUBSCRIBER_NOT_FOUND", 404, False


@router.post("/subscribe", summary="Enter a subscription")
async def subscribe(form: SubscribeForm, entrant: Entrant, desk: AtDesk) -> dict[str, str]:
    """Begin to prove what is signed; whoever shows the token is taken at its word.

    The same again changes nothing; a request that failed starts anew.
    """
    now = desk.clock.now()
    _check_validity(form, now=now)
    async with desk.uow_factory() as uow:
        if isinstance(entrant, Author):
            entered = await record_subscription(uow, form, author=entrant, now=now)
            return {"status": entered.status_at(now).value}
        status = await Enrolment(policy=desk.policy).subscribe(uow, form, entrant, now=now)
    return {"status": status.value}


@router.patch("/subscribe", summary="Change or end a subscription, or one key of it")
async def change(form: ChangeForm, signed: Signed, desk: AtDesk) -> dict[str, str]:
    """Change what the body names; it is signed with a key of the subscriber that is valid now."""
    async with desk.uow_factory() as uow:
        status = await Enrolment(policy=desk.policy).change(uow, form, signed, now=desk.clock.now())
    return {"status": status.value}


@router.get("/subscriptions/{subscriber_id:path}", summary="How a subscription stands")
async def show(subscriber_id: NameInPath, desk: AtDesk) -> dict[str, Any]:
    """Return how it stands, since when, why, and what to do; of every key and of what is asked for."""
    async with desk.uow_factory() as uow:  # requests first: one that is fulfilled in between has its key then
        asked = await find_requests(uow, subscriber_id=subscriber_id, steps=UNFULFILLED, limit=_MOST_REQUESTS)
        keys = await find_standing(uow, subscriber_id)
    if not keys and not asked:
        raise _not_found(subscriber_id)
    return _describe(subscriber_id, keys=keys, asked=asked, now=desk.clock.now())


def _describe(
    subscriber_id: str, *, keys: list[Subscription], asked: list[SubscriptionRequest], now: datetime
) -> dict[str, Any]:
    """Return all that anybody may know of a subscriber; `asked` is what is not fulfilled.

    Its status is that of its newest live key; where there is none, of what happened last.
    """
    return {
        "subscriber_id": subscriber_id,
        **_best(keys, asked, now=now),
        "keys": [_of_key(each, now=now) for each in keys],
        "requests": [each.to_json() for each in asked],
    }


def _best(keys: list[Subscription], asked: list[SubscriptionRequest], *, now: datetime) -> dict[str, Any]:
    live = [each for each in keys if each.is_live(now)]
    last_change = max((each.updated_at for each in keys), default=None)
    is_news = bool(asked) and (last_change is None or asked[0].updated_at >= last_change)
    if is_news and not live:
        told = asked[0].to_json()
        return {name: told[name] for name in ("status", "since", "reason", "hint") if name in told}
    best = max(live or keys, key=lambda each: (each.valid_from, each.updated_at))
    return {"status": best.status_at(now).value, "since": format_instant(best.updated_at)}


def _of_key(subscription: Subscription, *, now: datetime) -> dict[str, Any]:
    wire = subscription.to_wire(now=now)
    names = ("key_id", "status", "signing_public_key", "valid_from", "valid_until", "url", "updated")
    return {name: wire[name] for name in names if name in wire}


def _not_found(subscriber_id: str) -> SubscriberNotFound:
    return SubscriberNotFound(
        f"there is no subscriber {subscriber_id!r} here", hint="Enter it: POST /subscribe."
    )


def _check_validity(form: SubscribeForm, *, now: datetime) -> None:
    if form.valid_until is not None and form.valid_until <= max(now, form.valid_from or now):
        raise SchemaViolated(
            "valid_until is over already, or not after valid_from",
            path="valid_until",
            hint="Let the key be valid for some time, or leave valid_until out.",
        )
