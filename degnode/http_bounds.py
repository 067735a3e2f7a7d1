"""Bounds on a request before it is whole: how long it may take to come, how long its head may be.

The web server has neither: anybody could hold connections open for ever, or send a head without end.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class _BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request does not become whole, with a word on why if one can be said."""

    request_seconds: ClassVar[float]
    max_head_bytes: ClassVar[int]

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  the server's own
        super().__init__(*arguments, **named)
        self._waiting_since: float | None = None  # the loop's time; None while no request is due
        self._watch: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the server
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        self._watch = self.loop.call_later(self.request_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting_since is None:
            self._waiting_since = self.loop.time()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        if self._waiting_since is None:  # it began in the same bytes that ended another
            self._waiting_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._waiting_since = None
        super().on_message_complete()

    def _look(self) -> None:
        """End the connection if its request is overdue, else look again when it could be.

        One timer a connection, not one a request: requests are many.
        """
        since = self._waiting_since
        waited = 0.0 if since is None else self.loop.time() - since
        if waited >= self.request_seconds:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._watch = self.loop.call_later(self.request_seconds - waited, self._look)

    def _end(self, status: HTTPStatus) -> None:
        if self.transport.is_closing():
            return
        if not self._is_answering():
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}",
                "content-length: 0",
                "connection: close",
                "",
                "",
            )
            self.transport.write("\r\n".join(head).encode())
        self.transport.close()

    def _is_answering(self) -> bool:
        """Say whether an answer is under way, which nothing may be written into."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return bool(self.pipeline) or cycle.response_started


def bounded_protocol(*, request_timeout: timedelta, max_head_bytes: int) -> type[HttpToolsProtocol]:
    """Return the class of connections that hold callers to these bounds."""
    bounds = {"request_seconds": request_timeout.total_seconds(), "max_head_bytes": max_head_bytes}
    return type("BoundedProtocol", (_BoundedProtocol,), bounds)
