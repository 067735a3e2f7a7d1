"""LISTEN: being woken when another process, or another task, has put something down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from storage.database import Database

log = structlog.get_logger(__name__)


class Listener:
    """Hears announcements on channels of the database; reconnects when the connection is lost.

    An announcement may be missed while there is no connection, so everybody is told to look once when
    there is one again. A line that has silently gone dead is noticed within twice `check_seconds`.
    """

    def __init__(self, database: Database, *, retry_seconds: float = 1.0, check_seconds: float = 5.0) -> None:
        self._database = database
        self._retry_seconds = retry_seconds
        self._check_seconds = check_seconds
        self._hearers: dict[str, list[Callable[[str], None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    def on(self, channel: str, hear: Callable[[str], None]) -> None:
        """Call `hear(payload)` for every announcement on `channel`; before `start` only."""
        self._hearers.setdefault(channel, []).append(hear)

    async def start(self) -> None:
        """Return when the listener listens."""
        self._task = asyncio.create_task(self._run(), name="listener")
        await self._listening.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  whatever broke, the next try may go well
                log.warning("listener.lost", error=repr(error))
            self._listening.set()  # start() must not hang on a database that is down
            await asyncio.sleep(self._retry_seconds)

    async def _listen(self) -> None:
        connection = await self._database.raw_connection()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel in self._hearers:
                await connection.add_listener(channel, self._hear)
            self._listening.set()
            for channel in self._hearers:
                self._hear(connection, 0, channel, "")  # whatever was missed: look once
            while not await self._is_set(lost):
                await connection.execute("SELECT 1", timeout=self._check_seconds)
        finally:
            connection.terminate()

    async def _is_set(self, lost: asyncio.Event) -> bool:
        """Wait for the loss of the connection, but not for long, and say whether it is lost."""
        with suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), self._check_seconds)
        return lost.is_set()

    def _hear(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        hearers: Sequence[Callable[[str], None]] = self._hearers.get(channel, ())
        for hear in hearers:
            hear(str(payload))
