"""One question at a time: whoever asks the same meanwhile gets the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs at most one call per key at a time, however many wait for it.

    The call is a task of its own: a waiter that is cancelled, even the first one, takes nobody
    else's answer away.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[V]] = {}

    async def run(self, key: K, call: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return what `call` returns, or what the call under way for `key` will return.

        Raises: whatever the call raises, in every waiter.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(call())
            flight.add_done_callback(partial(self._land, key))
        return await asyncio.shield(flight)

    def abandon(self, key: K) -> None:
        """Let whoever asks from now on not share the call under way for `key`; it may be outdated."""
        self._flights.pop(key, None)

    def abandon_all(self) -> None:
        """Let whoever asks from now on share none of the calls under way."""
        self._flights.clear()

    def _land(self, key: K, flight: asyncio.Task[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # taken note of, though nobody may be waiting any more
