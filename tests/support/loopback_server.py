"""An ASGI application behind a real socket, served by uvicorn in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.types import ASGIApp

_MOMENT: Final = 0.01
"""Seconds in which both ends of a connection hear of its end."""

_GRACE: Final = 1.0
"""Seconds that what is under way has to end."""


class _PromptServer(uvicorn.Server):
    """Says when it has started, and stops when it is told to: uvicorn's own looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self.is_told_to_stop = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # it renews the date that answers bear
            with suppress(TimeoutError):
                await asyncio.wait_for(self.is_told_to_stop.wait(), timeout=1)

    def stop(self) -> None:
        self.should_exit = True
        self.is_told_to_stop.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(_MOMENT)
        try:
            async with asyncio.timeout(_GRACE):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  it has no event
                    await asyncio.sleep(_MOMENT)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()


class LoopbackServer:
    """Serves `app` on a loopback port; may be stopped and started again on the same one."""

    def __init__(self, app: ASGIApp, *, tls: Mapping[str, Any] | None = None) -> None:
        """`tls` is what uvicorn is told of certificates, if there are any."""
        self._app = app
        self._tls = tls or {}
        self._port = 0
        self._server: _PromptServer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    async def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=75,
            **self._tls,
        )
        self._server = _PromptServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.is_up.wait()

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.stop()
        await self._task
        self._server = self._task = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class Served:
    """Whoever is reached at a server of their own while a block runs."""

    server: LoopbackServer

    @property
    def url(self) -> str:
        return self.server.url

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Answer nobody any more; what would hold that up is let go before."""
        await self.server.stop()
