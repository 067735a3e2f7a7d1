"""Utility servers that a node follows: their worker, and the address at which they notify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from pydantic import Field

from metering.feeds.feed_file import load_feeds
from metering.feeds.feed_store import FEEDS_CHANNEL
from metering.feeds.notification_desk import NOTIFY_PATH, NotificationDesk, notification_router
from metering.feeds.poller import FeedPoller
from metering.ingest import OnRecorded
from node.runtime import Foundation
from node.settings import Settings
from node.worker import Worker


class MeterFeedSettings(Settings):
    """What a node that follows utility servers is told."""

    meter_feeds: Path | None = Field(
        None, description="The YAML file of utilities' IEEE 2030.5 servers that readings are taken from."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedParts:
    """What following feeds brings to a role; nothing where there are none."""

    routers: Sequence[APIRouter] = ()
    workers: Sequence[Worker] = ()
    on_stop: Callable[[], None] = lambda: None


def meter_feeds(settings: MeterFeedSettings, foundation: Foundation, *, on_recorded: OnRecorded) -> FeedParts:
    """Return what follows the feeds of the settings' file. Raises: FeedsInvalid, TlsMaterialUnusable."""
    if settings.meter_feeds is None:
        return FeedParts()
    feeds = load_feeds(settings.meter_feeds)
    poller = FeedPoller(
        feeds,
        uow_factory=foundation.uow_factory,
        clock=foundation.clock,
        on_recorded=on_recorded,
        notify_url=str(settings.public_url).rstrip("/") + NOTIFY_PATH,
    )
    desk = NotificationDesk(
        feeds={feed.name: feed for feed in feeds},
        uow_factory=foundation.uow_factory,
        clock=foundation.clock,
        on_recorded=on_recorded,
    )
    worker = Worker("meter_feeds", poller.step, poll_interval=settings.poll_interval)
    foundation.listener.on(FEEDS_CHANNEL, worker.wake)
    return FeedParts(routers=(notification_router(desk),), workers=(worker,), on_stop=poller.stop)
