"""The operator's routes: who asks, letting in, turning down, putting out; and the history."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query

from node.app import JsonResponse
from registry.decisions import approve, reject, revoke
from registry.desk import AtDesk, Operator
from registry.forms import ChangeNumber, DecisionForm, LookupForm, NameInPath, NameInQuery
from registry.history import find_history
from registry.request import UNFULFILLED
from registry.request_store import find_requests
from registry.store import find_subscriptions
from registry_client.subscriber import SubscriberStatus

_MOST: Final = 1_000

router: Final = APIRouter(prefix="/admin", tags=["operator"])


@router.get("/subscriptions", summary="What stands here, and who asks")
async def subscriptions(
    desk: AtDesk, _operator: Operator, status: Annotated[SubscriberStatus | None, Query()] = None
) -> JsonResponse:
    """Return what stands, and the requests that are not fulfilled; those of one status if it is given."""
    now = desk.clock.now()
    async with desk.uow_factory() as uow:  # requests first: one that is fulfilled in between stands then
        asked = await find_requests(uow, steps=UNFULFILLED, status=status, limit=_MOST)
        found = await find_subscriptions(uow, LookupForm(status=status), now=now, limit=_MOST)
    return JsonResponse(
        {
            "subscriptions": [each.to_wire(now=now) for each in found],
            "requests": [
                {
                    "subscriber_id": each.wanted.subscriber_id,
                    **each.to_json(),
                    "revision": each.revision,
                    "wanted": each.wanted.to_wire(now=now),
                    "needs_approval": each.needs_approval,
                    "asked_by": each.asked_by,
                    "asked_from": each.asked_from,
                }
                for each in asked
            ],
        }
    )


@router.post("/subscriptions/{subscriber_id:path}/approve", summary="Let in who has asked")
async def approve_(
    subscriber_id: NameInPath, form: DecisionForm, desk: AtDesk, operator: Operator
) -> dict[str, str]:
    """Enter it, at once or when it is proven: the request and the revision that were listed.

    Where nothing is asked for, lift the bar on a subscriber that was put out.
    """
    async with desk.uow_factory() as uow:
        return {"status": await approve(uow, subscriber_id, form, author=operator, now=desk.clock.now())}


@router.post("/subscriptions/{subscriber_id:path}/reject", summary="Turn down who has asked")
async def reject_(
    subscriber_id: NameInPath, form: DecisionForm, desk: AtDesk, operator: Operator
) -> dict[str, str]:
    """Turn it down; should it ask again, the operator is asked, too."""
    async with desk.uow_factory() as uow:
        return {"status": await reject(uow, subscriber_id, form, author=operator, now=desk.clock.now())}


@router.post("/subscriptions/{subscriber_id:path}/revoke", summary="Put a subscriber out")
async def revoke_(
    subscriber_id: NameInPath, form: DecisionForm, desk: AtDesk, operator: Operator
) -> dict[str, str]:
    """End all its keys at once, or the one that is named, until the operator approves."""
    async with desk.uow_factory() as uow:
        return {"status": await revoke(uow, subscriber_id, form, author=operator, now=desk.clock.now())}


@router.get("/history", summary="Every change there was")
async def history(
    desk: AtDesk,
    _operator: Operator,
    subscriber_id: NameInQuery | None = None,
    after: ChangeNumber = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> JsonResponse:
    """Return who changed what, from where, when and why, before and after; the oldest first."""
    async with desk.uow_factory() as uow:
        entries = await find_history(uow, subscriber_id=subscriber_id, after=after, limit=limit)
    return JsonResponse({"history": entries, "last": entries[-1]["number"] if entries else after})
