"""Bounds on a request before it is whole: how long it may take to come, how long its head may be.

The web server has neither: anybody could hold connections open for ever, or send a head without end,
or header lines without end after the body.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from degnode.http_cork import CorkedTransport

_TLS_VERSIONS: Final = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class _HeadTooLong(Exception):
    """Stops the server's parser, before anybody is handed the request."""


class _BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request does not become whole, with a word on why if one can be said."""

    request_seconds: ClassVar[float]
    max_head_bytes: ClassVar[int]

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  the server's own
        super().__init__(*arguments, **named)
        self._watch: asyncio.TimerHandle | None = None
        self._overdue_next: object = None
        self._head_bytes = 0
        self._is_suspect = False
        self._is_getting_on = False
        self._idle_bytes = 0  # since the last of a body: what its pieces are wrapped in, and trailers
        self._tls: dict[object, object] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the server
        super().connection_made(CorkedTransport(transport, self.loop))  # type: ignore[arg-type]  # stands for one
        self._tls = _tls_extension(transport)
        self._overdue_next = self._pending()
        self._watch = self.loop.call_later(self.request_seconds, self._look)

    def on_message_begin(self) -> None:
        """Say of a request who has shown which certificate, as the TLS extension of ASGI has it."""
        super().on_message_begin()
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Let go of a connection that becomes a WebSocket, whose own protocol bounds it."""
        if self._watch is not None:
            self._watch.cancel()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._is_suspect = self._head_bytes + len(data) > self.max_head_bytes
        self._is_getting_on = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_head_whole():
            self._head_bytes = 0
            self._idle_bytes = 0 if self._is_getting_on else self._idle_bytes + len(data)
        else:
            self._head_bytes += len(data)
        if max(self._head_bytes, self._idle_bytes) > self.max_head_bytes:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Drop a line that comes after the body: it would pass for one of the head."""
        if not self._is_head_whole():
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse a head that came whole and is too long; most are known to be short by what has come."""
        if self._is_suspect and self._length_of_head() > self.max_head_bytes:
            raise _HeadTooLong
        self._is_getting_on = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._is_getting_on = True
        super().on_body(body)

    def _is_head_whole(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.scope is self.scope

    def send_400_response(self, msg: str) -> None:
        """Tell why a request cannot be read, which the parser's own words do not say of a long head."""
        if self._is_suspect and self._length_of_head() > self.max_head_bytes:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        super().send_400_response(msg)

    def _length_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _look(self) -> None:
        """End the connection if the request that was pending at the last look still is.

        One timer a connection and nothing a request: requests are many. So a request that stalls is
        ended after one to two times its bound.
        """
        pending = self._pending()
        if pending is not None and pending is self._overdue_next:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
            return
        self._overdue_next = pending
        self._watch = self.loop.call_later(self.request_seconds, self._look)

    def _pending(self) -> object:
        """Return what stands for the request that is not whole yet, None when there is none."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return self  # nothing was ever whole on this connection
        if cycle.scope is not self.scope:
            return self.scope
        if cycle.response_complete:  # the server bounds its silence, unless bytes came that began nothing
            return self if self.timeout_keep_alive_task is None else None
        return cycle if cycle.more_body else None

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


def _tls_extension(transport: asyncio.Transport) -> dict[object, object] | None:
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    certificate = connection.getpeercert(binary_form=True)
    version = connection.version()
    return {
        "server_cert": None,
        "client_cert_chain": () if certificate is None else (ssl.DER_cert_to_PEM_cert(certificate),),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _TLS_VERSIONS.get(version) if version else None,
        "cipher_suite": None,
    }


def bounded_protocol(*, request_timeout: timedelta, max_head_bytes: int) -> type[HttpToolsProtocol]:
    """Return the class of connections that hold callers to these bounds."""
    bounds = {"request_seconds": request_timeout.total_seconds(), "max_head_bytes": max_head_bytes}
    return type("BoundedProtocol", (_BoundedProtocol,), bounds)
