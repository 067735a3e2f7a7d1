"""Subscriptions in the database, within one unit of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import RowMapping

from registry.author import Author
from registry.forms import LookupForm
from registry.history import Change, record_change
from registry.lookup_filters import conditions_of
from registry.subscription import Subscription
from registry.tables import subscriptions
from registry_client.subscriber import SubscriberRole, SubscriberStatus
from storage.unit_of_work import UnitOfWork

# Held until the unit of work ends: two forms for one subscriber are taken one after the other.
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:subscriber_id, 0))")
_PRIMARY_KEY: Final = ("subscriber_id", "key_id")


async def lock_subscriber(uow: UnitOfWork, subscriber_id: str) -> None:
    """Let nobody else change anything of this subscriber until the unit of work ends."""
    await uow.connection.execute(_ONE_AT_A_TIME, {"subscriber_id": subscriber_id})


async def find_standing(uow: UnitOfWork, subscriber_id: str) -> list[Subscription]:
    """Return all that the registry holds of a subscriber, also what ended."""
    rows = await uow.connection.execute(
        select(subscriptions)
        .where(subscriptions.c.subscriber_id == subscriber_id)
        .order_by(subscriptions.c.created_at, subscriptions.c.key_id)
    )
    return [_from_row(row) for row in rows.mappings()]


async def find_subscription(uow: UnitOfWork, subscriber_id: str, key_id: str) -> Subscription | None:
    """Return one key of a subscriber, or None."""
    rows = await uow.connection.execute(
        select(subscriptions).where(
            subscriptions.c.subscriber_id == subscriber_id, subscriptions.c.key_id == key_id
        )
    )
    row = rows.mappings().one_or_none()
    return None if row is None else _from_row(row)


async def put_subscription(
    uow: UnitOfWork,
    wanted: Subscription,
    *,
    before: Subscription | None,
    author: Author,
    now: datetime,
    change: Change | None = None,
    why: str | None = None,
) -> None:
    """Make `wanted` what is found from now on, and write it down."""
    stamped = replace(wanted, updated_at=now)
    row = stamped.to_row()
    changed = {name: value for name, value in row.items() if name not in _PRIMARY_KEY}
    await uow.connection.execute(
        upsert(subscriptions)
        .values(**row)
        .on_conflict_do_update(index_elements=list(_PRIMARY_KEY), set_=changed)
    )
    change = change or (Change.ENTERED if before is None else Change.CHANGED)
    await record_change(uow, stamped, before=before, change=change, author=author, now=now, why=why)


async def find_subscriptions(
    uow: UnitOfWork, form: LookupForm, *, now: datetime, limit: int
) -> list[Subscription]:
    """Return up to `limit` subscriptions that fit `form` as of `now`."""
    rows = await uow.connection.execute(_query(form, now=now).limit(limit))
    return [_from_row(row) for row in rows.mappings()]


def _query(form: LookupForm, *, now: datetime) -> Select[Any]:
    columns = subscriptions.c
    conditions = conditions_of(form, dict(columns.items()))
    if form.status is not None:
        conditions.append(_stands_as(form.status, now=now))
    return select(subscriptions).where(*conditions).order_by(columns.subscriber_id, columns.key_id)


def _stands_as(status: SubscriberStatus, *, now: datetime) -> ColumnElement[bool]:
    """Return the condition that `Subscription.status_at` answers `status`."""
    columns = subscriptions.c
    if status is SubscriberStatus.UNSUBSCRIBED:
        return columns.status == status
    if status is SubscriberStatus.EXPIRED:
        ended = and_(columns.status != SubscriberStatus.UNSUBSCRIBED, columns.valid_until <= now)
        return or_(columns.status == status, ended)
    return and_(columns.status == status, or_(columns.valid_until.is_(None), columns.valid_until > now))


def _from_row(row: RowMapping) -> Subscription:
    return Subscription(
        **{**row, "type": SubscriberRole(row["type"]), "status": SubscriberStatus(row["status"])}
    )
