"""Posting meters' documents to a mirror: each meter in its own order, several meters at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx

from degnode.simulation.documents import MeterDocument
from degnode.simulation.run import MeterRun
from kernel.errors import NodeError
from kernel.plain_text import printable
from metering.sep.body import SEP_XML
from metering.sep.elements import parse_document, qualified
from node.api_keys import HEADER

Wait = Callable[[datetime], Awaitable[None]]
"""Returns when an instant has come."""

_TRIES: Final = 5
_BUSY: Final = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
_LONGEST_PAUSE: Final = 30  # seconds


class MirrorUnreachable(NodeError):
    """The mirror does not answer."""

    code, http_status, retryable = "SIMULATION_MIRROR_UNREACHABLE", 502, True


class MirrorRefused(NodeError):
    """The mirror does not take a document of the simulation."""

    code, http_status, retryable = "SIMULATION_MIRROR_REFUSED", 502, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Where documents go, how many at a time, and whether each waits until it is due."""

    url: str
    api_key: str
    connections: int = 8
    wait: Wait | None = None


async def post_runs(
    runs: Iterable[MeterRun], mirror: Mirror, *, progress: Callable[[], None] = lambda: None
) -> None:
    """Post every meter and its documents; `progress` is told of every document that was taken.

    Only as many meters as there are connections are held at a time, unless they all wait for their time.
    Raises: MirrorUnreachable, MirrorRefused.
    """
    limits = httpx.Limits(max_connections=mirror.connections)
    async with httpx.AsyncClient(headers={HEADER: mirror.api_key}, limits=limits, timeout=60) as client:
        session = _Session(client, mirror, asyncio.Semaphore(mirror.connections), progress)
        try:
            async with asyncio.TaskGroup() as group:
                for some in [[run] for run in runs] if mirror.wait else [iter(runs)] * mirror.connections:
                    group.create_task(session.take(some))
        except* NodeError as errors:
            raise errors.exceptions[0] from None


def write_runs(runs: Iterable[MeterRun], folder: Path) -> int:
    """Write every document as a file that stands on its own, and return how many there are."""
    written = 0
    for run in runs:
        of_meter = folder / f"meter-{run.history.premises.number:04}"
        of_meter.mkdir(parents=True, exist_ok=True)
        for number, document in enumerate((run.introduction, *run.documents)):
            (of_meter / f"{number:04}-{document.name}.xml").write_bytes(document.on_its_own())
            written += 1
    return written


@dataclass(frozen=True, slots=True)
class _Session:
    client: httpx.AsyncClient
    mirror: Mirror
    free: asyncio.Semaphore
    progress: Callable[[], None]

    async def take(self, runs: Iterable[MeterRun]) -> None:
        """Post one meter after the other; several may take from the same `runs`."""
        for run in runs:
            await self._take(run)

    async def _take(self, run: MeterRun) -> None:
        """Post one meter, then its readings to the address that the mirror gave it."""
        meters = f"{self.mirror.url.rstrip('/')}/mup"
        answer = await self._post(meters, run.introduction.on_its_own())
        address = answer.headers.get("location")
        if address is None:
            raise MirrorRefused(f"{meters} took a meter, and does not say where its readings go")
        for document in run.documents:
            await self._be_due(document)
            await self._post(urljoin(meters, address), document.for_known_meter())

    async def _be_due(self, document: MeterDocument) -> None:
        if self.mirror.wait is not None:
            await self.mirror.wait(datetime.fromtimestamp(document.due, UTC))

    async def _post(self, url: str, body: bytes) -> httpx.Response:
        for _ in range(_TRIES):
            async with self.free:
                answer = await self._send(url, body)
            if answer.status_code not in _BUSY:
                break
            pause = answer.headers.get("retry-after", "1")
            await asyncio.sleep(min(_LONGEST_PAUSE, int(pause)) if pause.isdecimal() else 1)
        if not answer.is_success:
            raise MirrorRefused(f"{url} answers {answer.status_code}: {_reason(answer)}")
        self.progress()
        return answer

    async def _send(self, url: str, body: bytes) -> httpx.Response:
        try:
            return await self.client.post(url, content=body, headers={"Content-Type": SEP_XML})
        except httpx.HTTPError as error:
            raise MirrorUnreachable(f"{url} cannot be reached: {error or type(error).__name__}") from error


def _reason(answer: httpx.Response) -> str:
    """Return in words why a mirror refuses; it may be of any make."""
    try:
        said = parse_document(answer.content).findtext(qualified("message"))
    except NodeError:
        said = answer.text[:200]
    return printable(said or "it does not say why")
