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
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the server
        super().connection_made(transport)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:
            self._start_deadline()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head_bytes:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._start_deadline()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end_deadline()
        super().on_message_complete()

    def _start_deadline(self) -> None:
        self._end_deadline()
        self._deadline = self.loop.call_later(self.request_seconds, self._end, HTTPStatus.REQUEST_TIMEOUT)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

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
