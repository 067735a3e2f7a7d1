"""`degnode bench meters`: readings from XML bytes to committed rows, posted by meters.

A BPP takes the documents over a real socket, in one process: key, XML, judgement, rows, commit. The
reference is PostgreSQL's own COPY of the same rows into a table of the same columns and indexes, on
one connection, in the same run.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from degnode.bench.copied_rows import copy_again
from degnode.bench.load import LoadResult, send_all
from degnode.bench.meter_documents import A_DAY, day_documents
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.api_keys import HEADER

_METERS: Final = 64
_WARM_UP_DAYS: Final = 2
_SETTINGS: Final = {"bpp": {"DEGNODE_WORKERS": "false", "DEGNODE_LOG_LEVEL": "WARNING"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReport:
    """What was posted and how fast; rates in readings a second, memory in MiB."""

    documents: int
    document_bytes: int
    seconds: float
    refused: int
    stored: int
    copy_rate: float
    processor_seconds: float
    memory: float

    @property
    def readings(self) -> int:
        return self.documents * A_DAY

    @property
    def document_rate(self) -> float:
        return self.documents / self.seconds

    @property
    def rate(self) -> float:
        return self.readings / self.seconds

    @property
    def ratio(self) -> float:
        """The rate as a share of COPY's."""
        return self.rate / self.copy_rate


async def bench_posts(
    *, days: int, connections: int, catalog: Path, tell: Callable[[str], None]
) -> PostReport:
    """Run the benchmark; `tell` hears how far it has come."""
    now = SystemClock().now()
    documents = list(day_documents(meters=_METERS, days=days + _WARM_UP_DAYS, now=now))
    async with small_network(catalog=catalog, settings=_SETTINGS, start=("registry", "bpp")) as network:
        warm_up = _METERS * _WARM_UP_DAYS
        await _post(network, documents[:warm_up], connections)
        process = psutil.Process(network.bpp.process.pid if network.bpp.process else None)
        before = sum(process.cpu_times()[:2])
        result = await _post(network, documents[warm_up:], connections)
        processor_seconds = sum(process.cpu_times()[:2]) - before
        tell(f"{len(documents):,} documents posted; now the same rows by COPY")
        stored, copy_rate = await copy_again(network.database_urls["bpp"], "meter_readings")
        return PostReport(
            documents=len(documents) - warm_up,
            document_bytes=len(documents[-1]),
            seconds=result.seconds,
            refused=sum(n for status, n in result.statuses.items() if status not in (201, 204)),
            stored=stored - warm_up * A_DAY,
            copy_rate=copy_rate,
            processor_seconds=processor_seconds,
            memory=process.memory_info().rss / 2**20,
        )


async def _post(network: Network, documents: Sequence[bytes], connections: int) -> LoadResult:
    address = urlsplit(network.bpp.url)
    head = (
        f"POST /mup HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/sep+xml\r\n"
        f"{HEADER}: {network.api_key}\r\nContent-Length: "
    ).encode()
    requests = [b"%s%d\r\n\r\n%s" % (head, len(document), document) for document in documents]
    gc.collect()
    gc.disable()  # the load generator's own pauses are not the node's
    try:
        return await send_all(
            requests, host=str(address.hostname), port=address.port or 80, connections=connections
        )
    finally:
        gc.enable()
