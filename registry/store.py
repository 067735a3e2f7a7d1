"""Subscriptions in the database, within one unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.forms import LookupForm, SubscribeForm
from registry.subscription import Subscription
from registry.tables import history, subscriptions
from registry_client.subscriber import SubscriberRole, SubscriberStatus

# Held until the unit of work ends: two forms for one subscriber are taken one after the other.
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:subscriber_id, 0))")
_PRIMARY_KEY: Final = ("subscriber_id", "key_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes a subscription: the name of the token shown, and the address it came from."""

    name: str
    address: str | None


async def record_subscription(
    connection: AsyncConnection, form: SubscribeForm, *, author: Author, now: datetime
) -> Subscription:
    """Make the subscription what `form` says and return it; a repeat changes nothing."""
    await connection.execute(_ONE_AT_A_TIME, {"subscriber_id": form.subscriber_id})
    earlier = await _find_one(connection, form.subscriber_id, form.key_id)
    wanted = form.to_subscription(earlier=earlier, now=now)
    if earlier is not None and wanted.says_the_same_as(earlier):
        return earlier
    row = wanted.to_row()
    changed = {name: value for name, value in row.items() if name not in _PRIMARY_KEY}
    await connection.execute(
        upsert(subscriptions)
        .values(**row)
        .on_conflict_do_update(index_elements=list(_PRIMARY_KEY), set_=changed)
    )
    await connection.execute(
        insert(history).values(
            subscriber_id=wanted.subscriber_id,
            key_id=wanted.key_id,
            changed_at=now,
            changed_by=author.name,
            changed_from=author.address,
            content=wanted.to_wire(now=now),
        )
    )
    return wanted


async def find_subscriptions(
    connection: AsyncConnection, form: LookupForm, *, now: datetime, limit: int
) -> list[Subscription]:
    """Return up to `limit` subscriptions that fit `form` as of `now`."""
    rows = await connection.execute(_query(form, now=now).limit(limit))
    return [_from_row(row) for row in rows.mappings()]


def _query(form: LookupForm, *, now: datetime) -> Select[Any]:
    columns = subscriptions.c
    filters: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (columns.subscriber_id, form.subscriber_id),
            (columns.key_id, form.key_id),
            (columns.type, form.type),
            (columns.domain, form.domain),
        )
        if value is not None
    ]
    if form.status is not None:
        filters.append(_stands_as(form.status, now=now))
    return select(subscriptions).where(*filters).order_by(columns.subscriber_id, columns.key_id)


def _stands_as(status: SubscriberStatus, *, now: datetime) -> ColumnElement[bool]:
    """Return the condition that `Subscription.status_at` answers `status`."""
    columns = subscriptions.c
    if status is SubscriberStatus.EXPIRED:
        return or_(columns.status == status, columns.valid_until <= now)
    return and_(columns.status == status, or_(columns.valid_until.is_(None), columns.valid_until > now))


async def _find_one(connection: AsyncConnection, subscriber_id: str, key_id: str) -> Subscription | None:
    rows = await connection.execute(
        select(subscriptions).where(
            subscriptions.c.subscriber_id == subscriber_id, subscriptions.c.key_id == key_id
        )
    )
    row = rows.mappings().one_or_none()
    return None if row is None else _from_row(row)


def _from_row(row: RowMapping) -> Subscription:
    return Subscription(
        **{**row, "type": SubscriberRole(row["type"]), "status": SubscriberStatus(row["status"])}
    )
