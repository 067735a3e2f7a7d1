"""Another port of a service, over TLS: it is opened after the service is ready, and closed before it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class SideDoor:
    """Where a service is also met, how, and which of its paths are found there."""

    host: str
    port: int
    context: ssl.SSLContext
    leads_to: Callable[[str], bool]

    def of(self, app: ASGIApp) -> ASGIApp:
        """Return what of `app` is seen through this door."""

        async def seen(scope: Scope, receive: Receive, send: Send) -> None:
            if self.leads_to(scope["path"]):
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

        return seen


class DoorServer(uvicorn.Server):
    """The server of a side door; signals are heard by the server that it stands beside.

    Its port is taken at once, so that one that is in use stops the start.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._socket = config.bind_socket()
        self._ticking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Let callers in."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[self._socket])
        self._ticking = asyncio.create_task(self.main_loop())

    async def close(self) -> None:
        """Let nobody in any more, and wait for those who are inside."""
        self.should_exit = True
        if self._ticking is not None:
            await self._ticking
            await self.shutdown(sockets=[self._socket])
