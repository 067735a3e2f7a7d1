"""`GET /changes`: what has changed since, for those who keep what they were told."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from registry.desk import AtDesk
from registry.forms import ChangeNumber
from registry.history import find_changes, last_change

_MOST: Final = 500

router: Final = APIRouter(tags=["look-up"])


@router.get("/changes", summary="What has changed since")
async def changes(
    desk: AtDesk,
    after: Annotated[
        ChangeNumber | None, Query(description="The last number known; without one, only that is told.")
    ] = None,
    wait: Annotated[float, Query(ge=0, description="How many seconds to wait for a change; at most 30.")] = 0,
) -> dict[str, Any]:
    """Return which keys have changed after number `after`, the oldest first; there may be more.

    `last` is the number to ask with next. One that is below `after` says that this registry has
    begun anew.
    """
    until = desk.clock.now() + min(timedelta(seconds=min(wait, 3600)), desk.policy.max_wait)
    while True:
        async with desk.uow_factory() as uow:
            last = await last_change(uow)  # before the changes: what comes in between must not be skipped
            found = [] if after is None else await find_changes(uow, after=after, limit=_MOST)
            last = found[-1]["number"] if found else last
        left = until - desk.clock.now()
        may_wait = after is not None and not found and last == after and left > timedelta(0)
        if not may_wait or not await desk.news.wait(left):
            return {"changes": found, "last": last}
