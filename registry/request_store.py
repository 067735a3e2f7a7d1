"""Requests under way in the database, within one unit of work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.forms import LookupForm
from registry.lookup_filters import conditions_of
from registry.request import UNDER_WAY, Step, SubscriptionRequest
from registry.tables import requests
from registry_client.subscriber import SubscriberStatus
from storage.unit_of_work import UnitOfWork

REQUESTS_CHANNEL: Final = "degnode_registry_requests"
"""Announcements on it say that there is something to check or to challenge."""

_LEASE: Final = timedelta(seconds=60)
"""How long a try may be under way before another process makes it again."""


async def put_request(uow: UnitOfWork, request: SubscriptionRequest) -> None:
    """Keep the request as it is now, instead of what was kept under its id."""
    row = request.to_row()
    await uow.connection.execute(
        upsert(requests)
        .values(**row)
        .on_conflict_do_update(
            index_elements=["id"], set_={name: value for name, value in row.items() if name != "id"}
        )
    )
    if request.next_try_at is not None:
        await uow.announce(REQUESTS_CHANNEL)


async def find_request(uow: UnitOfWork, request_id: UUID) -> SubscriptionRequest | None:
    """Return the request of that id, or None."""
    rows = await uow.connection.execute(select(requests).where(requests.c.id == request_id))
    row = rows.mappings().one_or_none()
    return None if row is None else SubscriptionRequest.from_row(row)


async def find_requests(
    uow: UnitOfWork,
    *,
    subscriber_id: str | None = None,
    steps: Collection[Step] | None = None,
    status: SubscriberStatus | None = None,
    limit: int = 1_000,
) -> list[SubscriptionRequest]:
    """Return up to `limit` requests that fit, those asked for last first."""
    query = select(requests).order_by(requests.c.updated_at.desc(), requests.c.id).limit(limit)
    if subscriber_id is not None:
        query = query.where(requests.c.subscriber_id == subscriber_id)
    if steps is not None:
        query = query.where(requests.c.step.in_([step.value for step in steps]))
    if status is not None:
        query = query.where(requests.c.status == status)
    rows = await uow.connection.execute(query)
    return [SubscriptionRequest.from_row(row) for row in rows.mappings()]


async def find_unproven(
    uow: UnitOfWork, form: LookupForm, status: SubscriberStatus, *, limit: int
) -> list[SubscriptionRequest]:
    """Return up to `limit` requests that fit `form` and stand as `status`, a status before SUBSCRIBED."""
    wanted = requests.c.wanted
    columns = {
        "subscriber_id": requests.c.subscriber_id,
        "key_id": requests.c.key_id,
        "type": wanted["type"].astext,
        "domain": wanted["domain"].astext,
        "location": wanted["location"],
    }
    rows = await uow.connection.execute(
        select(requests)
        .where(requests.c.status == status, *conditions_of(form, columns))
        .order_by(requests.c.subscriber_id, requests.c.key_id)
        .limit(limit)
    )
    return [SubscriptionRequest.from_row(row) for row in rows.mappings()]


async def claim_due(
    uow: UnitOfWork, *, now: datetime, busy_with: Collection[str] = ()
) -> SubscriptionRequest | None:
    """Return a request whose time has come, as nobody else's for a while; None if there is none.

    Addresses in `busy_with` come after all others, and a further try after every first one: who asks
    for much that is slow waits for itself. Should this process die, another one tries when that while
    is over.
    """
    is_served = func.coalesce(requests.c.asked_from, "").in_(busy_with)
    rows = await uow.connection.execute(
        select(requests)
        .where(requests.c.next_try_at <= now, requests.c.step.in_([step.value for step in UNDER_WAY]))
        .order_by(is_served, requests.c.attempts > 0, requests.c.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = rows.mappings().one_or_none()
    if row is None:
        return None
    claimed = SubscriptionRequest.from_row(row).claim(until=now + _LEASE)
    values: dict[str, Any] = {"attempts": claimed.attempts, "next_try_at": claimed.next_try_at}
    await uow.connection.execute(requests.update().where(requests.c.id == claimed.id).values(values))
    return claimed


async def forget_requests(uow: UnitOfWork, *, now: datetime, after: timedelta) -> None:
    """Remove what came to an end longer than `after` ago; the history keeps it."""
    ended = [step.value for step in Step if step not in UNDER_WAY]
    await uow.connection.execute(
        delete(requests).where(requests.c.step.in_(ended), requests.c.updated_at < now - after)
    )
