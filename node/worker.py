"""A loop that does what is due, waits until it is woken, and never dies of an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Runner(Protocol):
    """What runs beside the requests until it is stopped."""

    def start(self) -> None: ...

    async def stop(self) -> None:
        """Finish what is at hand and return."""


class Worker:
    """Runs `step` again and again while it says that there was something to do."""

    def __init__(self, name: str, step: Callable[[], Awaitable[bool]], *, poll_interval: timedelta) -> None:
        self._name = name
        self._step = step
        self._poll_seconds = poll_interval.total_seconds()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self, _payload: str = "") -> None:
        """Look for work now."""
        self._woken.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Stop after the step at hand, at once when there is none."""
        task, self._task = self._task, None
        if task is not None:
            self._woken.set()
            await task

    async def _run(self) -> None:
        while self._task is not None:
            self._woken.clear()
            if await self._try_step():
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._poll_seconds)

    async def _try_step(self) -> bool:
        try:
            return await self._step()
        except Exception:
            log.exception("worker.step_failed", worker=self._name)
            return False
