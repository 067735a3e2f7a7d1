"""Answering the registry's challenge while a participant joins: by its node if that runs, else from here."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from degnode.serve import server_configuration
from kernel.errors import NodeError
from node.challenge_desk import ChallengeDesk
from node.on_subscribe import on_subscribe_router
from node.settings import ServiceSettings
from protocol.errors import WireError

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  to be asked, not to listen
_PATIENCE: Final = 3.0  # s


class PortTaken(NodeError):
    """Something else listens where the registry will call."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


class Answerer(Enum):
    """Who answers the registry."""

    NODE = auto()  # the participant itself, which runs already
    COMMAND = auto()  # this command, as long as it waits


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to the command that it is part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def doorstep(desk: ChallengeDesk, settings: ServiceSettings) -> AsyncIterator[Answerer]:
    """Have challenges answered where `settings` say that the node listens, until the block ends.

    Raises: PortTaken.
    """
    try:
        listener = socket.create_server(
            (settings.host, settings.port), family=_family(settings.host), backlog=16
        )
    except OSError as error:
        await _check_is_ours(desk, settings, error)
        yield Answerer.NODE
        return
    server = _QuietServer(
        server_configuration(challenge_app(desk), settings, lifespan="off", grace_seconds=2)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="doorstep")
    try:
        yield Answerer.COMMAND
    finally:
        server.should_exit = True
        await serving
        listener.close()


def challenge_app(desk: ChallengeDesk) -> FastAPI:
    """Return the application that serves nothing but what a registry asks for."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(NodeError)
    async def render(_request: Request, error: NodeError) -> JSONResponse:
        return JSONResponse({"error": WireError.of(error).to_wire()}, status_code=error.http_status)

    app.include_router(on_subscribe_router(desk))
    return app


async def _check_is_ours(desk: ChallengeDesk, settings: ServiceSettings, error: OSError) -> None:
    """Refuse a port where somebody else listens, or that may not be had. Raises: PortTaken."""
    place = f"{settings.host}:{settings.port}"
    if error.errno != errno.EADDRINUSE:
        raise PortTaken(
            f"nobody can listen at {place}: {error.strerror}",
            hint="Name a --port above 1024 and a --host of this machine; a reverse proxy may pass it on.",
        ) from error
    who = await _who_listens(settings)
    if who.get("subscriber_id") == desk.keychain.subscriber_id:
        return
    taken = f"{who['subscriber_id']} runs there" if "subscriber_id" in who else "something else listens there"
    raise PortTaken(
        f"the registry could not be answered at {place}: {taken}",
        hint="Stop that, or name another --port; without a reverse proxy also in --url.",
    ) from error


async def _who_listens(settings: ServiceSettings) -> dict[str, Any]:
    host = _EVERYWHERE.get(settings.host, settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/on_subscribe"
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
            content = (await client.get(url)).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
