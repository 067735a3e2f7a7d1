"""`degnode bench receive`: signed confirms against a running BPP, through a real socket.

The whole path is measured: verify, validate, de-duplicate, durable insert with group commit, signed
ACK. The BPP is one process that only receives; what it stores is handled by workers elsewhere. The
reference is the bare Ed25519 verify rate of OpenSSL (the `cryptography` package) on one core, taken
before every round; that of the engine which the node verifies with is told beside it.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from sqlalchemy import func, select

from degnode.bench.buyers import enter_buyer, new_buyer
from degnode.bench.load import LoadResult, send_all
from degnode.bench.messages import ConfirmFactory
from degnode.bench.reference import bare_engine, bare_openssl, rate_of
from degnode.processes import BAP_ID, BPP_ID, Network, small_network
from kernel.clock import SystemClock
from node.correspondence import Peer
from storage.database import Database
from storage.tables import inbox

_WARM_UP: Final = 2_000
_ROUND: Final = 5_000
_VERIFICATIONS: Final = 10_000
_SETTINGS: Final = {"bpp": {"DEGNODE_WORKERS": "false", "DEGNODE_LOG_LEVEL": "WARNING"}}


@dataclass(slots=True, kw_only=True)
class ReceiveReport:
    """What was measured, round by round; memory in MiB."""

    body_bytes: int
    verify_rates: list[float] = field(default_factory=list)
    engine_rates: list[float] = field(default_factory=list)
    rounds: list[LoadResult] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    processor_seconds: float = 0.0
    sent: int = 0
    stored: int = 0

    @property
    def rate(self) -> float:
        """Messages a second, the median of the rounds."""
        return median(round_.per_second for round_ in self.rounds)

    @property
    def verify_rate(self) -> float:
        """Bare verifications a second, the median of the run."""
        return median(self.verify_rates)

    @property
    def engine_rate(self) -> float:
        """The same for the engine that the node itself verifies with."""
        return median(self.engine_rates)

    @property
    def ratio(self) -> float:
        """The receive rate as a share of the bare verify rate, the median of the rounds."""
        return self._ratio_to(self.verify_rates)

    @property
    def engine_ratio(self) -> float:
        """The receive rate as a share of the bare rate of the node's own engine."""
        return self._ratio_to(self.engine_rates)

    def _ratio_to(self, rates: list[float]) -> float:
        return median(round_.per_second / rate for round_, rate in zip(self.rounds, rates, strict=True))

    @property
    def processor_verifications(self) -> float:
        """What the BPP's process spends on one message, in bare verifications."""
        messages = sum(len(round_.latencies) for round_ in self.rounds)
        return self.processor_seconds / messages * self.verify_rate

    def latency(self, share: float) -> float:
        """Return the seconds that `share` of all messages took at most."""
        every = sorted(latency for round_ in self.rounds for latency in round_.latencies)
        return every[min(len(every) - 1, int(len(every) * share))]

    @property
    def refused(self) -> int:
        """How many messages got another answer than an ACK."""
        return sum(n for round_ in self.rounds for status, n in round_.statuses.items() if status != 200)


async def bench_receive(
    *, messages: int, connections: int, catalog: Path, tell: Callable[[str], None]
) -> ReceiveReport:
    """Run the benchmark; `tell` hears how far it has come."""
    async with small_network(catalog=catalog, settings=_SETTINGS, start=("registry", "bpp")) as network:
        clock = SystemClock()
        signer = new_buyer(BAP_ID)
        await enter_buyer(network, signer, url=network.bap.url)
        factory = ConfirmFactory.between(
            Peer(subscriber_id=BAP_ID, url=network.bap.url),
            Peer(subscriber_id=BPP_ID, url=network.bpp.url),
            signer=signer,
            now=clock.now(),
        )
        report = ReceiveReport(body_bytes=len(factory.template))
        await _round(factory, _WARM_UP, connections, report, now=clock.now())
        report.rounds.clear()
        report.verify_rates.clear()
        report.engine_rates.clear()
        process = psutil.Process(network.bpp.process.pid if network.bpp.process else None)
        before = sum(process.cpu_times()[:2])
        for number in range(rounds := math.ceil(messages / _ROUND)):
            count = min(_ROUND, messages - number * _ROUND)
            result = await _round(factory, count, connections, report, now=clock.now())
            report.memory.append(process.memory_info().rss / 2**20)
            tell(
                f"round {number + 1} of {rounds}: {result.per_second:,.0f} messages/s, "
                f"{report.verify_rates[-1]:,.0f} bare verifications/s, {report.memory[-1]:.0f} MiB"
            )
        report.processor_seconds = sum(process.cpu_times()[:2]) - before
        report.stored = await _count_rows(network)
    return report


async def _round(
    factory: ConfirmFactory, count: int, connections: int, report: ReceiveReport, *, now: datetime
) -> LoadResult:
    requests = factory.make(count, now=now)
    report.verify_rates.append(rate_of(bare_openssl(factory.signer), times=_VERIFICATIONS))
    report.engine_rates.append(rate_of(bare_engine(factory.signer), times=_VERIFICATIONS))
    host, _, port = factory.host.partition(":")
    gc.collect()
    gc.disable()  # the load generator's own pauses are not the node's
    try:
        result = await send_all(requests, host=host, port=int(port), connections=connections)
    finally:
        gc.enable()
    report.sent += count
    report.rounds.append(result)
    return result


async def _count_rows(network: Network) -> int:
    database = Database.connect(network.database_urls["bpp"])
    try:
        async with database.engine.connect() as connection:
            return (await connection.execute(select(func.count()).select_from(inbox))).scalar_one()
    finally:
        await database.close()
