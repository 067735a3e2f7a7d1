"""Posting signed messages to peers over kept-alive connections.

Where a message goes, its receiver said: in the registry, or in the message that is answered. So no
URL is followed and no address connected to that this node does not go to.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from kernel.clock import Clock, SystemClock
from protocol.answers import Answer, read_answer
from protocol.retry_after import read_retry_after
from registry_client.reach import Reach, check_addresses, check_url

_MAX_ANSWER_BYTES: Final = 65_536
_CONNECTIONS_PER_PEER: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAnswer:
    """What a peer said on the spot, byte by byte, and the signature it said it under, if any."""

    status: int
    answer: Answer
    signature: str | None
    body: bytes = b""


class _GuardedResolver(AbstractResolver):
    """Finds the addresses of names, and refuses a name with one that may not be connected to."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._names = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses that `host` stands for. Raises: DestinationRefused, OSError."""
        found = await self._names.resolve(host, port, family)
        check_addresses(host, [entry["host"] for entry in found], reach=self._reach)
        return found

    async def close(self) -> None:
        await self._names.close()


class Transport:
    """An HTTP client for peers: bounded in reach, time and size, never redirected."""

    def __init__(self, *, timeout: timedelta, reach: Reach, clock: Clock | None = None) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds())
        self._reach = reach
        self._clock = clock or SystemClock()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0, limit_per_host=_CONNECTIONS_PER_PEER, resolver=_GuardedResolver(self._reach)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # what is packed could unpack to any size
            },
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> PeerAnswer:
        """Return the peer's answer to `body`, sent under `headers`, its signature among them.

        Raises: OSError, when there is none: unreachable, too slow, or broken off; DestinationRefused,
        when this node does not go there at all.
        """
        if self._session is None:
            raise RuntimeError("the transport is not open")
        check_url(url, reach=self._reach)
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                content = await _read(response.content)
                return PeerAnswer(
                    status=response.status,
                    answer=read_answer(
                        response.status,
                        _parse(content),
                        retry_after=read_retry_after(
                            response.headers.get("Retry-After"), now=self._clock.now()
                        ),
                    ),
                    signature=response.headers.get("Signature"),
                    body=content,
                )
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {self._timeout.total:g} s") from error
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error


async def _read(stream: aiohttp.StreamReader) -> bytes:
    content = bytearray()
    async for chunk in stream.iter_any():
        content += chunk
        if len(content) >= _MAX_ANSWER_BYTES:
            break
    return bytes(content[:_MAX_ANSWER_BYTES])


def _parse(content: bytes) -> object:
    try:
        return orjson.loads(content.replace(b"\\u0000", b"\\ufffd"))  # PostgreSQL keeps no NUL
    except orjson.JSONDecodeError:
        return None
