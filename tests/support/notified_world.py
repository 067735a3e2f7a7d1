"""A node that subscribes at a utility's server and is notified."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from metering.feeds.notification_desk import NOTIFY_PATH, NotificationDesk, notification_router
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.feed_world import NAME, FeedWorld
from tests.support.utility_server import UtilityServer


class NotifiedWorld(FeedWorld):
    """A node that subscribes, and whose route for notifications is reached."""

    def __init__(
        self,
        server: UtilityServer,
        uow_factory: UnitOfWorkFactory,
        app: FastAPI,
        url: str,
        **settings: Any,
    ) -> None:
        super().__init__(server, uow_factory, notify_url=url + NOTIFY_PATH, poll_every=3600, **settings)
        self.desk = NotificationDesk(
            feeds={NAME: self.feed}, uow_factory=uow_factory, clock=self.clock, on_recorded=self._note
        )
        app.include_router(notification_router(self.desk))
