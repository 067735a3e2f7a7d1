"""One connection to a station: what comes is answered in its order, what we ask is asked one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog

from stations.ocpp.frames import (
    Call,
    CallRefused,
    Failure,
    FrameUnreadable,
    Result,
    call_text,
    check_call,
    check_result,
    failure_text,
    read_frame,
    result_text,
)

log = structlog.get_logger(__name__)

ANSWER_SECONDS: Final = 30
"""How long a station may take to answer."""
FRAMES_A_SECOND: Final = 50
"""How many frames are read at most: what comes faster waits, as the connection itself lets it."""

Answer = Callable[[Call], Awaitable[Mapping[str, Any]]]
"""Answers a station's call. Raises: CallRefused."""


class Socket(Protocol):
    """A WebSocket that is open."""

    async def receive(self) -> str | None:
        """Return the next text, None when the connection has ended."""
        ...

    async def send(self, text: str) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class LinkLost(Exception):
    """The station did not answer: the connection ended, or it took too long."""


class Link:
    """A connection with its station."""

    def __init__(
        self,
        socket: Socket,
        *,
        station_id: str,
        version: str,
        answer: Answer,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.station_id = station_id
        self.version = version
        self._socket = socket
        self._answer = answer
        self._answer_seconds = answer_seconds
        self._asking = asyncio.Lock()
        self._asked: tuple[str, asyncio.Future[Result | Failure]] | None = None
        self._is_open = True

    async def serve(self) -> None:
        """Take what comes until the connection ends."""
        try:
            while (text := await self._socket.receive()) is not None:
                started = asyncio.get_running_loop().time()
                await self._take(text.encode())
                await _keep_pace(started)
        finally:
            self._is_open = False
            if self._asked is not None and not self._asked[1].done():
                self._asked[1].set_exception(LinkLost("the station's connection ended"))

    async def ask(self, action: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the station answers. Raises: LinkLost; CallRefused, if it answers by an error."""
        check_call(action, payload, version=self.version)
        async with self._asking:
            if not self._is_open:
                raise LinkLost("the station's connection ended")
            name = str(uuid4())
            answered: asyncio.Future[Result | Failure] = asyncio.get_running_loop().create_future()
            self._asked = name, answered
            try:
                await self._socket.send(call_text(name, action, payload))
                answer = await asyncio.wait_for(answered, self._answer_seconds)
            except TimeoutError:
                raise LinkLost(f"the station did not answer within {self._answer_seconds:g} s") from None
            finally:
                self._asked = None
        if isinstance(answer, Failure):
            raise CallRefused(answer.code, answer.description)
        check_result(action, answer.payload, version=self.version)
        return dict(answer.payload)

    async def close(self, reason: str) -> None:
        """End the connection."""
        self._is_open = False
        await self._socket.close(1000, reason)

    async def _take(self, raw: bytes) -> None:
        try:
            frame = read_frame(raw)
        except FrameUnreadable as error:
            log.warning("station.frame_unreadable", station=self.station_id, error=str(error))
            return
        if isinstance(frame, Call):
            await self._socket.send(await self._answered(frame))
        elif self._asked is not None and self._asked[0] == frame.id and not self._asked[1].done():
            self._asked[1].set_result(frame)
        else:
            log.info("station.answer_unasked", station=self.station_id, message=frame.id)

    async def _answered(self, call: Call) -> str:
        try:
            return result_text(call.id, await self._answer(call))
        except CallRefused as error:
            log.warning(
                "station.call_refused",
                station=self.station_id,
                action=call.action[:40],
                code=error.code,
                why=error.description,
            )
            return failure_text(call.id, error)
        except Exception:
            log.exception("station.call_failed", station=self.station_id, action=call.action[:40])
            return failure_text(call.id, CallRefused("InternalError", "send it again later"))


async def _keep_pace(started: float) -> None:
    """Let a frame take its share of a second at least."""
    left = started + 1 / FRAMES_A_SECOND - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
