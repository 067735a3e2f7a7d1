"""The registry at work: its workers, and the line on which the database tells of news."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

from node.worker import Worker
from registry.challenger import Challenger
from registry.news import News
from registry.registrar import Registrar
from registry.request_store import REQUESTS_CHANNEL
from storage.wakeup import Listener

_WORKERS: Final = 8
"""So many try at the same time; each visit is bounded by the challenger's limits."""


@asynccontextmanager
async def registry_at_work(
    *,
    registrar: Registrar,
    challenger: Challenger,
    news: News,
    listener: Listener,
    poll_interval: timedelta = timedelta(seconds=1),
) -> AsyncIterator[None]:
    """Challenge those who ask, and wake those who wait for changes, while the context lasts.

    `listener` is started here, and must not run before.
    """
    workers = [
        Worker(f"registrar-{number}", registrar.step, poll_interval=poll_interval)
        for number in range(_WORKERS)
    ]
    for worker in workers:
        listener.on(REQUESTS_CHANNEL, worker.wake)
    news.listen_on(listener)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(challenger.close)
        stack.callback(news.close)
        stack.push_async_callback(listener.stop)
        await listener.start()
        for worker in workers:
            worker.start()
            stack.push_async_callback(worker.stop)
        yield
