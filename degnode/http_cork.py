"""An answer's head and body leave in one write: what is written within one turn of the loop is joined.

The web server writes them one after the other, and each would be a system call and a packet of its
own, on both sides.
"""

from __future__ import annotations

import asyncio
from typing import Any


class CorkedTransport:
    """A transport that holds what is written until the turn of the loop ends."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def flush(self) -> None:
        """Write what is held; the transport drops it if its connection is gone."""
        if self._held:
            self._transport.write(b"".join(self._held))
            self._held.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else the transport can do
        return getattr(self._transport, name)
