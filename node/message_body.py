"""The body of a message as it comes from the socket: plain JSON, no longer than it may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from protocol.errors import BodyTooLarge, MediaTypeUnsupported

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def check_form(headers: Mapping[bytes, bytes]) -> None:
    """Raises: MediaTypeUnsupported."""
    media_type = headers.get(b"content-type", b"application/json").lower()
    if b"json" not in media_type.partition(b";")[0] or b"content-encoding" in headers:
        raise MediaTypeUnsupported(
            "a message is plain JSON", path="header Content-Type", hint="Send application/json, uncompressed."
        )


async def read_message(headers: Mapping[bytes, bytes], receive: Receive, *, limit: int) -> bytes:
    """Return the body, read no further than it may be long. Raises: BodyTooLarge."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(int(declared), limit)
    event = await receive()
    body: bytes = event.get("body", b"")
    if event.get("more_body"):
        parts, size = [body], len(body)
        while event.get("more_body"):
            event = await receive()
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(size, limit)
        body = b"".join(parts)
    if len(body) > limit:
        raise _too_large(len(body), limit)
    return body


def _too_large(size: int, limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body has at least {size} bytes, {limit} are taken", path="$", hint="Send less in one message."
    )
