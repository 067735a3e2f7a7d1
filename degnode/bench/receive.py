"""`degnode bench receive`: signed confirms against a running BPP, through a real socket.

The whole path is measured: verify, validate, de-duplicate, durable insert with group commit, signed
ACK. The BPP is one process that only receives; messages are handled by workers elsewhere. The
reference is the bare Ed25519 verify rate of the same library on one core, before and after.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import httpx
import psutil
from sqlalchemy import func, select

from degnode.bench.load import LoadResult, send_all
from degnode.bench.messages import ConfirmFactory
from degnode.examples import example_confirm
from degnode.processes import BAP_ID, BPP_ID, Network, small_network
from kernel.clock import SystemClock
from protocol.keys import new_private_key, write_public_key
from protocol.signing import Signer
from storage.database import Database
from storage.tables import inbox

_WARM_UP: Final = 2_000
_ROUND: Final = 10_000
_VERIFICATIONS: Final = 20_000


@dataclass(slots=True, kw_only=True)
class ReceiveReport:
    """What was measured; rates are per second, latencies in seconds, memory in MiB."""

    connections: int
    body_bytes: int
    verify_rates: list[float] = field(default_factory=list)
    rounds: list[LoadResult] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    sent: int = 0
    stored: int = 0

    @property
    def rate(self) -> float:
        return median(round_.per_second for round_ in self.rounds)

    @property
    def ratio(self) -> float:
        """The receive rate as a share of the bare verify rate of the same run."""
        return self.rate / median(self.verify_rates)

    def latency(self, share: float) -> float:
        every = sorted(latency for round_ in self.rounds for latency in round_.latencies)
        return every[min(len(every) - 1, int(len(every) * share))]

    @property
    def refused(self) -> int:
        return sum(n for round_ in self.rounds for status, n in round_.statuses.items() if status != 200)


async def bench_receive(
    *, messages: int, connections: int, catalog: Path, tell: Callable[[str], None]
) -> ReceiveReport:
    """Run the benchmark; `tell` hears how far it has come."""
    settings = {"bpp": {"DEGNODE_WORKERS": "false", "DEGNODE_LOG_LEVEL": "WARNING"}}
    async with small_network(catalog=catalog, settings=settings, start=("registry", "bpp")) as network:
        signer = Signer(
            subscriber_id=BAP_ID,
            key_id="bench",
            private_key=new_private_key(),
            validity=timedelta(minutes=30),
        )
        await _register(network, signer)
        host = network.bpp.url.removeprefix("http://")
        clock = SystemClock()
        document = example_confirm(
            bap=(BAP_ID, network.bap.url), bpp=(BPP_ID, network.bpp.url), now=clock.now(), ttl="PT1H"
        )
        factory = ConfirmFactory.of(document, signer=signer, host=host)
        report = ReceiveReport(connections=connections, body_bytes=len(factory.template))
        process = psutil.Process(network.bpp.process.pid if network.bpp.process else None)
        rounds = math.ceil(messages / _ROUND)
        for number in range(rounds + 1):  # the first one warms up
            count = min(_ROUND, messages - (number - 1) * _ROUND) if number else _WARM_UP
            report.verify_rates.append(bare_verify_rate(signer))
            requests = factory.make(count, now=clock.now())
            gc.collect()
            result = await send_all(
                requests,
                host=host.partition(":")[0],
                port=int(host.partition(":")[2]),
                connections=connections,
            )
            report.sent += count
            if number:
                report.rounds.append(result)
                report.memory.append(process.memory_info().rss / 2**20)
                tell(f"round {number} of {rounds}: {result.per_second:,.0f}/s")
        report.stored = await _count_rows(network)
    return report


def bare_verify_rate(signer: Signer) -> float:
    """Return how many signatures a second one core verifies, doing nothing else."""
    key, message = signer.public_key, bytes(200)
    signature = signer.private_key.sign(message)
    started = perf_counter()
    for _ in range(_VERIFICATIONS):
        key.verify(signature, message)
    return _VERIFICATIONS / (perf_counter() - started)


async def _register(network: Network, signer: Signer) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.post(
            f"{network.registry.url}/subscribe",
            headers={"Authorization": f"Bearer {network.registry.environment['DEGNODE_REGISTRY_TOKEN']}"},
            json={
                "subscriber_id": signer.subscriber_id,
                "url": network.bap.url,
                "type": "BAP",
                "domain": "beckn.one:deg:p2p-trading:2.0.0",
                "key_id": signer.key_id,
                "signing_public_key": write_public_key(signer.public_key),
                "valid_from": "2020-01-01T00:00:00Z",
                "valid_until": "2099-01-01T00:00:00Z",
            },
        )
        response.raise_for_status()


async def _count_rows(network: Network) -> int:
    database = Database.connect(network.database_urls["bpp"])
    try:
        async with database.engine.connect() as connection:
            return (await connection.execute(select(func.count()).select_from(inbox))).scalar_one()
    finally:
        await database.close()
