"""A peer over real HTTP that redirects, floods, dawdles and packs what nobody asked to be packed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.support.loopback_server import LoopbackServer, Served

ACK: Final = b'{"ack_status": "ACK"}'
FLOOD: Final = 65_536  # bytes in each piece of an answer without end


class BadNeighbour(Served):
    """Misbehaves in one way at each of its paths, and keeps which were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.patience = asyncio.Event()  # what the dawdler waits for, and the flood lasts until
        methods = ["GET", "POST"]
        self.server = LoopbackServer(Starlette(routes=[Route("/{way}", self._misbehave, methods=methods)]))

    async def _misbehave(self, request: Request) -> Response:
        way = request.path_params["way"]
        self.asked.append(way)
        match way:
            case "redirect":
                there = request.query_params.get("to", f"{self.url}/secret")
                return Response(status_code=307, headers={"Location": there})
            case "flood":
                return StreamingResponse(self._without_end())
            case "bomb":
                bomb = gzip.compress(b" " * 50_000_000)
                return Response(bomb, headers={"Content-Encoding": "gzip"})
            case "headers":
                return Response(ACK, headers={f"X-{number}": "x" * 8000 for number in range(200)})
            case "dawdle":
                await self.patience.wait()
        return Response(ACK, headers={"Set-Cookie": "seen=before"})

    async def _without_end(self) -> AsyncIterator[bytes]:
        while not self.patience.is_set():
            yield b" " * FLOOD
            await asyncio.sleep(0)  # a caller that is gone takes pieces without waiting

    async def leave(self) -> None:
        self.patience.set()
        await super().leave()
