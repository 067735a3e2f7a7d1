"""The thread that searches of one catalogue run in, one after the other, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from kernel.errors import NodeError

T = TypeVar("T")

MOST_WAITING: Final = 32
"""How many searches may wait for one that runs; a worker's own messages are fewer."""


class SearchesCrowded(NodeError):
    """So many searches wait already that one more would be answered too late."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


class OwnThread:
    """Runs what takes long; those who wait for it hold up no other threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._searches = 0

    async def search(self, work: Callable[[], T]) -> T:
        """Return what a search returns, once it is its turn. Raises: SearchesCrowded."""
        if self._searches > MOST_WAITING:
            raise SearchesCrowded("too many searches wait already", hint="Search again in a while.")
        self._searches += 1
        try:
            return await self.run(work)
        finally:
            self._searches -= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, once it is its turn, however many wait."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
