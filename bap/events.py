"""Telling those who wait that something has come: within this process, fed by the database.

An announcement only says that there is news of a transaction. Whoever waits subscribes first and
then looks into the database, so nothing falls between looking and waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from storage.wakeup import Listener

EVENTS_CHANNEL: Final = "degnode_events"
"""Announcements on it name a transaction; an empty one means any."""

_LOOK_AGAIN_SECONDS: Final = 1.0
"""How often a waiting call looks for itself: an announcement may be lost with its connection."""

Found = TypeVar("Found")


class Subscription:
    """Interest in the news of one transaction, or of all."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self.is_closed = False

    def wake(self) -> None:
        self._news.set()

    def close(self) -> None:
        self.is_closed = True
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Return True on news since the last call, False when there was none for `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        if not self.is_closed:
            self._news.clear()
        return True


class Pulse:
    """When a stream that has nothing to tell says that it is still there, however much others are told."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self.told()

    def told(self) -> None:
        """Note that the stream has just said something."""
        self._quiet_since = asyncio.get_running_loop().time()

    async def is_due(self, subscription: Subscription) -> bool:
        """Wait for news; return whether the stream has been silent for so long that it is to say so."""
        silent_for = asyncio.get_running_loop().time() - self._quiet_since
        if silent_for < self._seconds and await subscription.wait(self._seconds - silent_for):
            return False
        self.told()
        return True


class EventHub:
    """Passes announcements of the database on to whoever waits in this process."""

    def __init__(self) -> None:
        self._subscriptions: dict[str | None, set[Subscription]] = {}
        self._is_closed = False

    def listen_on(self, listener: Listener) -> None:
        """Hear what `listener` hears; before it starts."""
        listener.on(EVENTS_CHANNEL, self.hear)

    def hear(self, transaction_id: str) -> None:
        """Wake those who wait for news of a transaction; everybody, if it is empty."""
        keys = (transaction_id, None) if transaction_id else tuple(self._subscriptions)
        for key in keys:
            for subscription in self._subscriptions.get(key, ()):
                subscription.wake()

    @property
    def waiting(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._subscriptions.values()))

    @contextmanager
    def subscribe(self, transaction_id: str | None) -> Iterator[Subscription]:
        """Be told of news of one transaction, or of all when it is None."""
        subscription = Subscription()
        if self._is_closed:
            subscription.close()
        self._subscriptions.setdefault(transaction_id, set()).add(subscription)
        try:
            yield subscription
        finally:
            remaining = self._subscriptions[transaction_id]
            remaining.discard(subscription)
            if not remaining:
                del self._subscriptions[transaction_id]

    async def wait_for(
        self, find: Callable[[], Awaitable[Found | None]], *, transaction_id: str, seconds: float
    ) -> Found | None:
        """Return what `find` finds as soon as it finds something, None after `seconds`.

        `find` opens and closes its own unit of work: nothing is locked while waiting.
        """
        clock = asyncio.get_running_loop()
        deadline = clock.time() + seconds
        with self.subscribe(transaction_id) as subscription:
            while True:
                found = await find()
                remaining = deadline - clock.time()
                if found is not None or subscription.is_closed or remaining <= 0:
                    return found
                await subscription.wait(min(remaining, _LOOK_AGAIN_SECONDS))

    def close(self) -> None:
        """End every wait and every stream, those to come too: the node is about to stop."""
        self._is_closed = True
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.close()
