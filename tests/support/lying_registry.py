"""Somebody on the way to a registry: passes everything on, and changes what is worth changing."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.loopback_server import LoopbackServer, Served

Said = tuple[int, bytes, dict[str, str]]


class Lie(Enum):
    """What is made of the registry's answers to look-ups."""

    NONE = auto()
    FORGE = auto()  # every key becomes the attacker's
    STRIP = auto()  # that, and the signature is left out
    REPLAY = auto()  # the first answer is given to every question


class LyingRegistry(Served):
    """Stands between a node and the registry at `url`; `key` is what it would have everybody hold."""

    def __init__(self, url: str, *, key: str) -> None:
        self.lie = Lie.NONE
        self._key = key
        self._recorded: Said | None = None
        self._client = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        route = Route("/{path:path}", self._serve, methods=["GET", "POST", "PATCH"])
        self.server = LoopbackServer(Starlette(routes=[route]))

    async def _serve(self, request: Request) -> Response:
        said = await self._pass_on(request)
        if request.url.path == "/lookup":
            self._recorded = self._recorded or said
            said = self._spoil(said)
        status, body, headers = said
        return Response(body, status, headers=headers, media_type="application/json")

    async def _pass_on(self, request: Request) -> Said:
        wanted = ("authorization", "content-type")
        headers = {name: request.headers[name] for name in wanted if name in request.headers}
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        answer = await self._client.request(
            request.method, path, content=await request.body(), headers=headers
        )
        signature = answer.headers.get("Signature")
        return answer.status_code, answer.content, {"Signature": signature} if signature else {}

    def _spoil(self, said: Said) -> Said:
        status, body, headers = said
        match self.lie:
            case Lie.FORGE:
                return status, self._forged(body), headers
            case Lie.STRIP:
                return status, self._forged(body), {}
            case Lie.REPLAY if self._recorded is not None:
                return self._recorded
        return said

    def _forged(self, body: bytes) -> bytes:
        records: list[dict[str, Any]] = orjson.loads(body)
        return orjson.dumps([record | {"signing_public_key": self._key} for record in records])

    async def leave(self) -> None:
        await super().leave()
        await self._client.aclose()
