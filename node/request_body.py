"""A request's body, as far as this node takes it."""

from __future__ import annotations

from fastapi import Request

from protocol.errors import BodyTooLarge


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """Return the body of `request`, read no further than it may be long. Raises: BodyTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise BodyTooLarge(f"the body is over {max_bytes} bytes", path="$", hint="Send less at once.")
    return bytes(body)
