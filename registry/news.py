"""Waiting for changes: whoever waits is told when another process, or this one, has written one down."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from registry.history import CHANGES_CHANNEL
from storage.wakeup import Listener

_LOOK_AGAIN: Final = timedelta(seconds=1)
"""How often one looks nevertheless: an announcement may be lost with its connection."""


class News:
    """Wakes at most `most` who wait; the others look for themselves and go."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._waiting: set[asyncio.Event] = set()
        self.is_closed = False

    def listen_on(self, listener: Listener) -> None:
        """Hear what `listener` hears; before it starts."""
        listener.on(CHANGES_CHANNEL, self.hear)

    def hear(self, _payload: str = "") -> None:
        """Wake everybody."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        """Let everybody go, and nobody wait any more."""
        self.is_closed = True
        self.hear()

    async def wait(self, patience: timedelta) -> bool:
        """Return when there may be news, or after a while; False if one may not wait here."""
        if self.is_closed or len(self._waiting) >= self._most:
            return False
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), min(patience, _LOOK_AGAIN).total_seconds())
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(event)
        return not self.is_closed
