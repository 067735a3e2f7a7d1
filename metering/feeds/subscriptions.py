"""What was subscribed to, under which secret address, in PostgreSQL. Secrets are kept as digests only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.feeds.positions import RegisterName
from metering.feeds.tables import meter_subscriptions

KEPT: Final = timedelta(days=30)
"""A subscription that is not renewed any more is listened to for so much longer."""

_S: Final = meter_subscriptions.c
_NOBODYS: Final = b""
"""No digest at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A subscription; `register` is whose readings its resource has, None where it has several's.

    `is_current`: it was found by the newest of its secrets, not by one that the server had before.
    """

    feed: str
    resource: str
    register: RegisterName | None
    renew_at: datetime
    is_current: bool = False


class Subscriptions:
    """Subscriptions within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, feed: str, resource: str) -> Subscribed | None:
        """Return the subscription to a resource, or None."""
        return await self._one(_NOBODYS, _S.feed == feed, _S.resource == resource)

    async def find_by_secret(self, secret: str) -> Subscribed | None:
        """Return the subscription whose address holds this secret, or held it before, or None."""
        digest = _digest(secret)
        return await self._one(digest, or_(_S.secret_sha256 == digest, _S.former_secret_sha256 == digest))

    async def listen(self, wanted: Subscribed, *, secret: str) -> None:
        """Listen at a new secret from now on, and at the last that the server is known to have.

        Ask again at `wanted.renew_at`.
        """
        register = wanted.register
        values = {
            "device_lfdi": register and register.device_lfdi,
            "meter_mrid": register and register.meter_mrid,
            "register_mrid": register and register.register_mrid,
            "secret_sha256": _digest(secret),
            "renew_at": wanted.renew_at,
        }
        await self._connection.execute(
            insert(meter_subscriptions)
            .values(feed=wanted.feed, resource=wanted.resource, **values)
            .on_conflict_do_update(
                index_elements=[_S.feed, _S.resource],
                set_={
                    **values,
                    "is_confirmed": False,
                    "former_secret_sha256": case(
                        (_S.is_confirmed, _S.secret_sha256), else_=_S.former_secret_sha256
                    ),
                },
            )
        )

    async def confirm(self, feed: str, resource: str, *, location: str | None, renew_at: datetime) -> None:
        """Keep that the server took the subscription."""
        await self._set(
            feed, resource, location=location, renew_at=renew_at, last_error=None, is_confirmed=True
        )

    async def refuse(self, feed: str, resource: str, *, error: str) -> None:
        """Keep why the server did not take it."""
        await self._set(feed, resource, last_error=error)

    async def heard(self, subscribed: Subscribed, *, now: datetime, is_over: bool) -> None:
        """Keep that a notification came; after one that says that it `is_over`, subscribe anew soon."""
        await self._set(
            subscribed.feed,
            subscribed.resource,
            notified_at=now,
            **({"renew_at": now} if is_over else {}),
            **({"is_confirmed": True} if subscribed.is_current else {}),
        )

    async def forget_lapsed(self, feed: str, *, now: datetime) -> None:
        """Forget subscriptions that have not been wanted for long."""
        await self._connection.execute(
            delete(meter_subscriptions).where(_S.feed == feed, _S.renew_at < now - KEPT)
        )

    async def _one(self, digest: bytes, *conditions: ColumnElement[bool]) -> Subscribed | None:
        columns = (
            *(_S.feed, _S.resource, _S.device_lfdi, _S.meter_mrid, _S.register_mrid, _S.renew_at),
            (_S.secret_sha256 == digest).label("is_current"),
        )
        found = await self._connection.execute(select(*columns).where(*conditions))
        row = found.mappings().one_or_none()
        return None if row is None else _subscribed(row)

    async def _set(self, feed: str, resource: str, **values: object) -> None:
        await self._connection.execute(
            update(meter_subscriptions).where(_S.feed == feed, _S.resource == resource).values(**values)
        )


def _subscribed(row: RowMapping) -> Subscribed:
    register = None
    if row["register_mrid"] is not None:
        register = RegisterName(
            feed=row["feed"],
            device_lfdi=row["device_lfdi"],
            meter_mrid=row["meter_mrid"],
            register_mrid=row["register_mrid"],
        )
    return Subscribed(
        feed=row["feed"],
        resource=row["resource"],
        register=register,
        renew_at=row["renew_at"],
        is_current=row["is_current"],
    )


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
