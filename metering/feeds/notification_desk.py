"""Where a utility's server tells us that something changed: at an address that only it knows.

A notification is first of all a hint to look. What its status says is not obeyed: servers tell of a
correction with the new values under 0 and the old ones under 4, in either order, and 4 would mean that
all of it is gone. Readings that come under 0 are taken at once where they are one register's for sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response

from kernel.clock import Clock
from kernel.errors import NodeError
from metering.documents import MirrorMeterReading, MirrorMeterReadings, MirrorReadingSet, Reading
from metering.feeds.feed_file import Feed
from metering.feeds.feed_store import FEEDS_CHANNEL, FeedStore
from metering.feeds.positions import Positions, RegisterName
from metering.feeds.subscriptions import Subscribed, Subscriptions
from metering.ingest import OnRecorded, record_submission
from metering.meter_store import MeterStore
from metering.sep.body import SEP_XML, read_sep_body
from metering.sep.sep_route import SepRoute, refusals
from metering.sep.subscription import Notification, NotificationStatus, read_notification
from metering.submission import Submission
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)

NOTIFY_PATH: Final = "/sep/notify"


class SubscriptionUnknown(NodeError):
    """Nobody was asked to notify at this address."""

    code, http_status, retryable = "METER_SUBSCRIPTION_UNKNOWN", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationDesk:
    """Takes notifications of the feeds, which are given by name."""

    feeds: Mapping[str, Feed]
    uow_factory: UnitOfWorkFactory
    clock: Clock
    on_recorded: OnRecorded | None = None

    async def subscription(self, secret: str) -> Subscribed:
        """Return the subscription whose address this is. Raises: SubscriptionUnknown."""
        async with self.uow_factory() as uow:
            found = await Subscriptions(uow.connection).find_by_secret(secret)
        if found is None or found.feed not in self.feeds:
            raise SubscriptionUnknown("nobody was asked to notify here")
        return found

    async def take(self, raw: bytes, subscribed: Subscribed) -> None:
        """Keep what a notification says, and have its register read soon.

        Raises: MeterDocumentRefused in one of its kinds.
        """
        notification = read_notification(raw, legacy=self.feeds[subscribed.feed].legacy_namespace)
        now = self.clock.now()
        async with self.uow_factory() as uow:
            is_over = subscribed.is_current and notification.status != NotificationStatus.CHANGED
            await Subscriptions(uow.connection).heard(subscribed, now=now, is_over=is_over)
            changes = False
            if subscribed.register is not None and await self._is_certain(notification, subscribed, uow):
                changes = await self._record(notification, raw, subscribed.register, uow)
            await FeedStore(uow.connection).hint(
                subscribed.feed, now=now, whole=subscribed.register is None or is_over
            )
            if subscribed.register is not None:
                await self._hint(notification, subscribed.register, uow, changes=changes)
            await uow.announce(FEEDS_CHANNEL)
        log.info(
            "meter_feed.notified",
            feed=subscribed.feed,
            resource=subscribed.resource,
            status=notification.status,
            readings=len(notification.readings),
        )

    async def _hint(
        self, notification: Notification, name: RegisterName, uow: UnitOfWork, *, changes: bool
    ) -> None:
        starts = [item.time_period.start for item in notification.readings if item.time_period is not None]
        await Positions(uow.connection).hint(
            name,
            look_from=max(min(starts), 0) if starts else None,
            now=self.clock.now(),
            changes=changes,
        )

    async def _is_certain(self, notification: Notification, subscribed: Subscribed, uow: UnitOfWork) -> bool:
        """Say whether the readings of a notification are this register's, and now in force.

        Real servers mix the registers of a meter in one list, without a word of which is which. So only
        a meter with one register is certain, unless two readings are about one time all the same.
        """
        if notification.status != NotificationStatus.CHANGED or not notification.readings:
            return False
        if subscribed.register is None or _is_mixed(notification.readings):
            return False
        return len(await Positions(uow.connection).of_meter(subscribed.register)) == 1

    async def _record(
        self, notification: Notification, raw: bytes, name: RegisterName, uow: UnitOfWork
    ) -> bool:
        """Take the readings in, of a meter that is known; return whether anything is otherwise now.

        Of another meter the next poll will tell.
        """
        feed, now = self.feeds[name.feed], self.clock.now()
        point = await MeterStore(uow.connection).lock(device_lfdi=name.device_lfdi, mrid=name.meter_mrid)
        if point is None or point.sender != feed.sender:
            return False
        register = MirrorMeterReading(
            mrid=name.register_mrid,
            mrid_as_sent=name.register_mrid,
            reading_sets=(MirrorReadingSet(readings=notification.readings),),
        )
        submitted = Submission(
            document=MirrorMeterReadings(meter_readings=(register,)),
            raw=await self._as_kept(raw, name, uow),
            sender=feed.sender,
            usage_point=point.id,
        )
        result = await record_submission(submitted, uow=uow, now=now)
        if self.on_recorded is not None:
            await self.on_recorded(uow, [result], now)
        return result.accepted + result.revised > 0

    async def _as_kept(self, raw: bytes, name: RegisterName, uow: UnitOfWork) -> bytes:
        """Return a notification as it is kept: whose it is, how often such a one came after others, itself.

        The number of editions lets a value become again what it was, as a page's does.
        """
        where = f"notification:{name.device_lfdi}/{name.meter_mrid}/{name.register_mrid}"
        edition = await Positions(uow.connection).edition(name.feed, where, raw, now=self.clock.now())
        return f"Register: {name}\r\nEdition: {edition}\r\n\r\n".encode() + raw


def notification_router(desk: NotificationDesk) -> APIRouter:
    """Return the route that servers notify at; the secret in its path is all that they must show."""
    router = APIRouter(route_class=SepRoute, tags=["metering"])

    @router.post(
        f"{NOTIFY_PATH}/{{secret}}",
        status_code=204,
        response_class=Response,
        responses=refusals(400, 404, 413, 415, 503),
        openapi_extra={
            "security": [],
            "requestBody": {"required": True, "content": {SEP_XML: {"schema": {"type": "string"}}}},
        },
    )
    async def notify(request: Request, secret: str) -> Response:
        """Hear from a utility's server that something changed."""
        subscribed = await desk.subscription(secret)
        await desk.take(await read_sep_body(request), subscribed)
        return Response(status_code=204)

    return router


def _is_mixed(readings: Sequence[Reading]) -> bool:
    """Say whether two of the readings are about the same time and tier."""
    about = [(item.time_period, item.tou_tier, item.consumption_block) for item in readings]
    return len(set(about)) < len(about)
