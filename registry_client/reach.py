"""Going only where one may: connections to URLs that others named.

A URL is checked when it is given (`check_url`), and what its name stands for is checked again when a
connection is made: the addresses are resolved once, all of them are judged, and the connection goes
to one that was judged. A name that means one thing to the check and another to the connection
gains nothing by it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Protocol

import httpcore
import httpx

from kernel.errors import NodeError
from registry_client.address_rules import Reach
from registry_client.destinations import (
    Destination,
    DestinationRefused,
    check_addresses,
    check_registry_url,
    check_url,
    is_host_of,
    usual_reach,
)

__all__ = [  # the door to everything about where a node may go
    "AnswerTooLong",
    "ClientLimits",
    "Destination",
    "DestinationRefused",
    "Reach",
    "check_addresses",
    "check_registry_url",
    "check_url",
    "guarded_client",
    "is_host_of",
    "read_at_most",
    "usual_reach",
]

_PLAIN: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""What is packed could unpack to any size."""

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class AnswerTooLong(NodeError):
    """A peer said more than is listened to."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 502, False


class ClientLimits(Protocol):
    """How long a connection and an answer may take, and how many connections there may be."""

    @property
    def connect_timeout(self) -> timedelta: ...

    @property
    def answer_timeout(self) -> timedelta: ...

    @property
    def max_connections(self) -> int: ...


def guarded_client(
    reach: Reach, limits: ClientLimits, *, verify: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client that goes nowhere `reach` does not go: no redirects, no proxy, nothing packed.

    `answer_timeout` bounds each wait for bytes: bound the whole exchange with `asyncio.timeout`, and
    its length with `read_at_most`. A refused URL or address raises DestinationRefused.
    """
    return httpx.AsyncClient(
        transport=_GuardedTransport(reach, limits, verify or ssl.create_default_context()),
        timeout=httpx.Timeout(
            limits.answer_timeout.total_seconds(), connect=limits.connect_timeout.total_seconds()
        ),
        follow_redirects=False,
        headers=_PLAIN,
        trust_env=False,
    )


async def read_at_most(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the body of a streamed answer as it came. Raises: AnswerTooLong."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise AnswerTooLong(
                f"{response.url.host} said more than {max_bytes} bytes", hint="Ask it to say less."
            )
    return bytes(body)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """Judges the URL of every request, and the addresses of every connection."""

    def __init__(self, reach: Reach, limits: ClientLimits, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._reach = reach
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            network_backend=_GuardedBackend(reach),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        check_url(str(request.url), reach=self._reach)
        return await super().handle_async_request(request)


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that were judged, never to a name."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  as the class above has it
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port, timeout)
        check_addresses(host, addresses, reach=self._reach)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    @staticmethod
    async def _resolve(host: str, port: int, seconds: float | None) -> list[str]:
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} was not found in time") from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host} was not found") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)
