"""Subscriptions in the database, within one unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import RowMapping

from registry.author import Author
from registry.bar import barred
from registry.forms import LookupForm, SubscribeForm
from registry.history import Change, record_change
from registry.subscription import Subscription
from registry.tables import subscriptions
from registry_client.subscriber import SubscriberRole, SubscriberStatus
from storage.unit_of_work import UnitOfWork

# Held until the unit of work ends: two forms for one subscriber are taken one after the other.
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:subscriber_id, 0))")
_PRIMARY_KEY: Final = ("subscriber_id", "key_id")
_ANYWHERE: Final = "*"


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


async def record_subscription(
    uow: UnitOfWork, form: SubscribeForm, *, author: Author, now: datetime
) -> Subscription:
    """Make the subscription what `form` says, at its word, and return it; a repeat changes nothing.

    Raises: Barred, if the operator has put out the key, or all that the subscriber had.
    """
    await lock_subscriber(uow, form.subscriber_id)
    standing = await find_standing(uow, form.subscriber_id)
    earlier = next((each for each in standing if each.key_id == form.key_id), None)
    if (put_out := _find_bar(standing, earlier, now=now)) is not None:
        raise barred(put_out)
    wanted = form.to_subscription(earlier=earlier, now=now)
    if earlier is not None and wanted.says_the_same_as(earlier):
        return earlier
    await put_subscription(uow, wanted, before=earlier, author=author, now=now)
    return wanted


def _find_bar(
    standing: Sequence[Subscription], own: Subscription | None, *, now: datetime
) -> Subscription | None:
    """Return what bars a key from being entered at the token's word: its own bar, or its subscriber's."""
    if own is not None and own.barred:
        return own
    if any(each.is_live(now) for each in standing):
        return None
    return next((each for each in standing if each.barred), None)


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
    for place, code in (("city", form.city), ("country", form.country)):
        if code is not None:
            filters.append(_serves(place, code))
    if form.status is not None:
        filters.append(_stands_as(form.status, now=now))
    return select(subscriptions).where(*filters).order_by(columns.subscriber_id, columns.key_id)


def _serves(place: str, code: str) -> ColumnElement[bool]:
    """Return the condition that a subscriber serves a city or a country: all of them, if it names none."""
    own = subscriptions.c.location[(place, "code")].astext
    return or_(own.is_(None), own.in_(("", _ANYWHERE, code)))


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
