"""What a log tells of notifications: never the secret in their address."""

from __future__ import annotations

import httpx
from fastapi import FastAPI
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from metering.feeds.notification_desk import NOTIFY_PATH, NotificationDesk, notification_router
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import NOW

SECRET = "s3cr3t-t0ken"


async def test_an_outage_is_told_without_the_secret_of_the_address() -> None:
    nowhere = UnitOfWorkFactory(Database.connect("postgresql://nobody@127.0.0.1:9/nowhere"))
    app = FastAPI()
    app.include_router(
        notification_router(NotificationDesk(feeds={}, uow_factory=nowhere, clock=ManualClock(NOW)))
    )
    with capture_logs() as logs:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            answer = await client.post(f"{NOTIFY_PATH}/{SECRET}", content=b"<Notification/>")
    assert answer.status_code == 503
    assert [line["route"] for line in logs] == [f"{NOTIFY_PATH}/{{secret}}"]
    assert SECRET not in str(logs)
