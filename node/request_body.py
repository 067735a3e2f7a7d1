"""A request's body, as far as this node takes it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from protocol.errors import BodyTooLarge

_LONGEST_FORM: Final = 65_536  # bytes


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Return the body of `request`, read no further than it may be long. Raises: BodyTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise BodyTooLarge(f"the body is over {max_bytes} bytes", path="$", hint="Send less at once.")
    return bytes(body)


class FormRoute(APIRoute):
    """A route that takes a form: FastAPI reads that before the caller is known, so it may not be long."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            body = await read_body(request, max_bytes=_LONGEST_FORM)

            async def receive() -> MutableMapping[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            return await handle(Request(request.scope, receive))

        return answer
