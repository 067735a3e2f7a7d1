"""So many at a time: a bound on questions, and on who waits to put one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protocol.errors import RegistryUnavailable


class Lane:
    """Lets `places` questions be asked at a time, and `max_waiting` more wait for their turn."""

    def __init__(self, *, places: int, max_waiting: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._max_waiting = max_waiting
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place while the block runs, when it is one's turn.

        Raises: RegistryUnavailable at once, if too many wait already.
        """
        if self._places.locked() and self._waiting >= self._max_waiting:
            raise RegistryUnavailable(
                f"{self._waiting} questions wait already for the registry to be asked",
                hint="Send it again later.",
            )
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
