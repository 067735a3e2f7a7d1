"""`degnode bench settle`: a day of a fleet, from Parquet files to priced lines.

The reference is DuckDB's bare sum of both columns of the same file in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import psutil

from degnode.bench.memory import in_all, watch_memory
from degnode.bench.settlement_data import DAY, ZONE, make_fleet_day
from settlement.engines.calendar import find_day
from settlement.engines.file_sets import find_files, listed, open_duckdb
from settlement.engines.port import SettlementEngine
from settlement.engines.settled_day import SettledDay, settle_day

_ROUNDS: Final = 5
_TICK: Final = 0.01  # s; how finely processor time is counted
SEED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleReport:
    """What was settled and how fast: the medians of some rounds. Units: s, s of processor time, MiB."""

    readings: int
    contracts: int
    file_bytes: int
    scan_seconds: float
    scan_processor: float
    seconds: float
    processor: float
    peak_memory: float
    settled: SettledDay

    @property
    def rate(self) -> float:
        return self.readings / self.seconds

    @property
    def ratio(self) -> float:
        """How many bare scans of the same file it takes."""
        return self.seconds / self.scan_seconds

    @property
    def processor_ratio(self) -> float:
        """The same in processor time, which other work on the machine changes less."""
        return self.processor / self.scan_processor


def bench_settle(
    *, readings: int, contracts: int, engine: SettlementEngine, folder: Path, tell: Callable[[str], None]
) -> SettleReport:
    """Run the benchmark in `folder`; `tell` hears how far it has come."""
    made = make_fleet_day(folder, readings=readings, contracts=contracts, seed=SEED)
    tell(f"{made.readings:,} readings and {made.contracts:,} contracts made")
    read, agreed = find_files([str(made.readings_file)]), find_files([str(made.contracts_file)])
    day, found = find_day(DAY, zone=ZONE), []
    scans, rounds = [], []
    scan_query = f"SELECT sum(import_wh), sum(export_wh) FROM read_parquet({listed(read.paths)})"  # noqa: S608
    with watch_memory() as peak, open_duckdb() as scanner:
        for _ in range(_ROUNDS):
            scans.append(_timed(lambda: scanner.execute(scan_query).fetchall()))
            rounds.append(
                _timed(
                    lambda: found.append(
                        settle_day(day, zone=ZONE, readings=read, contracts=agreed, engine=engine)
                    )
                )
            )
            del found[:-1]
            tell(f"settled in {rounds[-1][0]:.2f} s")
    scan, usual = median(seconds for seconds, _ in scans), median(seconds for seconds, _ in rounds)
    return SettleReport(
        readings=made.readings,
        contracts=made.contracts,
        file_bytes=made.readings_file.stat().st_size,
        scan_seconds=scan,
        scan_processor=max(_TICK, median(used for _, used in scans)),
        seconds=usual,
        processor=median(used for _, used in rounds),
        peak_memory=peak.mib,
        settled=found[-1],
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long it took, and how much processor time of this process and its children."""
    used, started = _processor_time(), perf_counter()
    work()
    return perf_counter() - started, _processor_time() - used


def _processor_time() -> float:
    return in_all(psutil.Process(), lambda each: sum(each.cpu_times()[:2]))
