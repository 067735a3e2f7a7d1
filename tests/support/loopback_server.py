"""An ASGI application behind a real socket, served by uvicorn in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp


class _AnnouncedServer(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.is_up.set()


class LoopbackServer:
    """Serves `app` on a loopback port; may be stopped and started again on the same one."""

    def __init__(self, app: ASGIApp, *, tls: Mapping[str, Any] | None = None) -> None:
        """`tls` is what uvicorn is told of certificates, if there are any."""
        self._app = app
        self._tls = tls or {}
        self._port = 0
        self._server: _AnnouncedServer | None = None
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
            timeout_graceful_shutdown=1,
            **self._tls,
        )
        self._server = _AnnouncedServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.is_up.wait()

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
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
