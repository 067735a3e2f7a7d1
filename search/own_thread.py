"""The thread that searches of one catalogue run in, one after the other, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """Runs what takes long; those who wait for it hold up no other threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, once it is its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
