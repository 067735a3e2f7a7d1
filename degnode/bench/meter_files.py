"""`degnode bench meters`, the second half: readings from a CSV file to committed rows.

The import runs in this process, as `degnode meter import` does, into an embedded PostgreSQL of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import psutil

from bpp.meter_news import tell_of_readings
from degnode.bench.meter_copies import copy_again
from degnode.bench.meter_documents import A_DAY, QUARTER
from kernel.clock import SystemClock
from metering.sources.csv_source import CsvSource
from metering.sources.taking import Taker, Tally, in_groups
from metering.timeliness import TimeLimits
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory

_METERS: Final = 64
_TELL_EVERY: Final = 1_000_000
_HEADING: Final = b"meter,direction,start,duration,wh,quality\n"


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What was imported and how fast; rates in readings a second, memory in MiB as it went on."""

    readings: int
    file_bytes: int
    seconds: float = 0.0
    accepted: int = 0
    stored: int = 0
    copy_rate: float = 0.0
    memory: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.readings / self.seconds

    @property
    def ratio(self) -> float:
        """The rate as a share of COPY's."""
        return self.rate / self.copy_rate


async def bench_import(*, readings: int, tell: Callable[[str], None]) -> ImportReport:
    """Run the benchmark with about so many readings; `tell` hears how far it has come."""
    clock = SystemClock()
    now = clock.now()
    days = max(1, readings // (_METERS * A_DAY))
    with TemporaryDirectory(prefix="degnode-bench-") as folder:
        file = Path(folder) / "readings.csv"
        write_days(file, days=days, now=now)
        report = ImportReport(readings=days * _METERS * A_DAY, file_bytes=file.stat().st_size)
        server = await asyncio.to_thread(start_embedded, Path(folder) / "postgres")
        try:
            database = Database.connect(server.get_uri())
            await migrate(database)
            limits = TimeLimits(horizon=timedelta(days=days + 2))
            taker = Taker(
                uow_factory=UnitOfWorkFactory(database), clock=clock, on_taken=tell_of_readings, limits=limits
            )
            await _import(file, taker, report, tell)
            await database.close()
            report.stored, report.copy_rate = await copy_again(server.get_uri())
        finally:
            await asyncio.to_thread(server.cleanup)
    return report


async def _import(file: Path, taker: Taker, report: ImportReport, tell: Callable[[str], None]) -> None:
    process, tally, told = psutil.Process(), Tally(), 0
    report.memory.append(process.memory_info().rss / 2**20)
    started = perf_counter()
    with file.open("rb") as stream:
        for group in in_groups(CsvSource().read(stream)):
            for outcome in await taker.take_all(group):
                tally.count(outcome)
            if tally.accepted // _TELL_EVERY > told:
                told = tally.accepted // _TELL_EVERY
                report.memory.append(process.memory_info().rss / 2**20)
                tell(f"{tally.accepted:,} readings, {report.memory[-1]:.0f} MiB")
    report.seconds = perf_counter() - started
    report.accepted = tally.accepted
    report.memory.append(process.memory_info().rss / 2**20)


def write_days(file: Path, *, days: int, now: datetime) -> None:
    """Write the last `days` days before `now` of so many meters, as a collecting system hands them over."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with file.open("wb") as stream:
        stream.write(_HEADING)
        for number in range(days, 0, -1):
            start = midnight - timedelta(days=number)
            times = [(start + timedelta(seconds=QUARTER * each)).isoformat() for each in range(A_DAY)]
            for meter in range(_METERS):
                stream.write(
                    "".join(
                        f"{meter:030X}AA,import,{time},{QUARTER},{(meter * 31 + quarter * 7) % 900},valid\n"
                        for quarter, time in enumerate(times)
                    ).encode()
                )
