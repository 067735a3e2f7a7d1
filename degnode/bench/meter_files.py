"""`degnode bench meters`, the second half: readings from a file, CSV or 2030.5, to committed rows.

The import runs in this process, as `degnode meter import` does, into an embedded PostgreSQL of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

import psutil

from bpp.meters.news import tell_of_readings
from degnode.bench.copied_rows import copy_again
from degnode.bench.meter_documents import A_DAY, QUARTER, day_documents
from kernel.clock import SystemClock
from metering.sep.elements import NAMESPACE
from metering.sources.csv_source import CsvSource
from metering.sources.detection import Form
from metering.sources.lanes import take_in_lanes
from metering.sources.ports import MeterSource
from metering.sources.sep_source import SepSource
from metering.sources.taking import Taker, Tally, groups_ahead
from metering.timeliness import TimeLimits
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory

_METERS: Final = 64
_TELL_EVERY: Final = 1_000_000
_WriteDays = Callable[..., None]
_HEADING: Final = b"meter,direction,start,duration,wh,quality\n"


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What was imported and how fast; rates in readings a second, memory in MiB as it went on."""

    readings: int
    file_bytes: int
    seconds: float = 0.0
    processor_seconds: float = 0.0
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


async def bench_import(*, form: Form, readings: int, tell: Callable[[str], None]) -> ImportReport:
    """Run the benchmark with about so many readings; `tell` hears how far it has come."""
    clock = SystemClock()
    now = clock.now()
    days = max(1, readings // (_METERS * A_DAY))
    with TemporaryDirectory(prefix="degnode-bench-") as folder:
        file = Path(folder) / "readings"
        write_days, source = _FORMS[form]
        await asyncio.to_thread(write_days, file, days=days, now=now)
        report = ImportReport(readings=days * _METERS * A_DAY, file_bytes=file.stat().st_size)
        server = await asyncio.to_thread(start_embedded, Path(folder) / "postgres")
        try:
            database = Database.connect(server.get_uri())
            await migrate(database)
            limits = TimeLimits(horizon=timedelta(days=days + 2))
            taker = Taker(
                uow_factory=UnitOfWorkFactory(database), clock=clock, on_taken=tell_of_readings, limits=limits
            )
            await _import(file, source, taker, report, tell)
            await database.close()
            report.stored, report.copy_rate = await copy_again(server.get_uri(), "meter_readings")
        finally:
            await asyncio.to_thread(server.cleanup)
    return report


async def _import(
    file: Path, source: MeterSource, taker: Taker, report: ImportReport, tell: Callable[[str], None]
) -> None:
    process, tally, told = psutil.Process(), Tally(), 0
    report.memory.append(process.memory_info().rss / 2**20)
    used, started = process_time(), perf_counter()
    with file.open("rb") as stream:
        async with (
            aclosing(groups_ahead(source.read(stream))) as groups,
            aclosing(take_in_lanes(taker.take_all, groups)) as taken,
        ):
            async for outcomes in taken:
                for outcome in outcomes:
                    tally.count(outcome)
                if tally.accepted // _TELL_EVERY > told:
                    told = tally.accepted // _TELL_EVERY
                    report.memory.append(process.memory_info().rss / 2**20)
                    tell(f"{tally.accepted:,} readings, {report.memory[-1]:.0f} MiB")
    report.seconds, report.processor_seconds = perf_counter() - started, process_time() - used
    report.accepted = tally.accepted
    report.memory.append(process.memory_info().rss / 2**20)


def write_csv(file: Path, *, days: int, now: datetime) -> None:
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


def write_sep(file: Path, *, days: int, now: datetime) -> None:
    """Write the documents of the same days and meters as one list of 2030.5."""
    namespace = f' xmlns="{NAMESPACE}"'.encode()
    with file.open("wb") as stream:
        stream.write(b"<MirrorUsagePointList" + namespace + b">\n")
        for document in day_documents(meters=_METERS, days=days, now=now):
            element = document[document.index(b"<MirrorUsagePoint") :]
            stream.write(element.replace(namespace, b"", 1) + b"\n")
        stream.write(b"</MirrorUsagePointList>\n")


_FORMS: Final[Mapping[Form, tuple[_WriteDays, MeterSource]]] = {
    Form.CSV: (write_csv, CsvSource()),
    Form.SEP: (write_sep, SepSource()),
}
