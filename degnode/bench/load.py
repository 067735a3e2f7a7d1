"""A load generator: prepared HTTP requests over kept-alive connections, one at a time on each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

_HEAD_END = b"\r\n\r\n"


@dataclass(slots=True)
class LoadResult:
    """What a load came to: seconds in all, seconds of each request, answers by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next prepared request as soon as the answer to the last one is whole."""

    def __init__(self, requests: Iterator[bytes], result: LoadResult, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._result = result
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(_HEAD_END)
        if not separator:
            return
        length = int(
            head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0
        )  # a 204 has none
        if len(body) < length:
            return
        self._buffer = body[length:]
        self._result.latencies.append(perf_counter() - self._sent_at)
        self._result.statuses[int(head[9:12])] += 1
        self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = perf_counter()
        self._transport.write(request)


async def send_all(requests: list[bytes], *, host: str, port: int, connections: int) -> LoadResult:
    """Send every request, over so many connections at once, and return what came of it."""
    loop = asyncio.get_running_loop()
    result, remaining = LoadResult(), iter(requests)
    ends = [loop.create_future() for _ in range(connections)]
    started = perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: _Connection(remaining, result, end), host, port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    result.seconds = perf_counter() - started
    return result
